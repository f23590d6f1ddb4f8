package failover

import (
	"sync"

	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// tallies are the counters of answers of the whole process, so that they go on over reloads. A set's are forgotten with
// the last configuration that has the set.
var tallies = tallyTable{entries: make(map[tallyKey]*tallyEntry)}

// tallyKey names a set and one of its types; without name and type, what a zone answers beside its sets.
type tallyKey struct{ zone, name, rrtype string }

type tallyEntry struct {
	tally *zone.Tally
	users int
}

type tallyTable struct {
	mu      sync.Mutex
	entries map[tallyKey]*tallyEntry
}

func (t *tallyTable) acquire(zoneName, name, rrtype string) *zone.Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tallyKey{zoneName, name, rrtype}
	e := t.entries[key]
	if e == nil {
		e = &tallyEntry{tally: new(zone.Tally)}
		t.entries[key] = e
	}
	e.users++
	return e.tally
}

func (t *tallyTable) release(s *zone.Set) {
	for _, rrtype := range s.Config.Types() {
		t.drop(tallyKey{s.Config.Zone.Name, s.Config.Name, dns.Type(rrtype).String()})
	}
}

func (t *tallyTable) releaseZone(z *zone.Zone) { t.drop(tallyKey{zone: z.Config.Name}) }

func (t *tallyTable) drop(key tallyKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[key]; e != nil {
		if e.users--; e.users <= 0 {
			delete(t.entries, key)
		}
	}
}

// each calls fn for every tally.
func (t *tallyTable) each(fn func(tallyKey, *zone.Tally)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, e := range t.entries {
		fn(key, e.tally)
	}
}
