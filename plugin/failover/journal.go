package failover

import (
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// journalKept is how many events are remembered.
const journalKept = 1024

// journal is what has happened in this process, for operators. It outlives reloads.
var events journal

type journal struct {
	mu        sync.Mutex
	ring      []api.Event // the last journalKept, event number n at n-1 modulo that
	last      uint64      // number of events so far
	listeners map[chan struct{}]struct{}
}

// add numbers an event and tells those who listen. An event without a time happens now.
func (j *journal) add(e api.Event) {
	processEvents.WithLabelValues(string(e.Kind)).Inc()
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.At.IsZero() {
		e.At = time.Now()
	}
	j.last++
	e.Seq = j.last
	if len(j.ring) < journalKept {
		j.ring = append(j.ring, e)
	} else {
		j.ring[(j.last-1)%journalKept] = e
	}
	for l := range j.listeners {
		select {
		case l <- struct{}{}:
		default:
		}
	}
}

// after gives the events with a higher number that are remembered, the oldest first, and the number of the last.
func (j *journal) after(seq uint64) ([]api.Event, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if seq >= j.last { // also what is no number of ours: one more than the largest would be 0
		return nil, j.last
	}
	var found []api.Event
	for n := max(seq, j.last-uint64(len(j.ring))) + 1; n <= j.last; n++ {
		found = append(found, j.ring[(n-1)%journalKept])
	}
	return found, j.last
}

// seq is the number of the last event.
func (j *journal) seq() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// listen gives a channel that holds a signal while there is news, until stop is called.
func (j *journal) listen() (news <-chan struct{}, stop func()) {
	l := make(chan struct{}, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.listeners == nil {
		j.listeners = make(map[chan struct{}]struct{})
	}
	j.listeners[l] = struct{}{}
	return l, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.listeners, l)
	}
}
