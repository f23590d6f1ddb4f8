package failover

import (
	"slices"
	"sync"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// tallies are the counters of answers of the whole process, by what is counted together. They go on over reloads: a
// configuration that goes leaves its counts to one that stays. What no configuration has any more is forgotten.
var tallies = tallyTable{entries: make(map[tallyKey]tallyEntry), switches: make(map[switchKey]uint64)}

// tallyKey names what is counted together: the addresses of a name, both families, whether a set has both or one; the
// set of a name and another type; or, with the name of the zone and the type ANY, what the zone answers beside its sets.
type tallyKey struct {
	name   string
	zone   uint16 // length of the zone's name, which name ends in: two strings would be a third of the table
	rrtype uint16 // A for all addresses
}

// tallyEntry is the counters of those that count the same: nearly always one set, two during a reload.
type tallyEntry struct {
	first  *zone.Tallies
	others []*zone.Tallies
}

type tallyTable struct {
	mu      sync.Mutex
	entries map[tallyKey]tallyEntry
	// switches counts those of the sets that had any, which are few.
	switches map[switchKey]uint64
}

type switchKey struct {
	set  tallyKey
	kind zone.SwitchKind
}

// tallyKeyOf takes the arguments of zone.Tallies.
func tallyKeyOf(zoneName, name string, rrtype uint16) tallyKey {
	length := uint16(len(zoneName))
	switch {
	case name == "":
		return tallyKey{zoneName, length, dns.TypeANY}
	case rrtype == 0 || rrtype == dns.TypeAAAA:
		return tallyKey{name, length, dns.TypeA}
	}
	return tallyKey{name, length, rrtype}
}

// attach is a zone.Attach.
func (t *tallyTable) attach(zoneName, name string, rrtype uint16, counters *zone.Tallies) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tallyKeyOf(zoneName, name, rrtype)
	e := t.entries[key]
	if e.first == nil {
		e.first = counters
	} else {
		e.others = append(e.others, counters)
	}
	t.entries[key] = e
}

func (t *tallyTable) release(s *zone.Set) {
	t.detach(tallyKeyOf(s.Config.Zone.Name, s.Config.Name, s.Config.Type), s.Tallies())
}

func (t *tallyTable) releaseZone(z *zone.Zone) {
	t.detach(tallyKeyOf(z.Config.Name, "", 0), z.Tallies())
}

func (t *tallyTable) detach(key tallyKey, counters *zone.Tallies) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[key]
	last := len(e.others) - 1
	if last < 0 {
		delete(t.entries, key)
		for _, kind := range switchKinds {
			delete(t.switches, switchKey{key, kind})
		}
		return
	}
	if e.first == counters {
		e.first, e.others[last] = e.others[last], counters
	}
	at := slices.Index(e.others, counters)
	e.others = slices.Delete(e.others, at, at+1)
	counters.AddTo(e.first)
	t.entries[key] = e
}

// each calls fn for every tally: with the type that is counted, or with neither name nor type.
func (t *tallyTable) each(fn func(zoneName, name string, rrtype uint16, tally *zone.Tally)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, e := range t.entries {
		sum := e.first
		if len(e.others) > 0 {
			sum = new(zone.Tallies)
			e.first.AddTo(sum)
			for _, counters := range e.others {
				counters.AddTo(sum)
			}
		}
		zoneName := key.name[len(key.name)-int(key.zone):]
		switch key.rrtype {
		case dns.TypeANY:
			fn(zoneName, "", 0, &sum[0])
		case dns.TypeA:
			fn(zoneName, key.name, dns.TypeA, &sum[0])
			fn(zoneName, key.name, dns.TypeAAAA, &sum[1])
		default:
			fn(zoneName, key.name, key.rrtype, &sum[0])
		}
	}
}

var switchKinds = [...]zone.SwitchKind{zone.Failover, zone.Failback, zone.AllDown, zone.Recovered}

// switched counts a switch of a set.
func (t *tallyTable) switched(set *corefile.Set, kind zone.SwitchKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tallyKeyOf(set.Zone.Name, set.Name, set.Type)
	if t.entries[key].first != nil {
		t.switches[switchKey{key, kind}]++
	}
}

// eachSwitched calls fn for every counter of switches. The type of a set of addresses is A.
func (t *tallyTable) eachSwitched(fn func(zoneName, name string, rrtype uint16, kind zone.SwitchKind, times uint64)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, times := range t.switches {
		zoneName := key.set.name[len(key.set.name)-int(key.set.zone):]
		fn(zoneName, key.set.name, key.set.rrtype, key.kind, times)
	}
}
