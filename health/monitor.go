package health

import (
	"math/rand/v2"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// monitor is one running check. It belongs to its Registry's mutex, but for shown. Times are measured from the start
// of the scheduler.
//
// It is idle (in the heap), queued (waiting at a gate), or in flight (in the heap with the time at which it is stuck).
//
// There may be a hundred thousand of them, so they are kept small: a monitor has its large parts in common with others.
type monitor struct {
	probe   probe.ID
	timing  *Timing
	prober  probe.Prober
	machine Machine
	shown   shown
	users   *user    // the first of a list
	sibling *monitor // next one in Registry.monitors
	phase   time.Duration

	due     time.Duration
	index   int32 // in the heap, or -1
	ticket  ticket
	wanted  time.Duration  // when the next attempt, or the last one, should have begun
	started time.Duration  // start of the last attempt
	context *probe.Context // of the attempt in flight

	last         finding       // of the last attempt that counts
	ended        time.Duration // end of that, or -1
	passed       time.Duration // end of the last attempt that passed, or -1
	failed       time.Duration // end of the last attempt that failed, or -1
	failingSince time.Duration // end of the first failure since then, or -1

	epoch    uint32 // Registry.vantage.epoch when counting began
	launched uint32 // the same when the last attempt began
	canary   uint16 // leases that have it as a canary
	holders  uint8  // goroutines that will still report on the last attempt; 0 unless in flight
	stuck    bool   // the attempt in flight has been counted, though it has not returned
	slow     bool   // the last attempt took half its timeout or more
	again    bool   // to be probed again at once: what is watched has changed during the attempt
	stopped  bool
	place    place
}

// user is one entry of a lease's table.
type user struct {
	lease *Lease
	index int
	next  *user // of the same monitor
}

func newMonitor(p probe.ID, timing *Timing, prober probe.Prober, where place) *monitor {
	return &monitor{
		probe: p, timing: timing, prober: prober, place: where,
		index: -1, ended: -1, passed: -1, failed: -1, failingSince: -1,
	}
}

// definition gives what the check was made from.
func (m *monitor) definition() Definition { return Definition{Probe: m.probe, Timing: *m.timing} }

// seed takes over the state of a check that measures the same.
func (m *monitor) seed(from *monitor) {
	m.machine = from.machine.Seed(*m.timing)
	status := from.shown.status()
	status.Streak, status.Held = false, false
	m.shown.set(status, from.shown.why)
	m.last, m.ended, m.passed = from.last, from.ended, from.passed
}

// join adds a user.
func (m *monitor) join(u *user) {
	u.next, m.users = m.users, u
}

// leave forgets a lease and tells whether it was the last.
func (m *monitor) leave(l *Lease) bool {
	for at := &m.users; *at != nil; {
		if (*at).lease == l {
			*at = (*at).next
		} else {
			at = &(*at).next
		}
	}
	return m.users == nil
}

// note keeps what an attempt found that has ended now.
func (m *monitor) note(result probe.Result, now time.Duration) {
	m.last, m.ended = find(result), now
	m.slow = result.Reason == probe.ReasonTimeout || result.Duration > m.timing.Timeout/2
	switch result.Outcome {
	case probe.Pass:
		m.passed, m.failingSince = now, -1
	case probe.Fail:
		m.failed = now
		if m.failingSince < 0 {
			// Not its start: somebody else may have passed during the attempt, before what made this one fail.
			m.failingSince = now
		}
	}
}

// become publishes what follows from the machine, and gives the transition if there was one.
func (m *monitor) become(after Machine) (Transition, bool) {
	m.machine = after
	old := m.shown.status()
	status := Status{State: after.State(), Streak: after.Streak(), Held: after.Falling(*m.timing), Since: old.Since}
	reason := m.last.why
	if m.last.outcome == probe.Indeterminate {
		reason = m.shown.why // that of the last decisive result
	}
	e := reason.explain()
	status.Reason, status.Detail = e.reason, e.detail
	moved := status.State != old.State
	if moved {
		status.Since = time.Now()
	}
	if status == old {
		return Transition{}, false
	}
	m.shown.set(status, reason)
	if moved || status.Streak != old.Streak {
		for u := m.users; u != nil; u = u.next {
			u.lease.changed(u.index, old.State == Unknown && moved)
		}
	}
	if !moved {
		return Transition{}, false
	}
	t := Transition{From: old.State, To: status.State, Reason: status.Reason, Detail: status.Detail, At: status.Since}
	switch {
	case status.State == Unhealthy:
		t.Failures = m.timing.Fall
	case old.State == Unhealthy:
		t.Passes = m.timing.Rise
	default:
		t.Passes = 1
	}
	return t, true
}

// next is when to start again after the attempt that began at m.started and has ended now. A hurried check comes
// Fast after its last start. Else it goes back to its slot, so that the checks of a process stay spread, but waits
// no longer than an Interval after its last start unless the attempt itself took that long. Missed slots are never
// caught up.
func (m *monitor) next(now time.Duration) time.Duration {
	t := m.timing
	if m.machine.Hurried(*t, now) {
		return max(now, m.started+t.Fast)
	}
	slot := m.slot(now)
	full := m.started + t.Interval
	switch {
	case full > now && slot > full+t.Interval/jitterShare:
		slot = full
	case slot-m.started < t.Interval/2:
		// The slot is too near to be worth a probe, and the one after it too far: half way between them and on to the
		// slot after that.
		slot = max(now, m.started+(slot-m.started+t.Interval)/2)
	}
	if m.machine.Passes() >= t.Rise {
		slot = min(slot, m.machine.HeldUntil()) // not a moment longer than hold says
	}
	return slot
}

// spread is how long the first attempt of a new check waits that is one of n: more than a hundred are not started at
// once but at a thousand a second, in the order of their slots, and none later than its interval. Where that takes the
// whole interval each comes in its slot, so that the second round does not begin during the first.
func (m *monitor) spread(n int, now time.Duration) time.Duration {
	if n <= 100 {
		return 0
	}
	interval := m.timing.Interval
	window := min(interval, time.Duration(n)*time.Millisecond)
	untilSlot := (m.phase - now%interval + interval) % interval
	return time.Duration(float64(untilSlot) / float64(interval) * float64(window))
}

// jitterShare is the share of an interval by which an attempt may come after its slot: 1/50, or 2 %.
const jitterShare = 50

// slot is the first slot after now, with jitter: phase + k*Interval for a whole k. As jitter only delays, no slot
// is used twice.
func (m *monitor) slot(now time.Duration) time.Duration {
	interval := m.timing.Interval
	slot := m.phase
	if now >= slot {
		slot = now - (now-slot)%interval + interval
	}
	return slot + rand.N(interval/jitterShare)
}
