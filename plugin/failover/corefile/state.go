package corefile

import (
	"errors"
	"os"
	"path/filepath"
)

// StateFile is the file of the word state. It is one for the process, however many server blocks name it.
type StateFile struct {
	Pos  Pos
	Path string // absolute
}

// readState reads the line "state FILE".
func (s *stanza) readState(args []string) error {
	if len(args) != 1 {
		return errors.New("state takes one file")
	}
	s.state = args[0]
	return nil
}

// addState finds out where the state file of a stanza is. It need not be there yet, but its folder has to be.
func (b *builder) addState(s *stanza) error {
	pos, given := s.places["state"]
	if !given {
		return nil
	}
	path, err := filepath.Abs(b.files.path(s.state))
	if err != nil {
		return pos.errorf("state: %w", err)
	}
	file := &StateFile{Pos: pos, Path: path}
	if err := file.Same(b.config.State); err != nil {
		return err
	}
	if b.config.State != nil {
		return nil
	}
	if b.files.try == nil {
		b.config.State = file
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	switch {
	case err != nil:
		return pos.errorf("state: the folder must be there: %w", err)
	case !info.IsDir():
		return pos.errorf("state: %s is no folder", filepath.Dir(path))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return pos.errorf("state: %s is not a regular file", path)
	}
	b.config.State = file
	return nil
}

// Same refuses a second state file. Nil is none.
func (f *StateFile) Same(first *StateFile) error {
	if f == nil || first == nil || f.Path == first.Path {
		return nil
	}
	return f.Pos.errorf("there is one state file for the process, but %s is given here and %s on %s",
		f.Path, first.Path, f.Pos.other(first.Pos))
}
