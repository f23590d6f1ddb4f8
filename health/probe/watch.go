package probe

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher is a Prober that can tell when an attempt is worth while, so that a change is seen at once and not after the
// interval.
type Watcher interface {
	// Watch calls changed soon after what is probed may have changed, until stop is called. It may do so for no reason,
	// and once more while stop is called; for one Watch never two at a time. Changed is called without a lock held, so
	// it may call stop, and holds up all other watches until it returns. After an error there is nothing to stop, and
	// the check is just probed every interval, as any check is: a watch may miss what happens to directories further
	// up the path.
	Watch(changed func()) (stop func(), err error)
}

// settleTime is for how long changes are gathered before they are told. A file that is written takes several, and read
// in between it is empty.
const settleTime = 20 * time.Millisecond

// notifier tells of changes to files. It has one watcher of the system's for all, since there are few to be had, from
// the first user to the last one.
type notifier struct {
	// changing is held while the set of users or what they watch changes, which calls the system. On a file system that
	// hangs that may take for ever; then all files are just probed every interval.
	changing sync.Mutex

	// mu guards what follows. It is never held over a call to the system or to a user: who drains the watcher must not
	// wait for one who adds to it, since on some systems that one waits for the watcher to be drained.
	mu      sync.Mutex
	watcher *fsnotify.Watcher // nil while there are no users
	// byPath holds the users by the paths at which something may happen that they want to know of: the names on their
	// trails, and the directories that these are in.
	byPath  map[string]map[*watched]bool
	dirs    map[string]int // how many users watch a directory
	lost    map[string]bool
	changed map[*watched]bool // not told of yet
	telling bool              // tell is due or running
}

// watched is one user of a notifier.
type watched struct {
	file  string
	tell  func()
	trail []step
}

var systemNotifier = &notifier{}

// watch begins to tell of changes to a file.
func (n *notifier) watch(file string, changed func()) (stop func(), err error) {
	n.changing.Lock()
	defer n.changing.Unlock()
	if err := n.open(); err != nil {
		return nil, fmt.Errorf("watch %s: %w", file, err)
	}
	w := &watched{file: file, tell: changed}
	if err := n.follow(w); err != nil {
		n.forget(w)
		return nil, fmt.Errorf("watch %s: %w", file, err)
	}
	return sync.OnceFunc(func() {
		n.changing.Lock()
		defer n.changing.Unlock()
		n.forget(w)
	}), nil
}

// open starts the system's watcher if there is none.
func (n *notifier) open() error {
	n.mu.Lock()
	running := n.watcher != nil
	n.mu.Unlock()
	if running {
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watcher = watcher
	n.byPath = map[string]map[*watched]bool{}
	n.dirs = map[string]int{}
	n.lost = map[string]bool{}
	n.changed = map[*watched]bool{}
	go n.drain(watcher)
	return nil
}

// maxFollows is how often a trail is looked at again because it changed before it was watched.
const maxFollows = 5

// follow makes the directories watched on which w depends now, and no others.
func (n *notifier) follow(w *watched) error {
	for range maxFollows {
		trail := trailOf(w.file)
		if err := n.retrace(w, trail); err != nil {
			return err
		}
		if slices.Equal(trail, trailOf(w.file)) {
			return nil
		}
	}
	return nil // somebody is very busy there, and will be seen
}

// retrace puts w on another trail. After an error w is on as much of it as could be watched.
func (n *notifier) retrace(w *watched, trail []step) error {
	watcher, add, remove := n.relist(w, trail)
	for _, dir := range remove {
		_ = watcher.Remove(dir) // fails if the directory is gone
	}
	var failed error
	for _, dir := range add {
		if err := watcher.Add(dir); err != nil {
			failed = err
			n.mu.Lock()
			n.lost[dir] = true
			n.mu.Unlock()
		}
	}
	return failed
}

// relist is the part of retrace that keeps the books. It gives the directories to watch and those to watch no more.
func (n *notifier) relist(w *watched, trail []step) (watcher *fsnotify.Watcher, add, remove []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, after := dirsOf(w.trail), dirsOf(trail)
	n.unlist(w)
	w.trail = trail
	n.list(w)
	for _, dir := range after {
		n.dirs[dir]++
		if n.dirs[dir] == 1 || n.lost[dir] {
			delete(n.lost, dir)
			add = append(add, dir)
		}
	}
	for _, dir := range before {
		n.dirs[dir]--
		if n.dirs[dir] == 0 {
			delete(n.dirs, dir)
			delete(n.lost, dir)
			remove = append(remove, dir)
		}
	}
	return n.watcher, add, remove
}

func (n *notifier) list(w *watched) {
	for _, s := range w.trail {
		for _, path := range []string{s.dir, s.path()} {
			if n.byPath[path] == nil {
				n.byPath[path] = map[*watched]bool{}
			}
			n.byPath[path][w] = true
		}
	}
}

func (n *notifier) unlist(w *watched) {
	for _, s := range w.trail {
		for _, path := range []string{s.dir, s.path()} {
			delete(n.byPath[path], w)
			if len(n.byPath[path]) == 0 {
				delete(n.byPath, path)
			}
		}
	}
}

// forget ends the watch of w, and with the last one the system's watcher.
func (n *notifier) forget(w *watched) {
	_ = n.retrace(w, nil)
	n.mu.Lock()
	delete(n.changed, w)
	var last *fsnotify.Watcher
	if len(n.dirs) == 0 {
		last, n.watcher = n.watcher, nil
	}
	n.mu.Unlock()
	if last != nil {
		last.Close()
	}
}

// drain takes what the system's watcher says, until that is closed.
func (n *notifier) drain(watcher *fsnotify.Watcher) {
	for {
		select {
		case event, open := <-watcher.Events:
			if !open {
				return
			}
			n.saw(watcher, event)
		case _, open := <-watcher.Errors:
			if !open {
				return
			}
			n.missed(watcher)
		}
	}
}

// saw notes an event for those whom it concerns.
func (n *notifier) saw(watcher *fsnotify.Watcher, event fsnotify.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watcher != watcher {
		return
	}
	path := filepath.Clean(event.Name)
	if n.dirs[path] > 0 && (event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)) {
		n.lost[path] = true // the system watches no more, or something that is elsewhere now
	}
	for w := range n.byPath[path] {
		n.changed[w] = true
	}
	n.tellSoon()
}

// missed is called when events have been lost: anything may have changed.
func (n *notifier) missed(watcher *fsnotify.Watcher) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watcher != watcher {
		return
	}
	for _, users := range n.byPath {
		for w := range users {
			n.changed[w] = true
		}
	}
	n.tellSoon()
}

// tellSoon makes what has changed be told once the settleTime is over. More changes do not put it off.
func (n *notifier) tellSoon() {
	if len(n.changed) > 0 && !n.telling {
		n.telling = true
		time.AfterFunc(settleTime, n.tell)
	}
}

// tell follows the users that something has changed for to where their files are now, and tells them.
func (n *notifier) tell() {
	n.changing.Lock()
	n.mu.Lock()
	concerned := make([]*watched, 0, len(n.changed))
	for w := range n.changed {
		concerned = append(concerned, w)
	}
	clear(n.changed)
	n.mu.Unlock()
	for _, w := range concerned {
		_ = n.follow(w) // what cannot be watched any more is still probed every interval
	}
	n.changing.Unlock()

	for _, w := range concerned {
		w.tell()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.telling = false
	n.tellSoon()
}
