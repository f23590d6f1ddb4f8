package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// largest is the most bytes that are read: those of some two million checks.
const largest = 1 << 30

// Load reads a file. It gives nil where there is none. A DamagedError is about what the file holds, any other error
// about reading it.
func Load(path string) (*Saved, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is saved, and that is no mistake
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > largest:
		return nil, &DamagedError{fmt.Errorf("it is larger than %d bytes", largest)}
	}
	saved, err := Read(text)
	if err != nil {
		return nil, &DamagedError{err}
	}
	return saved, nil
}

// DamagedError tells that a file is none that Write has written, or is so no more.
type DamagedError struct{ cause error }

func (e *DamagedError) Error() string { return e.cause.Error() }

// Unwrap gives the cause.
func (e *DamagedError) Unwrap() error { return e.cause }

// SetAside renames a damaged file, so that somebody can look at it, and tells how it is called now. There is one at the
// most.
func SetAside(path string) (string, error) {
	aside := path + ".damaged"
	return aside, os.Rename(path, aside)
}

// Sweep removes what a process has left beside the file that was killed while it wrote.
func Sweep(path string) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return // whoever writes will tell
	}
	for _, e := range entries {
		random, ours := strings.CutPrefix(e.Name(), "."+base)
		if ours && random != "" && strings.Trim(random, "0123456789") == "" && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// Condition is what is wrong with a file, without the names and numbers that differ every time.
func Condition(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var number syscall.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}
