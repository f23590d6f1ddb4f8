//go:build !windows

package state

import (
	"bufio"
	"io"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace writes a file so that whoever reads it finds the old one or the new one, also after a crash of the machine.
func Replace(path string, write func(io.Writer) error) error {
	// Beside the file, since it cannot be renamed from another file system.
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	b := bufio.NewWriterSize(f, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
