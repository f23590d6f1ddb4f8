//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// startPowerDNS starts it with what Debian's pdns-backend-bind reads. Its Lua records share one interpreter, which is
// some twenty times as fast as its default, a new one for every query.
func (b *runner) startPowerDNS(ctx context.Context, c contestant, s *server) error {
	path, err := installed("pdns_server")
	if err != nil {
		return err
	}
	record := fmt.Sprintf("ifportup(%d, {'%s', '%s'})", b.endpoint.Port, address(0), address(1))
	if c.answers == weighted {
		var choices []string
		for r, weight := range weights {
			choices = append(choices, fmt.Sprintf("{%d, '%s'}", weight, address(r)))
		}
		record = "pickwrandom({" + strings.Join(choices, ", ") + "})"
	}
	zones := writeZone(filepath.Join(s.dir, "zone"), c.sets, func(w *bufio.Writer, set int) {
		fmt.Fprintf(w, "%s LUA A \"%s\"\n", label(set), record)
	})
	named := bench.WriteFile(filepath.Join(s.dir, "named.conf"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "zone \"%s\" { type master; file \"%s/zone\"; };\n", zone, s.dir)
	})
	config := bench.WriteFile(filepath.Join(s.dir, "pdns.conf"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "launch=bind\nbind-config=%s/named.conf\nsocket-dir=%s\n", s.dir, s.dir)
		fmt.Fprintf(w, "local-address=127.0.0.1\nlocal-port=%d\nenable-lua-records=shared\n", s.port)
		fmt.Fprint(w, "receiver-threads=1\ndistributor-threads=1\ndaemon=no\nguardian=no\ndisable-syslog=yes\n")
		fmt.Fprint(w, "loglevel=3\nsecurity-poll-suffix=\nzone-cache-refresh-interval=0\n")
	})
	if err := errors.Join(zones, named, config); err != nil {
		return err
	}
	s.Process, err = bench.Launch(ctx, b.measured, filepath.Join(s.dir, "log"), nil, path, "--config-dir="+s.dir)
	return err
}
