//go:build linux

// Command benchquery measures what an answer costs: it runs failover beside other plugins of the same build of CoreDNS,
// one of which does nothing, and beside gdnsd and PowerDNS, loads each with dnsperf, and prints a table of figures and
// one of budgets. Then it changes health a thousand times a second under full load, judges every answer, and compares
// how long they take. `make bench-query` builds the server and runs it. It needs no privileges, ends its children and
// removes its files however it ends.
//
// The server that is measured has one core to itself and its load another, where there are two. Absolute values move
// with the machine, so the budgets are ratios of what ran side by side.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// bound ends a run that hangs; the default one takes some ten minutes.
const bound = 20 * time.Minute

func main() { bench.Roles{}.Main("benchquery", command) }

// command is the program without its process.
func command(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	b := &runner{options: o}
	if b.binary, err = bench.Binary("BENCH_BINARY", "bin/coredns-bench"); err != nil {
		return err
	}
	if _, err := installed("dnsperf"); err != nil && len(o.sets) > 0 {
		return fmt.Errorf("the load comes from dnsperf (Debian package dnsperf): %w", err)
	}
	if err := bench.EnoughDescriptors(); err != nil {
		return err
	}
	if b.measured, b.serving, err = bench.Cores(); err != nil {
		return err
	}
	return bench.Within(ctx, bound, func(ctx context.Context, dir string) error {
		b.dir = dir
		return b.run(ctx, out)
	})
}

// run measures all, and reports also what there is when something fails.
func (b *runner) run(ctx context.Context, out io.Writer) (err error) {
	var (
		all    []figures
		change *changeFigures
	)
	defer func() { report(out, all, change) }()
	if b.endpoint, err = bench.StartEndpoint(ctx, b.serving, b.dir, bench.KindTCP); err != nil {
		return err
	}
	defer b.endpoint.End()
	for _, sets := range b.sets {
		fmt.Fprintf(os.Stderr, "%d record sets...\n", sets)
		some, err := b.measureField(ctx, b.field(sets))
		all = append(all, some...)
		if err != nil {
			return err
		}
	}
	if b.changes {
		fmt.Fprintf(os.Stderr, "%d health changes a second...\n", changesPerSecond)
		f, err := b.measureChange(ctx)
		if err != nil {
			return err
		}
		change = &f
	}
	return nil
}
