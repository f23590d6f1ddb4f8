package failover

import (
	"hash/maphash"
	"iter"
	"slices"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
)

// nameSeries is what labels the series of a check. Definitions can share it, as those do that differ in their timing
// only.
type nameSeries struct{ name, target string }

// move counts transitions of a check to one state for one reason. A counter of the metrics library would take a
// kilobyte.
type move struct {
	to     health.State
	reason uint16 // index in nameTable.reasons
	times  uint32
}

// moves are the transitions under the same labels. Most checks have come to be healthy, or have failed in one way, too.
type moves struct {
	uses  int32 // the number of definitions and server blocks with the labels
	first [2]move
}

func (t *nameTable) labels(name, target string) uint64 {
	return maphash.Comparable(t.seed, nameSeries{name, target})
}

// countSeries adds to the uses of the labels. The counters of labels that nothing uses any more are forgotten.
func (t *nameTable) countSeries(labels uint64, by int) {
	m := t.series[labels]
	if m.uses += int32(by); m.uses <= 0 {
		delete(t.series, labels)
		delete(t.more, labels)
		return
	}
	t.series[labels] = m
}

// moved counts a transition of a check, unless that is no more.
func (t *nameTable) moved(s nameSeries, to health.State, reason probe.Reason) {
	labels := t.labels(s.name, s.target)
	t.mu.Lock()
	defer t.mu.Unlock()
	m, used := t.series[labels]
	if !used {
		return
	}
	code := slices.Index(t.reasons, reason)
	if code < 0 {
		code = len(t.reasons)
		t.reasons = append(t.reasons, reason)
	}
	one := move{to: to, reason: uint16(code)}
	for i := range m.first {
		if m.first[i].times == 0 || m.first[i].same(one) {
			one.times = m.first[i].times + 1
			m.first[i] = one
			t.series[labels] = m
			return
		}
	}
	more := t.more[labels]
	i := slices.IndexFunc(more, one.same)
	if i < 0 {
		more, i = append(more, one), len(more)
	}
	more[i].times++
	t.more[labels] = more
}

func (m move) same(other move) bool { return m.to == other.to && m.reason == other.reason }

// transition is one counter.
type transition struct {
	nameSeries

	to     health.State
	reason probe.Reason
	times  uint32
}

// transitions gives the transitions that have been counted. It holds no lock while they are dealt with: whoever gathers
// them may take seconds, and a check must not wait for that.
func (t *nameTable) transitions() iter.Seq[transition] {
	return func(yield func(transition) bool) {
		t.mu.RLock()
		configs := slices.Clone(t.configs)
		t.mu.RUnlock()
		seen := make(map[uint64]bool)
		var found []transition
		for _, config := range configs {
			for i := range config.Checks {
				c := &config.Checks[i]
				target := c.Probe.Target()
				for _, name := range c.Names {
					labels := t.labels(name, target)
					if seen[labels] {
						continue
					}
					seen[labels] = true
					found = t.transitionsOf(found[:0], labels, nameSeries{name, target})
					for _, one := range found {
						if !yield(one) {
							return
						}
					}
				}
			}
		}
	}
}

// transitionsOf appends those of one check.
func (t *nameTable) transitionsOf(found []transition, labels uint64, s nameSeries) []transition {
	t.mu.RLock()
	defer t.mu.RUnlock()
	m := t.series[labels]
	for _, some := range [...][]move{m.first[:], t.more[labels]} {
		for _, one := range some {
			if one.times > 0 {
				found = append(found, transition{s, one.to, t.reasons[one.reason], one.times})
			}
		}
	}
	return found
}
