//go:build linux

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Binary finds a server to measure: the one that a variable of the environment names, or the one that make has put at
// fallback.
func Binary(variable, fallback string) (string, error) {
	path := os.Getenv(variable)
	if path == "" {
		path = fallback
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the server to measure is missing (make build makes it, %s names another): %w", variable, err)
	}
	return filepath.Abs(path)
}

// EnoughDescriptors says so if the limit on open files is too low: the server takes a quarter of its own for probes,
// and the endpoint must hold what several of those leave open.
func EnoughDescriptors() error {
	const descriptors = 8192
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
