package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if scratch != "" {
		os.RemoveAll(scratch)
	}
	os.Exit(code)
}

// scratch holds the binary when this test run built it; empty until then.
var scratch string

// binary returns the path of the server under test: the one COREDNS_BINARY names, or one built on first use.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("COREDNS_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "failover-test")
	if err != nil {
		return "", err
	}
	scratch = dir
	path := filepath.Join(dir, "coredns")
	build := exec.Command("go", "build", "-o", path, "../cmd/coredns")
	var output bytes.Buffer
	build.Stdout, build.Stderr = &output, &output
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, &output)
	}
	return path, nil
})
