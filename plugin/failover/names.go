package failover

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// names tells under which names running checks are configured. Definitions have none: equal checks of different server
// blocks are one running check, and each block may call it as it likes.
var names = nameTable{
	seed: maphash.MakeSeed(), named: make(map[string]*named), users: make(map[uint64]nameUse),
	others: make(map[uint64][]nameUse), series: make(map[uint64]moves), more: make(map[uint64][]move),
}

// nameTable has an entry or two for every check, of which there may be hundreds of thousands with a few names. So it
// knows definitions and the labels of series by their hash only.
type nameTable struct {
	seed    maphash.Seed
	mu      sync.RWMutex
	configs []*corefile.Config
	named   map[string]*named
	users   map[uint64]nameUse   // by definition
	others  map[uint64][]nameUse // by definition: further names, where server blocks call it differently
	series  map[uint64]moves     // by nameSeries
	more    map[uint64][]move    // by nameSeries: what has no room in series
	reasons []probe.Reason       // as move has them
}

// named is a name.
type named struct {
	name string
	uses int // the number of definitions and server blocks with the name
	// counted holds the further labels of the series that count probes of the name.
	counted []countedAs
	// excused is when a probe that told nothing of its target was last logged, by reason.
	excused map[probe.Reason]time.Time
}

// countedAs is what labels a series besides the name of its check.
type countedAs struct {
	outcome probe.Outcome
	reason  probe.Reason
}

// nameUse is a name of a definition and the number of server blocks that call it so.
type nameUse struct {
	name   *named
	blocks int
}

func (t *nameTable) add(config *corefile.Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.configs = append(t.configs, config)
	t.countAll(config, 1)
}

// remove forgets the names of a configuration that is no more, and the series of checks that went with it.
func (t *nameTable) remove(config *corefile.Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.configs, config); i >= 0 {
		t.configs = slices.Delete(t.configs, i, i+1)
	}
	t.countAll(config, -1)
}

// countAll adds to the uses of the names of a configuration.
func (t *nameTable) countAll(config *corefile.Config, by int) {
	for i := range config.Checks {
		c := &config.Checks[i]
		d := c.Definition()
		definition, target := t.definition(&d), c.Probe.Target()
		for _, name := range c.Names {
			n := t.named[name]
			if n == nil {
				n = &named{name: name}
				t.named[name] = n
			}
			t.countUse(definition, n, by)
			t.countSeries(t.labels(name, target), by)
			if n.uses += by; n.uses <= 0 {
				n.forget()
				delete(t.named, name)
			}
		}
	}
}

func (t *nameTable) definition(d *health.Definition) uint64 { return maphash.Comparable(t.seed, *d) }

// countUse adds to the uses of a name for a definition.
func (t *nameTable) countUse(definition uint64, n *named, by int) {
	first, known := t.users[definition]
	switch {
	case !known:
		t.users[definition] = nameUse{n, by}
		return
	case first.name == n:
		if first.blocks += by; first.blocks > 0 {
			t.users[definition] = first
			return
		}
	}
	all := t.others[definition]
	if first.name == n {
		delete(t.users, definition)
		if len(all) > 0 {
			t.users[definition], all = all[0], all[1:]
		}
	} else {
		i := slices.IndexFunc(all, func(u nameUse) bool { return u.name == n })
		if i < 0 {
			all, i = append(all, nameUse{name: n}), len(all)
		}
		if all[i].blocks += by; all[i].blocks <= 0 {
			all = slices.Delete(all, i, i+1)
		}
	}
	if t.others[definition] = all; len(all) == 0 {
		delete(t.others, definition)
	}
}

// of returns the name of a running check for logs and metrics: the first in the alphabet, where there are several. It
// is empty for a check that runs no more.
func (t *nameTable) of(d *health.Definition) string {
	definition := t.definition(d)
	t.mu.RLock()
	defer t.mu.RUnlock()
	first, known := t.users[definition]
	if !known {
		return ""
	}
	name := first.name.name
	for _, other := range t.others[definition] {
		name = min(name, other.name.name)
	}
	return name
}

// forget deletes the series of a name that is not used any more.
func (n *named) forget() {
	for _, as := range n.counted {
		probes.DeleteLabelValues(as.labels(n.name)...)
	}
	probeDuration.DeleteLabelValues(n.name)
	for _, phase := range phases {
		probePhase.DeleteLabelValues(n.name, phase)
	}
}

func (as countedAs) labels(check string) []string {
	return []string{check, as.outcome.String(), string(as.reason)}
}

// probed counts a probe of a check, and tells whether there is such a check.
func (t *nameTable) probed(check string, outcome probe.Outcome, reason probe.Reason) bool {
	as := countedAs{outcome, reason}
	t.mu.RLock()
	n := t.named[check]
	known := n != nil && slices.Contains(n.counted, as)
	if known {
		probes.WithLabelValues(as.labels(check)...).Inc() // under the lock, or it could outlive the check
	}
	t.mu.RUnlock()
	if known || n == nil {
		return known
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n = t.named[check]; n == nil {
		return false
	}
	if !slices.Contains(n.counted, as) {
		n.counted = append(n.counted, as)
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
	n := t.named[check]
	if n == nil || now.Sub(n.excused[reason]) < excusePause {
		return false
	}
	if n.excused == nil {
		n.excused = make(map[probe.Reason]time.Time)
	}
	n.excused[reason] = now
	return true
}
