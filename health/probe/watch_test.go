package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// do fails the test at the first error.
func do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// watchFile watches a file until the end of the test. The channel gets a value for every call.
func watchFile(t *testing.T, n *notifier, file string) <-chan struct{} {
	t.Helper()
	calls := make(chan struct{}, 10_000)
	stop, err := n.watch(file, func() { calls <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return calls
}

// wantSeen waits until the last call has left the file's outcome at what it should be.
func wantSeen(t *testing.T, name, file string, calls <-chan struct{}, want Outcome) {
	t.Helper()
	enough := time.NewTimer(10 * time.Second)
	defer enough.Stop()
	for {
		select {
		case <-calls:
			if got := try(t, prober(t, fileSpec(file)), time.Second); got.Outcome == want {
				return
			}
		case <-enough.C:
			t.Fatalf("%s: not seen", name)
		}
	}
}

// TestC03_ChangesOfAFileAreSeen has all ways that a file is changed in.
func TestC03_ChangesOfAFileAreSeen(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	do(t, err)
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links here")
	}
	in := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	// publish is what a kubelet does with a ConfigMap.
	publish := func(version, text string) {
		before, _ := os.Readlink(in("cm", "..data"))
		do(t, os.MkdirAll(in("cm", version), 0o700))
		write(t, in("cm", version, "state"), text)
		do(t, os.Symlink(version, in("cm", "..data_tmp")), os.Rename(in("cm", "..data_tmp"), in("cm", "..data")))
		if before != "" {
			do(t, os.RemoveAll(in("cm", before)))
		}
	}
	replace := func(file, text string) {
		write(t, file+".new", text)
		do(t, os.Rename(file+".new", file))
	}
	for _, c := range []struct {
		name, file string
		prepare    func()
		steps      []func() // each leads to the outcome after the one before: fail, pass, fail...
	}{
		{
			"in place", in("state"), func() { write(t, in("state"), "up") },
			[]func(){func() { write(t, in("state"), "down") }, func() { write(t, in("state"), "up") }},
		}, {
			"replaced", in("replaced"), func() { write(t, in("replaced"), "up") },
			[]func(){func() { replace(in("replaced"), "down") }, func() { replace(in("replaced"), "up") }},
		}, {
			"over a link to its directory", in("link", "linked"), func() { write(t, in("linked"), "up") },
			[]func(){func() { replace(in("linked"), "down") }, func() { write(t, in("link", "linked"), "up") }},
		}, {
			"not there at first", in("none"), func() {},
			[]func(){func() { write(t, in("none"), "down") }, func() { write(t, in("none"), "up") }},
		}, {
			"ConfigMap", in("cm", "state"),
			func() {
				do(t, os.Mkdir(in("cm"), 0o700), os.Symlink(filepath.Join("..data", "state"), in("cm", "state")))
				publish("..1", "up")
			},
			[]func(){
				func() { publish("..2", "down") },
				func() { publish("..3", "up") },
				func() { write(t, in("cm", "..3", "state"), "down") },
			},
		}, {
			"directory made, and made again", in("a", "b", "state"), func() {},
			[]func(){
				func() { do(t, os.MkdirAll(in("a", "b"), 0o700)); write(t, in("a", "b", "state"), "down") },
				func() {
					do(t, os.RemoveAll(in("a", "b")), os.MkdirAll(in("a", "b"), 0o700))
					write(t, in("a", "b", "state"), "up")
				},
				func() { write(t, in("a", "b", "state"), "down") },
				func() {
					do(t, os.Mkdir(in("a", "c"), 0o700))
					write(t, in("a", "c", "state"), "up")
					do(t, os.Rename(in("a", "b"), in("a", "d")), os.Rename(in("a", "c"), in("a", "b")))
				},
				func() { write(t, in("a", "b", "state"), "down") },
			},
		},
	} {
		c.prepare()
		calls := watchFile(t, systemNotifier, c.file)
		for i, step := range c.steps {
			step()
			wantSeen(t, fmt.Sprintf("%s, step %d", c.name, i), c.file, calls, []Outcome{Fail, Pass}[i%2])
		}
	}
}

func TestWatchIsSharedAndEndsWithTheLastUser(t *testing.T) {
	dir, n := t.TempDir(), &notifier{}
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	t.Cleanup(func() { // runs after that of watchFile
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.watcher != nil || len(n.byPath)+len(n.dirs)+len(n.lost)+len(n.changed) != 0 {
			t.Errorf("Left over: %+v", n)
		}
	})
	write(t, one, "up")
	write(t, two, "up")
	stopOne, err := n.watch(one, func() {})
	do(t, err)
	shared := n.watcher
	calls := watchFile(t, n, two)
	stopTwo, err := n.watch(two, func() {})
	do(t, err)
	if n.watcher != shared || len(n.dirs) != 1 || len(shared.WatchList()) != 1 {
		t.Errorf("Two files of one directory take %v", shared.WatchList())
	}
	stopOne()
	stopOne() // does nothing more
	write(t, two, "down")
	wantSeen(t, "the other file", two, calls, Fail)
	stopTwo()
	if n.watcher != shared {
		t.Error("Closed while there is a user")
	}
}

func TestWatchBurstIsToldSeldom(t *testing.T) {
	n, file := &notifier{}, filepath.Join(t.TempDir(), "state")
	write(t, file, "up")
	calls := watchFile(t, n, file)
	began := time.Now()
	for range 500 {
		write(t, file, "up")
	}
	write(t, file, "down")
	wantSeen(t, "the last of many", file, calls, Fail)
	if most := int(time.Since(began)/settleTime) + 2; len(calls) > most {
		t.Errorf("%d calls, more than %d", len(calls), most)
	}
}

// TestWatchNoise is about other files of the directory, of which there may be many.
func TestWatchNoise(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	do(t, err)
	n := &notifier{}
	watchFile(t, n, filepath.Join(dir, "state"))
	n.saw(n.watcher, fsnotify.Event{Name: filepath.Join(dir, "other"), Op: fsnotify.Write})
	n.saw(n.watcher, fsnotify.Event{})
	n.saw(nil, fsnotify.Event{Name: filepath.Join(dir, "state"), Op: fsnotify.Write}) // of an earlier watcher
	n.missed(nil)
	n.mu.Lock()
	if len(n.changed) != 0 {
		t.Error("It is told of another file")
	}
	n.mu.Unlock()
}

func TestWatchMissedEventsAreTold(t *testing.T) {
	n := &notifier{}
	calls := watchFile(t, n, filepath.Join(t.TempDir(), "state"))
	n.missed(n.watcher)
	select {
	case <-calls:
	case <-time.After(10 * time.Second):
		t.Error("Not told")
	}
}

func TestWatchMayBeStoppedByWhoIsTold(t *testing.T) {
	n, file := &notifier{}, filepath.Join(t.TempDir(), "state")
	write(t, file, "up")
	stops, stopped := make(chan func(), 1), make(chan struct{})
	stop, err := n.watch(file, func() {
		select {
		case stop := <-stops:
			stop()
			close(stopped)
		default:
		}
	})
	do(t, err)
	stops <- stop
	write(t, file, "down")
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Fatal("Not told, or not stopped")
	}
}

