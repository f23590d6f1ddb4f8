//go:build !unix

package probe

import (
	"context"
	"errors"
	"os/exec"
)

// errNoGroups is why programs are not run: without process groups what they start could not be ended with them.
var errNoGroups = errors.New("programs cannot be run as checks on this system")

func checkProgram(string) error { return errNoGroups }

func runGroup(context.Context, *exec.Cmd) error { return errNoGroups }
