package health

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// monitor is one running check. It belongs to its Registry's mutex, but for status. Times are measured from the start
// of the scheduler.
//
// It is idle (in the heap), queued (waiting at a gate), or in flight (in the heap with the time at which it is stuck).
type monitor struct {
	definition Definition
	prober     Prober
	machine    Machine
	status     atomic.Pointer[Status]
	users      []user
	sibling    *monitor // next one in Registry.monitors
	phase      time.Duration

	due     time.Duration
	index   int // in the heap, or -1
	ticket  ticket
	started time.Duration // start of the last attempt
	cancel  context.CancelFunc

	holders uint8 // goroutines that will still report on the last attempt; 0 unless in flight
	stuck   bool  // the attempt in flight has been counted, though it has not returned
	stopped bool
}

// user is one entry of a lease's table.
type user struct {
	lease *Lease
	index int
}

// seed takes over the state of a check that measures the same.
func (m *monitor) seed(from *monitor) {
	m.machine = from.machine.Seed()
	status := *from.status.Load()
	status.Streak = false
	m.status.Store(&status)
}

// leave forgets a lease and tells whether it was the last.
func (m *monitor) leave(l *Lease) bool {
	m.users = slices.DeleteFunc(m.users, func(u user) bool { return u.lease == l })
	return len(m.users) == 0
}

// apply counts a result, publishes what follows from it and gives the transition if there was one.
func (m *monitor) apply(result Result) (Transition, bool) {
	before := m.machine
	m.machine = before.Next(m.definition.Timing, result.Outcome)
	if result.Outcome == Indeterminate {
		return Transition{}, false
	}
	old := m.status.Load()
	status := Status{
		State:  m.machine.State(),
		Streak: m.machine.Streak(),
		Since:  old.Since,
		Reason: result.Reason,
		Detail: result.Detail,
	}
	moved := status.State != old.State
	if moved {
		status.Since = time.Now()
	}
	if status == *old {
		return Transition{}, false
	}
	published := status // a copy, so that only a change costs an allocation
	m.status.Store(&published)
	if moved || status.Streak != old.Streak {
		for _, u := range m.users {
			u.lease.changed(u.index, old.State == Unknown && moved)
		}
	}
	if !moved {
		return Transition{}, false
	}
	t := Transition{From: old.State, To: status.State, Reason: result.Reason, Detail: result.Detail, At: status.Since}
	if result.Outcome == Fail {
		t.Failures = before.Failures() + 1
	} else {
		t.Passes = before.Passes() + 1
	}
	return t, true
}

// next is when to start again after the attempt that began at m.started and has ended now. A hurried check comes
// Fast after its last start. Else it goes back to its slot, so that the checks of a process stay spread, but waits
// no longer than an Interval after its last start unless the attempt itself took that long. Missed slots are never
// caught up.
func (m *monitor) next(now time.Duration) time.Duration {
	if m.machine.Hurried() {
		return max(now, m.started+m.definition.Timing.Fast)
	}
	slot := m.slot(now)
	interval := m.definition.Timing.Interval
	if full := m.started + interval; full > now && slot > full+interval/jitterShare {
		return full
	}
	return slot
}

// jitterShare is the share of an interval by which an attempt may come after its slot: 1/50, or 2 %.
const jitterShare = 50

// slot is the first slot after now, with jitter: phase + k*Interval for a whole k. As jitter only delays, no slot
// is used twice.
func (m *monitor) slot(now time.Duration) time.Duration {
	interval := m.definition.Timing.Interval
	slot := m.phase
	if now >= slot {
		slot = now - (now-slot)%interval + interval
	}
	return slot + rand.N(interval/jitterShare)
}

// dueHeap is a container/heap of monitors, the earliest first.
type dueHeap []*monitor

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for container/heap.
func (h *dueHeap) Push(x any) {
	m := x.(*monitor)
	m.index = len(*h)
	*h = append(*h, m)
}

// Pop is for container/heap.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	m.index = -1
	return m
}

// remove takes m out if it is in.
func (h *dueHeap) remove(m *monitor) {
	if m.index >= 0 {
		heap.Remove(h, m.index)
	}
}
