//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
)

// roleVariable is the environment variable that makes a copy of this program something else. It is not a flag, so that
// the test's binary can be copied too.
const roleVariable = "BENCHCHECKS_ROLE"

// The roles.
const (
	roleEndpoint = "endpoint"
	roleClient   = "client"
)

// play is the main function of a copy.
func play(role string, args []string) int {
	var err error
	switch role {
	case roleEndpoint:
		err = serveEndpoint(args)
	case roleClient:
		err = probeBarely(args)
	default:
		err = fmt.Errorf("no such role: %s", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		return 1
	}
	return 0
}

// inRole makes a command a copy with a role.
func inRole(role string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), roleVariable+"="+role) }
}
