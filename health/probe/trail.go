package probe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// step is an entry of a directory that decides which file a path leads to: a symbolic link on the way, the file itself,
// or the first part of the path that is not there.
type step struct {
	dir  string // no part of it is a link
	name string
}

func (s step) path() string { return filepath.Join(s.dir, s.name) }

// maxLinks is how many links are followed, as many as Linux does.
const maxLinks = 40

// trailOf gives the entries that a file hangs on, in the order in which its path leads through them. Whoever watches
// their directories sees it written, replaced, and exchanged along with a directory that a link names, as a mounted
// ConfigMap is: there "file" is a link to "..data/file", and "..data" one to a directory with a new name each time.
//
//	/etc/cm/file -> ..data/file, /etc/cm/..data -> ..1:    /etc/cm file, /etc/cm ..data, /etc/cm/..1 file
//	/etc/cm/file, but there is no /etc/cm:                 /etc cm
func trailOf(file string) []step {
	at, rest := splitPath(file)
	var trail []step
	for links := 0; len(rest) > 0; {
		here := step{dir: at, name: rest[0]}
		rest = rest[1:]
		if here.name == ".." {
			at = filepath.Dir(at)
			continue
		}
		if target, err := os.Readlink(here.path()); err == nil {
			trail = append(trail, here)
			if links++; links > maxLinks {
				break // a loop
			}
			root, names := splitPath(target)
			if root != "" {
				at = root
			}
			rest = append(names, rest...)
			continue
		}
		info, err := os.Lstat(here.path())
		if len(rest) == 0 || err != nil || !info.IsDir() {
			trail = append(trail, here)
			break
		}
		at = here.path()
	}
	return trail
}

// splitPath gives the root of a path, empty if it is relative, and the names from there.
func splitPath(path string) (root string, names []string) {
	volume := filepath.VolumeName(path)
	if filepath.IsAbs(path) {
		root = volume + string(filepath.Separator)
	}
	names = strings.FieldsFunc(path[len(volume):], func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) })
	return root, slices.DeleteFunc(names, func(name string) bool { return name == "." })
}

// dirsOf gives the directories of a trail, each once.
func dirsOf(trail []step) []string {
	var dirs []string
	for _, s := range trail {
		if !slices.Contains(dirs, s.dir) {
			dirs = append(dirs, s.dir)
		}
	}
	return dirs
}
