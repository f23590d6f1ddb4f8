package state

import (
	"io"
	"sync"
	"time"
)

const (
	// pause is the least time between the beginnings of two writes.
	pause = time.Second
	// share is of what part of the time there may be writing: one twentieth.
	share = 20
	// retry is how long after a failure it is tried again, though nobody has asked.
	retry = 5 * time.Second
	// patience is how long the end of a process waits for the last write.
	patience = 5 * time.Second
)

// Saver writes a file when something has changed, in a goroutine of its own. It is to be closed.
type Saver struct {
	Path    string
	options Options
	stop    chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	wanted want
	news   chan struct{}
}

// Options are those of a Saver.
type Options struct {
	// Write writes the content; final tells that it is the last of this process.
	Write func(to io.Writer, final bool) error
	// Refresh is how long after a write there is the next, though nothing has changed: what is saved says also that it
	// is still so.
	Refresh func() time.Duration
	// Saved is told of every write, also of one that has failed.
	Saved func(at time.Time, err error)
	// Replace is to be Replace, but for tests.
	Replace func(path string, write func(io.Writer) error) error
}

// want is how much a write is wanted.
type want uint8

const (
	refresh want = iota // only in a while
	soon                // when the last write is long enough ago for what it took
	now                 // at once, if the last write is a second ago
)

// NewSaver writes at once, and whenever it is told to.
func NewSaver(path string, o Options) *Saver {
	if o.Replace == nil {
		o.Replace = Replace
	}
	s := &Saver{
		Path: path, options: o, wanted: now,
		stop: make(chan struct{}), done: make(chan struct{}), news: make(chan struct{}, 1),
	}
	go s.run()
	return s
}

// Changed tells that something has changed. What somebody has done by hand is urgent: it is not to be lost because
// there is much to write. It never waits.
func (s *Saver) Changed(urgent bool) {
	w := soon
	if urgent {
		w = now
	}
	s.mu.Lock()
	before := s.wanted
	s.wanted = max(s.wanted, w)
	s.mu.Unlock()
	if before >= w {
		return
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Close writes for the last time and ends the goroutine. It tells whether that has come to an end: a file system can
// hang, and a process must be able to end all the same.
func (s *Saver) Close() bool {
	close(s.stop)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.done:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Saver) run() {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := write{began: time.Now().Add(-time.Hour)}
	for {
		s.mu.Lock()
		wanted := s.wanted
		s.mu.Unlock()
		timer.Reset(time.Until(last.next(wanted, s.options.Refresh())))
		select {
		case <-s.stop:
			s.save(true)
			return
		case <-s.news:
			continue
		case <-timer.C:
		}
		s.mu.Lock()
		s.wanted = refresh // what changes from now on may come too late for this write
		s.mu.Unlock()
		last = s.save(false)
	}
}

// write is one that has been made.
type write struct {
	began  time.Time
	took   time.Duration
	failed bool
}

// next is when the next write is to begin.
func (w write) next(wanted want, again time.Duration) time.Time {
	fair := max(pause, share*w.took)
	switch {
	case wanted == now:
		return w.began.Add(pause)
	case w.failed:
		return w.began.Add(max(fair, retry))
	case wanted == soon:
		return w.began.Add(fair)
	}
	return w.began.Add(max(fair, again))
}

func (s *Saver) save(final bool) write {
	began := time.Now()
	err := s.options.Replace(s.Path, func(to io.Writer) error { return s.options.Write(to, final) })
	s.options.Saved(began, err)
	return write{began, time.Since(began), err != nil}
}
