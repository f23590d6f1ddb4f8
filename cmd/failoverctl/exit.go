package main

import (
	"context"
	"errors"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/rehearsal"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"
)

// The exit codes, which scripts rely on.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitDrill       = 4
	exitWarnings    = 5
	exitInterrupted = 130
)

// exitHelp is indented as far as manual pages want it, to keep the lines.
const exitHelp = `Exit codes:

    0    it is done; of check: no errors
    1    it failed, the server refused it, or there is no such thing; of check: errors
    2    the command line is wrong
    3    the server, or the name server of a drill, cannot be reached
    4    in a drill the answers did not move, or did not come back
    5    check --strict: there are warnings and no errors
    130  ended by a signal; --follow and --watch, which go on until then, end with 0`

// usageError is a mistake of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errWarned is what check --strict comes to; everything has been said.
var errWarned = errors.New("there are warnings")

// quiet is an error after which there is nothing to say any more.
type quiet struct{ error }

func (e quiet) Unwrap() error { return e.error }

// codeOf is the exit code for what a command came to.
func codeOf(err error) int {
	_, usage := errors.AsType[usageError](err)
	_, unreachable := errors.AsType[*client.Unreachable](err)
	switch {
	case err == nil:
		return exitOK
	case usage:
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, rehearsal.ErrNotMoved), errors.Is(err, rehearsal.ErrNotReturned):
		return exitDrill
	case errors.Is(err, errWarned):
		return exitWarnings
	case unreachable:
		return exitUnreachable
	}
	return exitFailed
}
