//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// startCoreDNS starts the server with one of its plugins, and no other but prometheus, and pprof if it is to be
// profiled.
func (b *runner) startCoreDNS(ctx context.Context, c contestant, s *server) error {
	if err := b.writeData(c, s.dir); err != nil {
		return err
	}
	err := bench.WriteFile(filepath.Join(s.dir, "Corefile"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "%s:%d {\n bind 127.0.0.1\n root %s\n", zone, s.port, s.dir)
		if c.prometheus {
			fmt.Fprintf(w, " prometheus 127.0.0.1:%d\n", s.metrics)
		}
		if b.profiles != "" {
			s.pprof = bench.Pprof(fmt.Sprintf("127.0.0.1:%d", s.debug))
			fmt.Fprintf(w, " pprof %s\n", s.pprof)
		}
		b.writePlugin(w, c, s)
		fmt.Fprint(w, "}\n")
	})
	if err != nil {
		return err
	}
	s.Process, err = bench.Launch(ctx, b.measured, filepath.Join(s.dir, "log"), onOneCore, b.binary, "-conf", "Corefile")
	return err
}

// writeData writes what the plugin reads beside the Corefile.
func (*runner) writeData(c contestant, dir string) error {
	switch c.who {
	case hosts, lookup:
		return writeHosts(dir, c)
	case file:
		return writeStatic(dir, c)
	case loadbalance:
		if err := writeStatic(dir, c); err != nil {
			return err
		}
		return writeWeights(dir, c)
	default:
		return nil
	}
}

func (b *runner) writePlugin(w *bufio.Writer, c contestant, s *server) {
	switch c.who {
	case failover:
		b.writeFailover(w, c)
	case lookup:
		fmt.Fprintf(w, " lookup %s/hosts\n", s.dir)
	case hosts:
		fmt.Fprint(w, " hosts hosts {\n  reload 0\n }\n")
	case file:
		fmt.Fprint(w, " file zone {\n  reload 0\n }\n")
	case loadbalance:
		fmt.Fprint(w, " loadbalance weighted weights {\n  reload 0s\n }\n file zone {\n  reload 0\n }\n")
	case template:
		fmt.Fprintf(w, " template IN A {\n  match ^s[0-9]+[.]example[.]org[.]$\n  answer \"{{ .Name }} 60 IN A %s\"\n }\n",
			address(0))
	default:
		fmt.Fprintf(w, " %s\n", c.who)
	}
}

// writeFailover gives every record a check. As all sets have the same addresses, all of them share the running checks:
// what checks cost is for bench-checks to tell.
func (b *runner) writeFailover(w *bufio.Writer, c contestant) {
	fmt.Fprintf(w, " failover {\n  check t tcp://:%d\n", b.endpoint.Port)
	for i := range c.sets {
		for r := range c.records() {
			switch {
			case c.answers == weighted:
				fmt.Fprintf(w, "  weight %d", weights[r])
			case r == 0:
				fmt.Fprint(w, "  primary")
			default:
				fmt.Fprint(w, "  secondary")
			}
			fmt.Fprintf(w, " %s %s check t\n", label(i), address(r))
		}
	}
	fmt.Fprint(w, " }\n")
}
