package failover

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/prometheus/client_golang/prometheus"
)

// names tells under which names running checks are configured. Definitions have none: equal checks of different server
// blocks are one running check, and each block may call it as it likes.
var names = nameTable{
	seed: maphash.MakeSeed(), users: make(map[uint64][]nameUse), uses: make(map[nameSeries]int),
}

// nameTable knows definitions by their hash, since there can be many of them and they are large.
type nameTable struct {
	seed  maphash.Seed
	mu    sync.RWMutex
	users map[uint64][]nameUse // by definition
	uses  map[nameSeries]int   // the number of definitions and server blocks with the labels
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
			if target := c.Definition.Probe.Target(); t.uses[nameSeries{n, target}] == 0 {
				transitions.DeletePartialMatch(prometheus.Labels{"check": n, "target": target})
			}
			if t.uses[nameSeries{name: n}] == 0 {
				probes.DeletePartialMatch(prometheus.Labels{"check": n})
				probeDuration.DeletePartialMatch(prometheus.Labels{"check": n})
			}
		}
	}
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
