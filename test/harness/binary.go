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

// Clean removes what Binary built.
func Clean() {
	if scratch != "" {
		os.RemoveAll(scratch)
	}
}

// scratch holds the binary when this test run built it; empty until then.
var scratch string

// Binary is the path of the server under test: the one COREDNS_BINARY names, or one built on first use.
var Binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("COREDNS_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "failover-test")
	if err != nil {
		return "", err
	}
	scratch = dir
	path := filepath.Join(dir, "coredns")
	build := exec.Command("go", "build", "-o", path, "github.com/seed-a19ac2b6/failover/cmd/coredns")
	var output bytes.Buffer
	build.Stdout, build.Stderr = &output, &output
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, &output)
	}
	return path, nil
})
