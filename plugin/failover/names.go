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
	seed: maphash.MakeSeed(), users: make(map[uint64][]nameUse), uses: make(map[string]int),
}

// nameTable knows definitions by their hash, since there can be many of them and they are large.
type nameTable struct {
	seed  maphash.Seed
	mu    sync.RWMutex
	users map[uint64][]nameUse // by definition
	uses  map[string]int       // by name: the number of definitions and server blocks
}

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
			if t.count(&c.Definition, n, -1) {
				transitions.DeletePartialMatch(prometheus.Labels{"check": n, "target": c.Definition.Probe.Target()})
			}
			if t.uses[n] == 0 {
				delete(t.uses, n)
				probes.DeletePartialMatch(prometheus.Labels{"check": n})
				probeDuration.DeletePartialMatch(prometheus.Labels{"check": n})
			}
		}
	}
}

// count adds to the users of a name and tells whether none is left who calls the definition so.
func (t *nameTable) count(d *health.Definition, name string, by int) (gone bool) {
	t.uses[name] += by
	key := maphash.Comparable(t.seed, *d)
	list := t.users[key]
	i := slices.IndexFunc(list, func(u nameUse) bool { return u.name == name })
	if i < 0 {
		list, i = append(list, nameUse{name: name}), len(list)
	}
	if list[i].blocks += by; list[i].blocks <= 0 {
		list, gone = slices.Delete(list, i, i+1), true
	}
	if t.users[key] = list; len(list) == 0 {
		delete(t.users, key)
	}
	return gone
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
