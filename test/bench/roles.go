//go:build linux

package bench

import (
	"fmt"
	"os"
	"os/exec"
)

// roleVariable is the environment variable that makes a copy of a program something else. It is not a flag, so that a
// test's binary can be copied too.
const roleVariable = "BENCH_ROLE"

// roleEndpoint is the role that every program has to offer which starts an endpoint.
const roleEndpoint = "endpoint"

// Roles are what copies of a program can be, beside an endpoint.
type Roles map[string]func(args []string) error

// Play is the main function of a copy: it ends the process if that has a role, and else does nothing.
func (r Roles) Play() {
	role := os.Getenv(roleVariable)
	if role == "" {
		return
	}
	play, ok := r[role]
	if role == roleEndpoint {
		play, ok = serveEndpoint, true
	}
	err := fmt.Errorf("no such role: %s", role)
	if ok {
		err = play(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// InRole makes a command a copy with a role.
func InRole(role string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), roleVariable+"="+role) }
}
