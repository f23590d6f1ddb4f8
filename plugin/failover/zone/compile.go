package zone

import (
	"slices"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// compile turns the plan of the set for a family into ready records: with the set's own name wherever in the tree they
// come from, and with the lowest TTL on the way to them (A06).
func (s *Set) compile(family int, plan *policy.Plan) *Answer {
	a := &Answer{Set: s, Family: family, AllDown: plan.AllDown, Degraded: !s.settled}
	c := compiler{owner: s.Config.Name, zone: s.zone}
	a.root = c.branch(s, family, plan, s.ttl, "")
	a.Room = room(a.root)
	return a
}

// compiler makes the records of one set.
type compiler struct {
	owner string
	zone  *Zone
}

// branch compiles the plan of set s, reached with the given ceiling for TTLs; path is the ids that led to it, each
// followed by a slash.
func (c compiler) branch(s *Set, family int, plan *policy.Plan, ceiling uint32, path string) *branch {
	ceiling = min(ceiling, s.ttl)
	if plan.Take > 1 {
		// One answer mixes choices, and an RRset has one TTL (RFC 2181, section 5.2).
		for i := range plan.Choices {
			ceiling = min(ceiling, lowestTTL(s, family, &plan.Choices[i]))
		}
	}
	if plan.Outcome == policy.AnswerNoData && !plan.AllDown {
		// What is not there now may come with a change behind any of the aliases.
		ceiling = min(ceiling, lowestBelow(s, family))
	}
	b := &branch{plan: plan, negative: slices.Index(c.zone.classes, ceiling)}
	switch plan.Outcome {
	case policy.AnswerFixed:
		for _, v := range s.Config.Fixed[family] {
			b.fixed = append(b.fixed, c.record(v.RR, ceiling))
		}
		b.fixed = slices.Clip(b.fixed)
		return b
	case policy.Answer:
	default:
		return b
	}
	b.leaves = make([]leaf, len(plan.Choices))
	for i := range plan.Choices {
		b.leaves[i] = c.leaf(s, family, &plan.Choices[i], ceiling, path)
	}
	b.overlap = plan.Shuffled && len(b.leaves) > 1 && overlaps(b.leaves)
	return b
}

func (c compiler) leaf(s *Set, family int, choice *policy.Choice, ceiling uint32, path string) leaf {
	record := s.Config.Records[choice.Record]
	id := path + record.ID
	if choice.Inner != nil {
		target, f := s.targets[choice.Record][family], record.Alias.Family[family]
		return leaf{id: id, inner: c.branch(target, f, choice.Inner, ceiling, id+"/")}
	}
	rrs := make([]dns.RR, len(choice.Values))
	for i, v := range choice.Values {
		rrs[i] = c.record(record.Values[family][v].RR, ceiling)
	}
	return leaf{id: id, rrs: rrs}
}

func (c compiler) record(rr dns.RR, ttl uint32) dns.RR {
	rr = dns.Copy(rr)
	rr.Header().Name, rr.Header().Ttl = c.owner, ttl
	return rr
}

// lowestTTL is the lowest TTL on any way through a choice.
func lowestTTL(s *Set, family int, choice *policy.Choice) uint32 {
	if choice.Inner == nil {
		return s.ttl
	}
	target := s.targets[choice.Record][family]
	lowest := min(s.ttl, target.ttl)
	for i := range choice.Inner.Choices {
		f := s.Config.Records[choice.Record].Alias.Family[family]
		lowest = min(lowest, lowestTTL(target, f, &choice.Inner.Choices[i]))
	}
	return lowest
}

// lowestBelow is the lowest TTL among the set and all that its aliases lead to.
func lowestBelow(s *Set, family int) uint32 {
	lowest := s.ttl
	for i := range s.targets {
		if t := s.targets[i][family]; t != nil {
			lowest = min(lowest, lowestBelow(t, s.Config.Records[i].Alias.Family[family]))
		}
	}
	return lowest
}

// room is how many records an answer can have, 0 when no way through the tree is of random order.
func room(b *branch) int {
	if !shuffles(b) {
		return 0
	}
	return records(b)
}

func shuffles(b *branch) bool {
	return b.plan.Shuffled || slices.ContainsFunc(b.leaves, func(l leaf) bool {
		return l.inner != nil && shuffles(l.inner)
	})
}

// records is how many records a branch can answer with at the most.
func records(b *branch) int {
	most := len(b.fixed)
	for i := range b.leaves {
		n := len(b.leaves[i].rrs)
		if inner := b.leaves[i].inner; inner != nil {
			n = records(inner)
		}
		most = max(most, n)
	}
	return most * max(1, b.plan.Take)
}

// overlaps tells whether two choices of a branch can bring the same record.
func overlaps(leaves []leaf) bool {
	seen := make(map[string]bool)
	for i := range leaves {
		if leaves[i].inner != nil {
			return true
		}
		for _, rr := range leaves[i].rrs {
			text := rr.String()
			if seen[text] {
				return true
			}
			seen[text] = true
		}
	}
	return false
}
