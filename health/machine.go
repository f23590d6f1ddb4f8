package health

import "math/bits"

// Machine is the state machine of one check (statements H01 to H04). It is a comparable value without clock or I/O;
// the zero Machine is that of a new check.
//
//	state      result         guard                              becomes     and then
//	any        indeterminate                                     the same    no counter moves (H16)
//	unknown    pass                                              healthy     the first pass decides (H02)
//	unknown    fail           fewer than fall failures           unknown     streak open
//	unknown    fail           fall failures                      unhealthy   counters cleared
//	healthy    pass           fall in a row                      healthy     counter cleared
//	healthy    pass           fall N/M                           healthy     the oldest of M results forgotten
//	healthy    fail           fewer than fall failures           healthy     streak open
//	healthy    fail           fall failures                      unhealthy   counters cleared
//	unhealthy  fail                                              unhealthy   counter cleared
//	unhealthy  pass           fewer than rise passes in a row    unhealthy   streak open
//	unhealthy  pass           rise passes in a row               healthy     counters cleared
//
// "fall failures" are in a row, or with fall N/M any N among the last M decisive results. With N/M the streak is open
// while the window of M holds a failure.
type Machine struct {
	state State
	// count is the length of the streak: passes while unhealthy, else failures (not used by fall N/M).
	count uint8
	// window holds the last FallOf decisive results while not unhealthy, the newest in bit 0, a failure as 1.
	window uint64
}

// Next is the machine after one more result.
func (m Machine) Next(t Timing, o Outcome) Machine {
	switch {
	case o != Pass && o != Fail:
		return m
	case m.state == Unhealthy:
		return m.climb(t, o)
	case t.FallOf > 0:
		return m.slide(t, o)
	case o == Pass:
		return Machine{state: Healthy}
	}
	m.count++
	if int(m.count) >= t.Fall {
		return Machine{state: Unhealthy}
	}
	return m
}

// climb is Next while unhealthy.
func (m Machine) climb(t Timing, o Outcome) Machine {
	if o == Fail {
		return Machine{state: Unhealthy}
	}
	m.count++
	if int(m.count) >= t.Rise {
		return Machine{state: Healthy}
	}
	return m
}

// slide is Next with fall N/M while not unhealthy. A first pass decides here too, but forgets no failure: "N among
// the last M" counts those from before it.
func (m Machine) slide(t Timing, o Outcome) Machine {
	m.window = m.window << 1 & (^uint64(0) >> (64 - t.FallOf))
	if o == Pass {
		m.state = Healthy
		return m
	}
	m.window |= 1
	if bits.OnesCount64(m.window) >= t.Fall {
		return Machine{state: Unhealthy}
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

// Hurried tells that the check is probed every Fast instead of every Interval (statements H02, H04): nothing is known
// of it yet, or a streak is open.
func (m Machine) Hurried() bool { return m.state == Unknown || m.Streak() }

// Seed is the machine of a check that measures the same as this one's by another Timing: it keeps the state and
// begins to count anew, since the thresholds have changed.
func (m Machine) Seed() Machine { return Machine{state: m.state} }
