package zone

import (
	"slices"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/miekg/dns"
)

// Block is the index of a server block and the block's keys as text.
type Block struct {
	Keys  string
	Index *Index
}

// setKey is what a set is called. Several server blocks, views for example, can have sets of one name that know nothing
// of each other.
type setKey struct {
	zone, name string
	rrtype     uint16
}

type keyedSet struct {
	*Set
	keys string
}

// former is what was remembered of a set before.
type former struct {
	keys string
	// same tells that the records of a set are those of this one, and give has it go on as this one.
	same func(s *Set) bool
	give func(s *Set)
}

// Adopt takes over into a configuration that is about to start what the sets of the one before remember: the tier they
// are on, since when, and their last healthy answer. A set goes on as the one that most likely is the same:
//
//	first   the same records in a server block with the same keys
//	then    the same records anywhere
//	then    the only one of its name in server blocks with the same keys
//	last    the only one of its name
//
// Where that leaves a choice, it begins anew: to remember nothing is better than to remember another's.
func Adopt(into, from []Block) {
	for _, b := range from {
		b.Index.mu.Lock()
		defer b.Index.mu.Unlock()
	}
	olds, news := byKey(from), byKey(into)
	for key, sets := range olds {
		formers := make([]former, len(sets))
		for i, old := range sets {
			formers[i] = former{
				keys: old.keys,
				same: func(s *Set) bool { return s.sameRecords(old.Set) },
				give: func(s *Set) { s.adopt(old.Set) },
			}
		}
		match(news[key], formers)
	}
}

func byKey(blocks []Block) map[setKey][]keyedSet {
	sets := make(map[setKey][]keyedSet)
	for _, b := range blocks {
		for s := range b.Index.Sets() {
			if s.memory != nil {
				key := setKey{s.Config.Zone.Name, s.Config.Name, s.Config.Type}
				sets[key] = append(sets[key], keyedSet{s, b.Keys})
			}
		}
	}
	return sets
}

// match pairs the sets of one name, each once, by the table over Adopt.
func match(news []keyedSet, olds []former) {
	sameKeys := func(a keyedSet, b former) bool { return a.keys == b.keys }
	sameRecords := func(a keyedSet, b former) bool { return b.same(a.Set) }
	rules := []struct {
		fits   func(a keyedSet, b former) bool
		unique bool
	}{
		{func(a keyedSet, b former) bool { return sameKeys(a, b) && sameRecords(a, b) }, false},
		{sameRecords, false},
		{sameKeys, true},
		{func(keyedSet, former) bool { return true }, true},
	}
	for _, rule := range rules {
		for i := 0; i < len(news); i++ {
			at := slices.IndexFunc(olds, func(old former) bool { return rule.fits(news[i], old) })
			if at < 0 || rule.unique && !alone(rule.fits, news, olds, news[i], olds[at]) {
				continue
			}
			olds[at].give(news[i].Set)
			news, olds = slices.Delete(news, i, i+1), slices.Delete(olds, at, at+1)
			i--
		}
	}
}

// alone tells that each of the two fits nothing else.
func alone(fits func(a keyedSet, b former) bool, news []keyedSet, olds []former, one keyedSet, other former) bool {
	n := 0
	for _, old := range olds {
		if fits(one, old) {
			n++
		}
	}
	for _, s := range news {
		if fits(s, other) {
			n++
		}
	}
	return n == 2
}

// adopt takes over what old remembers, if their policies are the same; tiers are known by their ids. The last healthy
// answer is taken over only where the records are the same.
func (s *Set) adopt(old *Set) {
	if s.Config.Kind != old.Config.Kind {
		return
	}
	index := func(i int) int { return indexOfID(s.Config.Records, old.Config.Records[i].ID) }
	*s.memory = old.memory.Moved(len(s.Config.Records), index, s.sameRecords(old))
}

func indexOfID(records []*corefile.Record, id string) int {
	return slices.IndexFunc(records, func(r *corefile.Record) bool { return r.ID == id })
}

func (s *Set) sameRecords(old *Set) bool {
	if len(s.Config.Records) != len(old.Config.Records) || s.shape.Families != old.shape.Families {
		return false
	}
	for i, r := range s.Config.Records {
		o := old.Config.Records[i]
		if r.ID != o.ID || (r.Alias == nil) != (o.Alias == nil) {
			return false
		}
		for f := range s.shape.Families {
			if !slices.EqualFunc(r.Values(f), o.Values(f), dns.IsDuplicate) {
				return false
			}
			t, ot := s.target(i, f), old.target(i, f)
			if (t == nil) != (ot == nil) || t != nil && (t.Config.Name != ot.Config.Name || !t.sameRecords(ot)) {
				return false
			}
		}
	}
	return true
}
