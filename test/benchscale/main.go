//go:build linux

// Command benchscale measures what large configurations cost: it runs the real server with a thousand to a million
// record sets, each with two check instances that probe an endpoint on the loopback, and measures how long it loads, its
// memory, and how soon answers show a change of health that touches one set or ten thousand. It prints a table of
// figures and one of budgets. `make bench-scale` builds the server and runs it. It needs no privileges, ends its
// children and removes its files however it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// bound ends a run that hangs; the default one takes some six minutes.
const bound = 15 * time.Minute

func main() {
	bench.Roles{}.Play()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchscale:", err)
		os.Exit(1)
	}
}

// command is the program without its process. Progress goes to standard error, the tables to out.
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
	if b.dir, err = os.MkdirTemp("", "benchscale"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("the run took longer than %v", bound))
	defer cancel()
	var all []figures
	defer func() { report(out, all) }() // also of what there is when one of them fails
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
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return fmt.Errorf("%d record sets: %w", sets, err)
		}
		all = append(all, f)
	}
	return nil
}
