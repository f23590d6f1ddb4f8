package health

import (
	"container/list"
	"net/netip"
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
	perTarget int
	// named is for targets that are host names: a resolver that hangs makes all of those slow, and must leave workers
	// to the others (statement H11).
	named *gate
	all   *gate
}

// target is what may be probed by so many attempts at a time. Ports of one host count apart: they may well be different
// machines behind it, and one that hangs must not hold up the checks of the others.
type target struct {
	host string
	port uint16
}

func targetOf(m *monitor) target {
	return target{m.definition.Probe.Host, m.definition.Probe.Port}
}

func newGates(workers, perTarget int) gates {
	return gates{
		targets:   map[target]*gate{},
		perTarget: perTarget,
		named:     &gate{free: max(1, workers/2)},
		all:       &gate{free: workers},
	}
}

// ticket is where a monitor stands.
type ticket struct {
	passed  int           // gates passed, all of them while in flight, none while idle
	waiting *list.Element // in the queue of the next gate; nil if it does not wait
}

// lastGate is the number of gates.
const lastGate = 3

// gate gives the n-th gate for m, or nil if m need not pass one.
func (g *gates) gate(m *monitor, n int) *gate {
	switch n {
	case 0:
		t := targetOf(m)
		if g.targets[t] == nil {
			g.targets[t] = &gate{free: g.perTarget}
		}
		return g.targets[t]
	case 1:
		if _, err := netip.ParseAddr(m.definition.Probe.Host); err == nil {
			return nil
		}
		return g.named
	default:
		return g.all
	}
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
	}
}

// leave gives back all that m holds. The first in each queue moves up, and is handed to start when it is through.
func (g *gates) leave(m *monitor, start func(*monitor)) {
	g.giveUpWaiting(m)
	passed := m.ticket.passed
	m.ticket = ticket{}
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
		heir.ticket.passed++
		if g.enter(heir) {
			start(heir)
		}
	}
	if t := targetOf(m); g.targets[t] != nil && g.targets[t].free == g.perTarget {
		delete(g.targets, t)
	}
}
