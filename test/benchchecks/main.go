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
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// bound ends a run that hangs; the default one takes some seven minutes.
const bound = 8 * time.Minute

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchchecks:", err)
		os.Exit(1)
	}
}

// command is the program without its process. Progress goes to standard error, the tables to out.
func command(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	b := &bench{options: o}
	if b.binary, err = binary(); err != nil {
		return err
	}
	if err := enoughDescriptors(); err != nil {
		return err
	}
	if b.measured, b.serving, err = cores(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "benchchecks"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("the run took longer than %v", bound))
	defer cancel()

	var results []figures
	defer func() { report(out, results) }() // also of what there is when one of them fails
	for _, r := range o.runs() {
		f, err := b.run(ctx, r)
		if errors.Is(err, errNotInstalled) {
			fmt.Fprintf(os.Stderr, "\n*** %v: NOT INSTALLED, so there is nothing to compare with "+
				"(Debian package gdnsd) ***\n\n", r)
			continue
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return fmt.Errorf("%v: %w", r, err)
		}
		fmt.Fprintf(os.Stderr, "%v: %.3f ms of CPU a probe, %.0f probes/s\n", r, f.cpuPerProbe()*1e3, f.rate())
		results = append(results, f)
	}
	return nil
}

// binary finds the server to measure.
func binary() (string, error) {
	path := os.Getenv("COREDNS_BINARY")
	if path == "" {
		path = "bin/coredns"
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the server to measure is missing (make build makes it, COREDNS_BINARY names another): %w", err)
	}
	return filepath.Abs(path)
}

// descriptors is how many a process must be able to have: the server takes a quarter of its own for probes, and the
// endpoint must hold what several of those leave open.
const descriptors = 8192

func enoughDescriptors() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	// Go has raised the soft limit to the hard one, as it will in the children.
	if limit.Cur < descriptors {
		return fmt.Errorf("ulimit -n is %d, and %d are needed", limit.Cur, descriptors)
	}
	return nil
}
