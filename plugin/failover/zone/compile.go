package zone

import (
	"slices"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// compile turns the plan of the set for a family into ready records: with the set's own name wherever in the tree they
// come from, and with the lowest TTL on the way to them (A06).
//
// The first answer that is made while all is well lies in the set itself, where a query finds it quickest, and is taken
// again whenever the set returns to it. While all is well there is no more to an answer than its plan, but where a name
// outside is below, whose addresses can change.
func (s *Set) compile(family int, plan *policy.Plan) *Answer {
	to := &s.home
	switch {
	case s.links != nil && s.links.varies:
		to = new(compiled)
	case s.settled && !to.ready:
	case s.settled && int(to.Family) == family && plan.Equal(to.root.plan):
		return &to.Answer
	default:
		to = new(compiled)
	}
	a := &to.Answer
	a.Family, a.AllDown, a.Degraded = uint8(family), plan.AllDown, !s.settled
	c := compiler{owner: s.Config.Name, zone: s.node.zone}
	c.branch(&a.root, to.leaf[:], s, family, plan, s.ttl)
	a.Room, a.ready = uint32(room(&a.root)), true
	return a
}

// compiled is an answer in one piece with a leaf, since nearly all are one branch with one.
type compiled struct {
	leaf [1]leaf
	Answer
}

// compiler makes the records of one set.
type compiler struct {
	owner string
	zone  *Zone
}

// branch compiles the plan of set s, reached with the given ceiling for TTLs, into b, whose leaves are to lie in space
// if they fit.
func (c compiler) branch(b *branch, space []leaf, s *Set, family int, plan *policy.Plan, ceiling uint32) {
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
	b.set, b.plan, b.negative = s, plan, c.zone.class(ceiling)
	b.outcome, b.several, b.shuffled = plan.Outcome, plan.Take > 1, plan.Shuffled
	leaves := 0
	switch plan.Outcome {
	case policy.AnswerFixed:
		leaves = 1
	case policy.Answer:
		leaves = len(plan.Choices)
	}
	if b.leaves = space[:min(leaves, len(space))]; leaves > len(space) {
		b.leaves = make([]leaf, leaves)
	}
	if plan.Outcome == policy.AnswerFixed {
		b.leaves[0] = leafOf(c.records(s.Config.Fixed.Values(family), nil, ceiling))
		return
	}
	for i := range b.leaves {
		b.leaves[i] = c.leaf(s, family, &plan.Choices[i], ceiling)
	}
	b.overlap = plan.Shuffled && len(b.leaves) > 1 && overlaps(b.leaves)
}

func (c compiler) leaf(s *Set, family int, choice *policy.Choice, ceiling uint32) leaf {
	record := s.Config.Records[choice.Record]
	if s.isOutside() {
		return leafOf(c.records(s.links.outside.values[family], nil, ceiling))
	}
	if choice.Inner != nil {
		inner := new(branch)
		c.branch(inner, nil, s.target(choice.Record, family), record.Alias.Family[family], choice.Inner, ceiling)
		return leaf{inner: inner}
	}
	return leafOf(c.records(record.Values(family), choice.Values, ceiling))
}

func leafOf(rrs []dns.RR) leaf { return leaf{rrs: rrs, address: addressOf(rrs)} }

// records gives the chosen of the values; nil chooses all. It is the values themselves where they can be answered as
// they are.
func (c compiler) records(values []dns.RR, chosen []int, ttl uint32) []dns.RR {
	if chosen == nil || len(chosen) == len(values) {
		if len(values) == 0 || c.ready(values[0], ttl) {
			return values
		}
		rrs := make([]dns.RR, len(values))
		for i, rr := range values {
			rrs[i] = c.record(rr, ttl)
		}
		return rrs
	}
	rrs := make([]dns.RR, len(chosen))
	for i, v := range chosen {
		rrs[i] = c.record(values[v], ttl)
	}
	return rrs
}

// ready tells whether a value can be answered as it is.
func (c compiler) ready(rr dns.RR, ttl uint32) bool {
	header := rr.Header()
	return header.Ttl == ttl && header.Name == c.owner
}

func (c compiler) record(rr dns.RR, ttl uint32) dns.RR {
	if c.ready(rr, ttl) {
		return rr
	}
	rr = dns.Copy(rr)
	rr.Header().Name, rr.Header().Ttl = c.owner, ttl
	return rr
}

// lowestTTL is the lowest TTL on any way through a choice.
func lowestTTL(s *Set, family int, choice *policy.Choice) uint32 {
	if choice.Inner == nil {
		return s.ttl
	}
	target := s.target(choice.Record, family)
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
	for i := range s.Config.Records {
		if t := s.target(i, family); t != nil {
			lowest = min(lowest, lowestBelow(t, s.Config.Records[i].Alias.Family[family]))
		}
	}
	return lowest
}

// room is how many records an answer can have, 0 when no way through the tree is of random order.
func room(b *branch) int {
	if n := records(b); n > 1 && shuffles(b) {
		return n
	}
	return 0
}

func shuffles(b *branch) bool {
	return b.shuffled || slices.ContainsFunc(b.leaves, func(l leaf) bool {
		return l.inner != nil && shuffles(l.inner)
	})
}

// records is how many records a branch can answer with at the most.
func records(b *branch) int {
	most := 0
	for i := range b.leaves {
		n := len(b.leaves[i].rrs)
		if inner := b.leaves[i].inner; inner != nil {
			n = records(inner)
		}
		most = max(most, n)
	}
	return most * max(1, b.plan.Take)
}

// overlaps tells whether two choices of a branch may bring the same record.
func overlaps(leaves []leaf) bool {
	seen := make(map[string]bool)
	for i := range leaves {
		if leaves[i].inner != nil {
			return true
		}
		for _, rr := range leaves[i].rrs {
			text := folded(rr)
			if seen[text] {
				return true
			}
			seen[text] = true
		}
	}
	return false
}
