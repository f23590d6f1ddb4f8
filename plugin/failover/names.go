package failover

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// names tells under which names running checks are configured. Definitions have none: equal checks of different server
// blocks are one running check, and each block may call it as it likes.
var names = nameTable{
	seed: maphash.MakeSeed(), users: make(map[uint64][]nameUse), uses: make(map[nameSeries]int),
	moves: make(map[nameSeries][]move), counted: make(map[string][]countedAs),
	excused: make(map[string]map[probe.Reason]time.Time),
}

// nameTable knows definitions by their hash, since there can be many of them and they are large.
type nameTable struct {
	seed  maphash.Seed
	mu    sync.RWMutex
	users map[uint64][]nameUse // by definition
	uses  map[nameSeries]int   // the number of definitions and server blocks with the labels
	// moves counts the transitions. There may be hundreds of thousands of checks, and a counter of the metrics library
	// takes a kilobyte.
	moves map[nameSeries][]move
	// counted holds the further labels of the series that count probes of a name. To look for them among those of all
	// names would make the end of a hundred thousand checks take a hundred thousand times as long as the end of one.
	counted map[string][]countedAs
	// excused is when a probe of a name that told nothing of its target was last logged, by name and reason.
	excused map[string]map[probe.Reason]time.Time
}

// move counts transitions of a check to one state for one reason.
type move struct {
	to     health.State
	reason probe.Reason
	times  uint32
}

// countedAs is what labels a series besides the name of its check.
type countedAs struct {
	outcome probe.Outcome
	reason  probe.Reason
}

// nameSeries is what labels the series of a check; without a target, those of all checks of a name. Definitions can
// share it, as those do that differ in their timing only.
type nameSeries struct{ name, target string }

// nameUse is a name of a definition and the number of server blocks that call it so.
type nameUse struct {
	name   string
	blocks int
}

func (t *nameTable) add(config *corefile.Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range config.Checks {
		c := &config.Checks[i]
		for _, n := range c.Names {
			t.count(&c.Definition, n, 1)
		}
	}
}

// remove forgets the names of a configuration that is no more, and the series of checks that went with it.
func (t *nameTable) remove(config *corefile.Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range config.Checks {
		c := &config.Checks[i]
		for _, n := range c.Names {
			t.count(&c.Definition, n, -1)
			if series := (nameSeries{n, c.Definition.Probe.Target()}); t.uses[series] == 0 {
				delete(t.moves, series)
			}
			if t.uses[nameSeries{name: n}] == 0 {
				t.forget(n)
			}
		}
	}
}

// forget deletes the series of a name that is not used any more.
func (t *nameTable) forget(check string) {
	for _, as := range t.counted[check] {
		probes.DeleteLabelValues(as.labels(check)...)
	}
	delete(t.counted, check)
	delete(t.excused, check)
	probeDuration.DeleteLabelValues(check)
	for _, phase := range phases {
		probePhase.DeleteLabelValues(check, phase)
	}
}

func (as countedAs) labels(check string) []string {
	return []string{check, as.outcome.String(), string(as.reason)}
}

// probed counts a probe of a check, and tells whether there is such a check.
func (t *nameTable) probed(check string, outcome probe.Outcome, reason probe.Reason) bool {
	as := countedAs{outcome, reason}
	t.mu.RLock()
	used, known := t.uses[nameSeries{name: check}] > 0, slices.Contains(t.counted[check], as)
	if used && known {
		probes.WithLabelValues(as.labels(check)...).Inc() // under the lock, or it could outlive the check
	}
	t.mu.RUnlock()
	if known || !used {
		return used
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.uses[nameSeries{name: check}] == 0 {
		return false
	}
	if !slices.Contains(t.counted[check], as) {
		t.counted[check] = append(t.counted[check], as)
	}
	probes.WithLabelValues(as.labels(check)...).Inc()
	return true
}

// excusePause is for how long the same trouble of the same check is not logged again.
const excusePause = 10 * time.Minute

// excuse tells whether to log that a probe of a check has told nothing: what goes on for hours, or befalls thousands of
// targets at once, is told once in a while.
func (t *nameTable) excuse(check string, reason probe.Reason, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.uses[nameSeries{name: check}] == 0 || now.Sub(t.excused[check][reason]) < excusePause {
		return false
	}
	if t.excused[check] == nil {
		t.excused[check] = make(map[probe.Reason]time.Time)
	}
	t.excused[check][reason] = now
	return true
}

// moved counts a transition of a check, unless that is no more.
func (t *nameTable) moved(s nameSeries, to health.State, reason probe.Reason) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.uses[s] == 0 {
		return
	}
	i := slices.IndexFunc(t.moves[s], func(m move) bool { return m.to == to && m.reason == reason })
	if i < 0 {
		i = len(t.moves[s])
		t.moves[s] = append(t.moves[s], move{to: to, reason: reason})
	}
	t.moves[s][i].times++
}

// allMoves gives the transitions that have been counted. It is a copy: whoever gathers it may take seconds, and a check
// must not wait for that.
func (t *nameTable) allMoves() map[nameSeries][]move {
	t.mu.RLock()
	defer t.mu.RUnlock()
	moves := maps.Clone(t.moves)
	for s := range moves {
		moves[s] = slices.Clone(moves[s])
	}
	return moves
}

// count adds to the uses of a name for a definition.
func (t *nameTable) count(d *health.Definition, name string, by int) {
	for _, series := range [...]nameSeries{{name, d.Probe.Target()}, {name: name}} {
		if t.uses[series] += by; t.uses[series] <= 0 {
			delete(t.uses, series)
		}
	}
	key := maphash.Comparable(t.seed, *d)
	list := t.users[key]
	i := slices.IndexFunc(list, func(u nameUse) bool { return u.name == name })
	if i < 0 {
		list, i = append(list, nameUse{name: name}), len(list)
	}
	if list[i].blocks += by; list[i].blocks <= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if t.users[key] = list; len(list) == 0 {
		delete(t.users, key)
	}
}

// of returns the name of a running check for logs and metrics: the first in the alphabet, where there are several. It
// is empty for a check that runs no more.
func (t *nameTable) of(d *health.Definition) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := t.users[maphash.Comparable(t.seed, *d)]
	if len(list) == 0 {
		return ""
	}
	return slices.MinFunc(list, func(a, b nameUse) int { return strings.Compare(a.name, b.name) }).name
}
