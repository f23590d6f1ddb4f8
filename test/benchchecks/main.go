//go:build linux

// Command benchchecks measures what checks cost: it runs the real server with 10,000 and 100,000 of them against an
// endpoint on the loopback, beside gdnsd and a bare net/http client that do the same, and prints a table of figures and
// one of budgets. `make bench-checks` builds the server and runs it; with -kind, -checks or -interval it makes a single
// run. It needs no privileges, ends its children and removes its files however it ends.
//
// The server that is measured has one core to itself and the endpoint another, where there are two. Absolute values
// move with the machine, so the budgets are ratios of what ran side by side.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// roleClient is the reference for HTTP checks.
const roleClient = "client"

var roles = bench.Roles{roleClient: probeBarely}

// bound ends a run that hangs; the default one takes some seven minutes.
const bound = 8 * time.Minute

func main() { roles.Main("benchchecks", command) }

// command is the program without its process.
func command(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	b := &runner{options: o}
	if b.binary, err = bench.Binary("COREDNS_BINARY", "bin/coredns"); err != nil {
		return err
	}
	if err := bench.EnoughDescriptors(); err != nil {
		return err
	}
	if b.measured, b.serving, err = bench.Cores(); err != nil {
		return err
	}
	return bench.Within(ctx, bound, func(ctx context.Context, dir string) error {
		b.dir = dir
		return b.runAll(ctx, out)
	})
}

// runAll measures all, and reports also what there is when one of them fails.
func (b *runner) runAll(ctx context.Context, out io.Writer) error {
	var results []figures
	defer func() { report(out, results) }()
	for _, r := range b.runs() {
		f, err := b.run(ctx, r)
		if errors.Is(err, errNotInstalled) {
			fmt.Fprintf(os.Stderr, "\n*** %v: NOT INSTALLED, so there is nothing to compare with "+
				"(Debian package gdnsd) ***\n\n", r)
			continue
		}
		if err != nil {
			return fmt.Errorf("%v: %w", r, err)
		}
		fmt.Fprintf(os.Stderr, "%v: %.3f ms of CPU a probe, %.0f probes/s\n", r, f.cpuPerProbe()*1e3, f.rate())
		results = append(results, f)
	}
	return nil
}
