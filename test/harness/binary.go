package harness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Main runs the tests of a package and removes what they built. Its result is the exit code.
func Main(m *testing.M) int {
	defer Clean()
	return m.Run()
}

// Clean removes what Binary and Failoverctl built.
func Clean() {
	if scratch != "" {
		os.RemoveAll(scratch)
	}
}

// scratch holds the binaries that this test run built; empty until then.
var scratch string

// building is held while one is built.
var building sync.Mutex

// Binary is the path of the server under test: the one COREDNS_BINARY names, or one built on first use.
var Binary = sync.OnceValues(func() (string, error) { return command("coredns", "COREDNS_BINARY") })

// Failoverctl is the path of the command line under test, the same way with FAILOVERCTL_BINARY.
var Failoverctl = sync.OnceValues(func() (string, error) { return command("failoverctl", "FAILOVERCTL_BINARY") })

// command finds or builds the command of a name.
func command(name, variable string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		return filepath.Abs(path)
	}
	building.Lock()
	defer building.Unlock()
	if scratch == "" {
		dir, err := os.MkdirTemp("", "failover-test")
		if err != nil {
			return "", err
		}
		scratch = dir
	}
	path := filepath.Join(scratch, name)
	build := exec.Command("go", "build", "-o", path, "github.com/seed-a19ac2b6/failover/cmd/"+name)
	var output bytes.Buffer
	build.Stdout, build.Stderr = &output, &output
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, &output)
	}
	return path, nil
}
