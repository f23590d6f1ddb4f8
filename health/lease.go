package health

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Lease is one user's hold on a table of checks. All methods may be called from any goroutine, and go on working after
// Release with what was last known.
type Lease struct {
	registry *Registry
	schedule *scheduler // whose clock the checks go by; nil without checks
	monitors []*monitor // by index of the definition; fixed
	entries  []user     // the same as users of the monitors, which link them
	canaries []*monitor // belong to the Registry's mutex
	unknown  atomic.Int64
	release  sync.Once
	signal   chan struct{}
	// manual is what operators say, by index; nil for nothing, which is nearly always. The map is never changed.
	manual atomic.Pointer[map[int]State]

	mu    sync.Mutex
	dirty []int  // what Drain will give, in order
	isIn  []bool // what is in dirty
}

func newLease(r *Registry, size int) *Lease {
	return &Lease{
		registry: r,
		monitors: make([]*monitor, size),
		entries:  make([]user, size),
		signal:   make(chan struct{}, 1),
		isIn:     make([]bool, size),
	}
}

// Status gives the last known status of the i-th check. It waits for nothing but that very check, and does not allocate.
// Beyond the checks there is only what Force says.
func (l *Lease) Status(i int) (s Status) {
	if i < len(l.monitors) {
		s = l.monitors[i].shown.status()
	}
	if manual := l.manual.Load(); manual != nil {
		s.Manual = (*manual)[i]
	}
	return s
}

// Force sets what operators say: the manual states by index, in place of those of the last call. The checks go on
// beneath. Indexes beyond the checks are for whatever else the user of the lease gives a manual state to. The map must
// not be changed any more.
func (l *Lease) Force(states map[int]State) {
	was := map[int]State{}
	if old := l.manual.Load(); old != nil {
		was = *old
	}
	if len(states) == 0 {
		l.manual.Store(nil)
	} else {
		l.manual.Store(&states)
	}
	for i, state := range states {
		if was[i] != state {
			l.changed(i, false)
		}
	}
	for i := range was {
		if _, still := states[i]; !still {
			l.changed(i, false)
		}
	}
}

// Last gives what the last attempt of the i-th check found, whatever its outcome, and when that was; zero before the
// first one.
func (l *Lease) Last(i int) (probe.Result, time.Time) {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	m := l.monitors[i]
	if m.ended < 0 {
		return probe.Result{}, time.Time{}
	}
	if record, ok := l.registry.restored[m]; ok && m.ended == 0 {
		return record.Result, record.Probed
	}
	return m.last.result(), l.schedule.epoch.Add(m.ended)
}

// Next gives when the next attempt of the i-th check is due: in the past while one is under way or waits for its turn,
// zero when the check has stopped.
func (l *Lease) Next(i int) time.Time {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	m := l.monitors[i]
	switch {
	case m.stopped:
		return time.Time{}
	case m.index >= 0 && m.holders == 0:
		return l.schedule.epoch.Add(m.due)
	}
	return l.schedule.epoch.Add(m.wanted)
}

// Known tells that no check is unknown. It takes no lock.
func (l *Lease) Known() bool { return l.unknown.Load() == 0 }

// Changes gives a channel that holds a signal while Drain has something to give. It is never closed.
func (l *Lease) Changes() <-chan struct{} { return l.signal }

// Drain gives, each once, the indexes of the checks whose State, Streak or Manual has changed since the last Drain, or
// since Acquire. The Status of each is the one to act on: it is at least as new as the change.
func (l *Lease) Drain() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range l.dirty {
		l.isIn[i] = false
	}
	dirty := l.dirty
	l.dirty = nil // rather than keep room for all, which change at a time when they are new and hardly ever after
	return dirty
}

// Release ends the use. A check that nobody else uses stops, and an attempt of it in flight is broken off and counts
// as nothing. Release does not wait for that and may be called again.
func (l *Lease) Release() { l.release.Do(func() { l.registry.release(l) }) }

// changed notes that the i-th status is another one, and whether the check was unknown until now.
func (l *Lease) changed(i int, known bool) {
	if known {
		l.unknown.Add(-1)
	}
	l.mu.Lock()
	for i >= len(l.isIn) {
		l.isIn = append(l.isIn, false) // beyond the checks, see Force
	}
	if !l.isIn[i] {
		l.isIn[i] = true
		l.dirty = append(l.dirty, i)
	}
	l.mu.Unlock()
	select {
	case l.signal <- struct{}{}:
	default:
	}
}
