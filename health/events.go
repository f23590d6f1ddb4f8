package health

import "time"

// EventKind tells what has happened.
type EventKind string

// The kinds of events.
const (
	EventTransition EventKind = "transition" // a check has changed its state
	EventIsolated   EventKind = "isolated"   // this process seems to be cut off; what fails is not believed
	EventConnected  EventKind = "connected"  // it is not any more
	EventResumed    EventKind = "resumed"    // this process was stopped for a while and probes everything again
	EventUnwatched  EventKind = "unwatched"  // a check that should tell of changes cannot, and is probed every interval
)

// Event is something that has happened to a check or to the process as a whole.
type Event struct {
	// Seq numbers the events of a Registry without a gap, from 1.
	Seq  uint64
	At   time.Time
	Kind EventKind
	// Definition is that of EventTransition and EventUnwatched, Transition of the first.
	Definition Definition
	Transition Transition
	// Lasted is how long this process was stopped, of EventResumed.
	Lasted time.Duration
	// Cause says why, of EventUnwatched.
	Cause string
}

// eventsKept is how many events a Registry remembers.
const eventsKept = 1024

// events is a ring of the last ones.
type events struct {
	ring []Event
	seq  uint64
}

// add numbers the event, keeps it, and gives it back.
func (e *events) add(event Event) Event {
	e.seq++
	event.Seq = e.seq
	if len(e.ring) < eventsKept {
		e.ring = append(e.ring, event)
	} else {
		e.ring[(e.seq-1)%eventsKept] = event
	}
	return event
}

// after gives the events with a higher number than seq that are still known, the oldest first.
func (e *events) after(seq uint64) []Event {
	first := max(seq, e.seq-uint64(len(e.ring))) + 1
	var found []Event
	for n := first; n <= e.seq; n++ {
		found = append(found, e.ring[(n-1)%eventsKept])
	}
	return found
}

// Events gives the last events, 1,024 at most, that have a higher number than after; the oldest comes first.
func (r *Registry) Events(after uint64) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events.after(after)
}

// event records an event that happens now.
func (r *Registry) event(e Event) Event {
	e.At = time.Now()
	return r.events.add(e)
}

// transition records a transition.
func (r *Registry) transition(m *monitor, t Transition) Event {
	return r.events.add(Event{At: t.At, Kind: EventTransition, Definition: m.definition(), Transition: t})
}
