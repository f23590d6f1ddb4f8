package health

import (
	"math/bits"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Machine is the state machine of one check (statements H01 to H05). It is a comparable value without clock or I/O;
// the zero Machine is that of a new check. Times are those of one monotonic clock, whatever its zero.
//
//	state      result         guard                               becomes     and then
//	any        indeterminate                                      the same    no counter moves (H16)
//	unknown    pass                                               healthy     the first pass decides (H02)
//	unknown    fail           fewer than fall failures            unknown     streak open
//	unknown    fail           fall failures                       unhealthy   counters cleared, hold begins
//	healthy    pass           fall in a row                       healthy     counter cleared
//	healthy    pass           fall N/M                            healthy     the oldest of M results forgotten
//	healthy    fail           fewer than fall failures            healthy     streak open
//	healthy    fail           fall failures                       unhealthy   counters cleared, hold begins
//	unhealthy  fail                                               unhealthy   counter cleared
//	unhealthy  pass           fewer than rise passes in a row     unhealthy   streak open
//	unhealthy  pass           rise in a row, before hold is over  unhealthy   streak open
//	unhealthy  pass           rise in a row, hold is over         healthy     counters cleared
//
// "fall failures" are in a row, or with fall N/M any N among the last M decisive results. With N/M the streak is open
// while the window of M holds a failure. While the fall of a check is held back (statement H14) its failures are kept
// and it stays what it is: Release lets it fall, a pass forgives it.
type Machine struct {
	state State
	// count is the length of the streak: passes while unhealthy, else failures (not used by fall N/M). It stops at the
	// threshold.
	count uint8
	// window holds the last FallOf decisive results while not unhealthy, the newest in bit 0, a failure as 1.
	window uint64
	// hold is how long it stays, or stayed, unhealthy at least. It is remembered while healthy, since a fall that comes
	// soon doubles it.
	hold time.Duration
	// moved is when the state last changed to or from unhealthy.
	moved time.Duration
}

// calm is how many holds a check must be healthy without a break for hold to begin anew.
const calm = 2

// Next is the machine after one more result at the time now.
func (m Machine) Next(t Timing, o probe.Outcome, now time.Duration) Machine {
	if m = m.Count(t, o, now); m.Falling(t) {
		return m.Release(t, now)
	}
	return m
}

// Count is Next without the last step: a machine whose failures are enough to fall is Falling, and waits for Release.
func (m Machine) Count(t Timing, o probe.Outcome, now time.Duration) Machine {
	switch {
	case o != probe.Pass && o != probe.Fail:
	case m.state == Unhealthy:
		return m.climb(t, o, now)
	case t.FallOf > 0:
		return m.slide(t, o)
	case o == probe.Pass:
		m.state, m.count = Healthy, 0
	default:
		m.count = uint8(min(int(m.count)+1, t.Fall))
	}
	return m
}

// climb is Count while unhealthy.
func (m Machine) climb(t Timing, o probe.Outcome, now time.Duration) Machine {
	if o == probe.Fail {
		m.count = 0
		return m
	}
	m.count = uint8(min(int(m.count)+1, t.Rise))
	if int(m.count) == t.Rise && now >= m.HeldUntil() {
		return Machine{state: Healthy, hold: m.hold, moved: now}
	}
	return m
}

// slide is Count with fall N/M while not unhealthy. A first pass decides here too, but forgets no failure: "N among
// the last M" counts those from before it.
func (m Machine) slide(t Timing, o probe.Outcome) Machine {
	m.window = m.window << 1 & (^uint64(0) >> (64 - t.FallOf))
	if o == probe.Pass {
		m.state = Healthy
	} else {
		m.window |= 1
	}
	return m
}

// Falling tells that the last decisive result was a failure and that there are enough of them to be unhealthy.
func (m Machine) Falling(t Timing) bool {
	if t.FallOf > 0 && m.window&1 == 0 {
		return false
	}
	return m.state != Unhealthy && m.Failures() >= t.Fall
}

// Release makes a machine that is Falling unhealthy (statement H05).
func (m Machine) Release(t Timing, now time.Duration) Machine {
	hold := t.Hold
	if m.state == Healthy && m.hold > 0 && now-m.moved < calm*m.hold {
		hold = max(hold, min(2*m.hold, t.HoldMax)) // t may hold longer than the Timing that m.hold is from
	}
	return Machine{state: Unhealthy, hold: hold, moved: now}
}

// Forgive is the machine without the failures that it has counted: they were seen while this process could not be
// trusted. What speaks for the target is kept (statement H17).
func (m Machine) Forgive() Machine {
	if m.state != Unhealthy {
		m.count, m.window = 0, 0
	}
	return m
}

// State is what is known of the check.
func (m Machine) State() State { return m.state }

// Streak tells that results contrary to the state are being counted.
func (m Machine) Streak() bool { return m.count > 0 || m.window != 0 }

// Failures is the number of failures that count towards going unhealthy.
func (m Machine) Failures() int {
	if m.state == Unhealthy {
		return 0
	}
	return max(int(m.count), bits.OnesCount64(m.window))
}

// Passes is the number of passes that count towards becoming healthy again.
func (m Machine) Passes() int {
	if m.state != Unhealthy {
		return 0
	}
	return int(m.count)
}

// HeldUntil is when an unhealthy machine may become healthy at the earliest.
func (m Machine) HeldUntil() time.Duration { return m.moved + m.hold }

// Hurried tells that the check is probed every Fast instead of every Interval (statements H02, H04): nothing is known
// of it yet, or a streak is open that the next results can end. Passes that only wait for hold to be over are no reason
// to hurry before it is.
func (m Machine) Hurried(t Timing, now time.Duration) bool {
	if m.state == Unhealthy && int(m.count) >= t.Rise {
		return now >= m.HeldUntil()
	}
	return m.state == Unknown || m.Streak()
}

// Seed is the machine of a check that measures the same as this one's by the Timing t: it keeps the state, and how long
// that is held, and begins to count anew, since the thresholds have changed.
func (m Machine) Seed(t Timing) Machine {
	return Machine{state: m.state, hold: min(m.hold, t.HoldMax), moved: m.moved}
}
