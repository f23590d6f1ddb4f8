package health

import (
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Record is what is kept of a check over a restart of the process (statement O02). Streaks are not: they are counted
// anew.
type Record struct {
	State State     // Healthy or Unhealthy
	Since time.Time // when State began
	// Moved is when the state last changed to or from unhealthy, zero for never, and Hold how long it stays, or stayed,
	// unhealthy then.
	Moved time.Time
	Hold  time.Duration
	// Result is that of the last attempt that has passed or failed, without its phases, and Probed when it ended.
	Result probe.Result
	Probed time.Time
}

// recordAge is how many intervals a Record is believed.
const recordAge = 10

// Trusted tells whether a check that goes by t may begin with the record. What is from the future was written under
// another clock, and tells nothing about how old it is.
func (r *Record) Trusted(t Timing, now time.Time) bool {
	return !r.Since.After(now) && !r.Moved.After(now) && !r.Probed.After(now) && now.Sub(r.Probed) <= recordAge*t.Interval
}

// Restore has the checks begin with the records, if these can be trusted, that are started from now on and for which
// nothing is running that measures the same. It is for the start of a process. The map must not be changed any more; nil
// ends it.
func (r *Registry) Restore(records map[Definition]Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = records
}

// restore has a new check begin with its record. To its neighbours it has not been probed yet: who could be reached
// before this process began says nothing of now.
func (r *Registry) restore(m *monitor) {
	record, known := r.records[m.definition()]
	wall := r.wall()
	if !known || !record.Trusted(*m.timing, wall) {
		return
	}
	now := r.schedule.now()
	machine := Machine{state: record.State, hold: record.Hold}
	if !record.Moved.IsZero() {
		machine.moved = now - wall.Sub(record.Moved)
	}
	m.machine = machine.Seed(*m.timing)
	reason := because(record.Result.Reason, record.Result.Detail)
	m.shown.set(Status{State: record.State, Since: record.Since}, reason)
	m.last, m.ended = find(record.Result), 0
	if r.restored == nil {
		r.restored = make(map[*monitor]Record)
	}
	r.restored[m] = record
}

// Record gives what is worth keeping of the i-th check, and whether anything is.
func (l *Lease) Record(i int) (Record, bool) {
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	m := l.monitors[i]
	status := m.shown.status()
	if status.State == Unknown {
		return Record{}, false
	}
	// By the clock of now, which may have been set since.
	wall, now := r.wall(), l.schedule.now()
	at := func(d time.Duration) time.Time { return wall.Add(d - now) }
	record := Record{State: status.State, Since: status.Since, Hold: m.machine.hold}
	if record.Since.After(wall) {
		record.Since = wall
	}
	if m.machine.moved != 0 {
		record.Moved = at(m.machine.moved)
	}
	if before, ok := r.restored[m]; ok {
		record.Result, record.Probed = before.Result, before.Probed
		return record, true
	}
	record.Result = probe.Result{Reason: status.Reason, Detail: status.Detail}
	switch last := max(m.passed, m.failed); {
	case m.last.outcome != probe.Indeterminate:
		record.Result.Outcome, record.Result.Duration = m.last.outcome, m.last.took.duration()
		record.Probed = at(m.ended)
	case last < 0: // it has taken over the state of another, and learned nothing itself
		record.Result.Outcome, record.Probed = record.State.outcome(), record.Since
	default:
		record.Result.Outcome, record.Probed = probe.Pass, at(last)
		if m.failed > m.passed {
			record.Result.Outcome = probe.Fail
		}
	}
	return record, true
}

// outcome is the one that leads to the state.
func (s State) outcome() probe.Outcome {
	if s == Unhealthy {
		return probe.Fail
	}
	return probe.Pass
}
