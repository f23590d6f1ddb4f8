//go:build linux

package bench

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
)

// Main is the process of a measuring program: it plays a role if it is told to, and else runs the command until that
// ends or somebody ends it. The command writes progress to standard error and its tables to out.
func (r Roles) Main(name string, command func(ctx context.Context, args []string, out io.Writer) error) {
	r.Play()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Within does something that ends after bound, and in a temporary folder that goes with it. Why it was ended, if it was,
// is the error.
func Within(ctx context.Context, bound time.Duration, do func(ctx context.Context, dir string) error) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("the run took longer than %v", bound))
	defer cancel()
	err = do(ctx, dir)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}
