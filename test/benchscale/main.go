//go:build linux

// Command benchscale measures what large configurations cost: it runs the real server with a thousand to a million
// record sets, each with two check instances that probe an endpoint on the loopback, and measures how long it loads, its
// memory, and how soon answers show a change of health that touches one set or ten thousand. It prints a table of
// figures and one of budgets. `make bench-scale` builds the server and runs it. It needs no privileges, ends its
// children and removes its files however it ends.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// bound ends a run that hangs; the default one takes some six minutes.
const bound = 15 * time.Minute

func main() { bench.Roles{}.Main("benchscale", command) }

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
	if _, b.serving, err = bench.Cores(); err != nil {
		return err
	}
	return bench.Within(ctx, bound, func(ctx context.Context, dir string) error {
		b.dir = dir
		return b.runAll(ctx, out)
	})
}

// runAll measures all, and reports also what there is when one of them fails.
func (b *runner) runAll(ctx context.Context, out io.Writer) (err error) {
	var all []figures
	defer func() { report(out, all) }()
	if b.bare, err = b.empty(ctx); err != nil {
		return err
	}
	for _, sets := range b.sets {
		s, err := b.plan(sets)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%d record sets, %d checks...\n", s.sets, s.checks())
		f, err := b.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%d record sets: %w", sets, err)
		}
		all = append(all, f)
	}
	return nil
}
