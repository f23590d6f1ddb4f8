package health

import (
	"container/list"
	"net/netip"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// gate lets a number of monitors in and makes the others wait in order.
type gate struct {
	free    int
	waiting list.List // of *monitor
}

// gates are what a monitor passes, one after the other, before its attempt may start.
type gates struct {
	// targets has a gate for every target with an attempt in flight or waiting.
	targets   map[target]*gate
	spare     []*gate // for the next targets, or each attempt would make its own
	perTarget int
	workers   int
	// named is for targets that are host names: a resolver that hangs makes all of those slow, and must leave workers
	// to the others (statement H11).
	named *gate
	// slow is for checks whose last attempt took long: thousands of black holes at a time must leave workers to the
	// others, so that none of those comes late.
	slow *gate
	all  *gate
	// waiting is how many monitors stand in a queue.
	waiting int
}

// target is what may be probed by so many attempts at a time. Ports of one host count apart: they may well be different
// machines behind it, and one that hangs must not hold up the checks of the others.
type target struct {
	scheme probe.Scheme // only where there is no host: all programs share one target, and so do all files
	host   string
	port   uint16
}

func targetOf(m *monitor) target {
	t := target{host: m.probe.Host(), port: m.probe.Port()}
	if t.host == "" {
		t.scheme = m.probe.Scheme()
	}
	return t
}

func newGates(workers, perTarget int) gates {
	return gates{
		targets:   map[target]*gate{},
		perTarget: perTarget,
		workers:   workers,
		named:     &gate{free: max(1, workers/2)},
		slow:      &gate{free: max(1, workers/2)},
		all:       &gate{free: workers},
	}
}

// inFlight is how many attempts are under way.
func (g *gates) inFlight() int { return g.workers - g.all.free }

// ticket is where a monitor stands.
type ticket struct {
	passed  uint8         // gates passed, all of them while in flight, none while idle
	slow    bool          // of the monitor when it came to the first gate
	queued  bool          // it has waited for its own target
	waiting *list.Element // in the queue of the next gate; nil if it does not wait
}

// The gates, in order.
const (
	targetGate uint8 = iota
	namedGate
	slowGate
	allGate
	lastGate // how many there are
)

// gate gives the n-th gate for m, or nil if m need not pass one.
func (g *gates) gate(m *monitor, n uint8) *gate {
	switch n {
	case targetGate:
		t := targetOf(m)
		if g.targets[t] == nil {
			g.targets[t] = g.open()
		}
		return g.targets[t]
	case namedGate:
		host := m.probe.Host()
		if _, err := netip.ParseAddr(host); err == nil || host == "" {
			return nil
		}
		return g.named
	case slowGate:
		if !m.ticket.slow {
			return nil
		}
		return g.slow
	default:
		return g.all
	}
}

// open gives a gate for a target that had none.
func (g *gates) open() *gate {
	last := len(g.spare) - 1
	if last < 0 {
		return &gate{free: g.perTarget}
	}
	at := g.spare[last]
	g.spare = g.spare[:last]
	return at
}

// enter takes m as far as it gets, and tells whether that is through all gates.
func (g *gates) enter(m *monitor) bool {
	for ; m.ticket.passed < lastGate; m.ticket.passed++ {
		at := g.gate(m, m.ticket.passed)
		switch {
		case at == nil:
		case at.free > 0:
			at.free--
		default:
			m.ticket.waiting = at.waiting.PushBack(m)
			g.waiting++
			return false
		}
	}
	return true
}

// giveUpWaiting takes m out of the queue that it waits in, if any.
func (g *gates) giveUpWaiting(m *monitor) {
	if m.ticket.waiting != nil {
		g.gate(m, m.ticket.passed).waiting.Remove(m.ticket.waiting)
		m.ticket.waiting = nil
		g.waiting--
	}
}

// leave gives back all that m holds. The first in each queue moves up, and is handed to start when it is through.
func (g *gates) leave(m *monitor, start func(*monitor)) {
	g.giveUpWaiting(m)
	passed := m.ticket.passed
	defer func() { m.ticket = ticket{} }()
	for n := range passed {
		at := g.gate(m, n)
		if at == nil {
			continue
		}
		first := at.waiting.Front()
		if first == nil {
			at.free++
			continue
		}
		heir := at.waiting.Remove(first).(*monitor)
		heir.ticket.waiting = nil
		g.waiting--
		heir.ticket.queued = heir.ticket.queued || n == targetGate
		heir.ticket.passed++
		if g.enter(heir) {
			start(heir)
		}
	}
	if t := targetOf(m); g.targets[t] != nil && g.targets[t].free == g.perTarget {
		g.spare = append(g.spare, g.targets[t])
		delete(g.targets, t)
	}
}