func TestWatchThatCannotBeLeavesNothingBehind(t *testing.T) {
	n, file := &notifier{}, filepath.Join(t.TempDir(), "state")
	do(t, n.open(), n.watcher.Close()) // then it takes no directory
	if _, err := n.watch(file, func() {}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Got %v", err)
	}
	write(t, file, "up")
	calls := watchFile(t, n, file)
	write(t, file, "down")
	wantSeen(t, "with the next watcher", file, calls, Fail)
}

func TestProberOfAFileIsAWatcher(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	write(t, file, "up")
	calls := make(chan struct{}, 100)
	stop, err := prober(t, fileSpec(file)).(Watcher).Watch(func() { calls <- struct{}{} })
	do(t, err)
	defer stop()
	write(t, file, "down")
	wantSeen(t, "a change", file, calls, Fail)
}

func TestTrail(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	do(t, err)
	in := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	do(t, os.MkdirAll(in("real", "sub"), 0o700))
	for name, target := range map[string]string{
		"relative": "real", "absolute": in("real"), "nested": "relative/sub/../file",
		"loop": "loop", "dangling": "none/file", "empty": "real/file",
	} {
		if err := os.Symlink(target, in(name)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	write(t, in("real", "file"), "up")
	for _, c := range []struct{ path, want string }{
		{"real/file", "real/file"},
		{"real//./file/", "real/file"},
		{"real/sub/../file", "real/file"},
		{"relative/file", "relative real/file"},
		{"absolute/file", "absolute real/file"},
		{"nested", "nested relative real/file"},
		{"dangling", "dangling none"},
		{"real/none/file", "real/none"},
		{"real/file/below", "real/file"},
		{"relative/sub/../../real/file", "relative real/file"},
	} {
		var got []string
		for _, s := range trailOf(dir + "/" + c.path) {
			relative, err := filepath.Rel(dir, s.path())
			do(t, err)
			got = append(got, filepath.ToSlash(relative))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.path, got, c.want)
		}
	}
	if got := trailOf(in("loop")); len(got) != maxLinks+1 {
		t.Errorf("The trail of a loop has %d steps", len(got))
	}
	if got := dirsOf(trailOf(in("nested"))); !slices.Equal(got, []string{dir, in("real")}) {
		t.Errorf("Directories %v", got)
	}
	for _, root := range []string{"/", "/.."} {
		if got := trailOf(root); len(got) != 0 {
			t.Errorf("%s has the trail %v", root, got)
		}
	}
}
