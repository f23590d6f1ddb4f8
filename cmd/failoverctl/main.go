// Command failoverctl is the operator's command line of the failover plugin: it asks the admin API of a running server,
// and judges Corefiles without one. It decides nothing by itself.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
)

func main() {
	// A drill restores whatever ends the program, also when the terminal or the reader of a pipe has gone.
	endings := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup(1)
		endings = append(endings, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), endings...)
	code := run(ctx, os.Args[1:], system())
	stop()
	os.Exit(code)
}

// system is the world outside of a command.
func system() *world {
	return &world{
		out: os.Stdout, errs: os.Stderr, env: os.Getenv,
		terminal: func(colour string) (*term.Terminal, error) {
			return term.New(os.Stdin, os.Stdout, os.Stderr, colour)
		},
	}
}

// world is what is outside of a command, so that tests may have another one.
type world struct {
	out, errs io.Writer
	env       func(string) string
	terminal  func(colour string) (*term.Terminal, error)
}
