package probe

import (
	"errors"
	"io/fs"
	"os"
)

// stamp tells one content of a file from the next. The zero stamp is that of no file.
type stamp struct{ info fs.FileInfo }

// stampOf fails if there is no regular file: a pipe would hold up whoever reads it.
func stampOf(name string) (stamp, error) {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return stamp{}, errors.New("it is not a regular file")
	}
	return stamp{info}, nil
}

// same tells that nothing has changed. Time and length are not enough: a token that replaces another is as long, and
// there are systems on which every file is of the same day in 1970.
func (s stamp) same(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.ModTime().Equal(other.info.ModTime()) && s.info.Size() == other.info.Size()
}

// withoutPath is what is wrong with a file whose name is told anyway.
func withoutPath(err error) error {
	if inner, ok := errors.AsType[*os.PathError](err); ok {
		return inner.Err
	}
	return err
}
