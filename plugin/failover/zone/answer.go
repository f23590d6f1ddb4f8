package zone

import (
	"math/bits"
	"math/rand/v2"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Answer is what a set answers for one family until health changes. It is immutable.
type Answer struct {
	Set    *Set
	Family int
	// AllDown tells that no record was healthy and the set's all_down decided.
	AllDown bool
	// Degraded tells that something the set depends on is not in its best state.
	Degraded bool
	// Room is how many records Pick may put into its buffer, 0 when it needs none.
	Room int

	root     *branch
	negative int // the class of the SOA in a NODATA answer
}

// branch is one decision on the way to records.
type branch struct {
	plan    *policy.Plan
	leaves  []leaf // in the order of plan.Choices
	fixed   []dns.RR
	overlap bool // two choices can bring the same record
}

// leaf is a choice of a branch: records, or a branch below.
type leaf struct {
	id    string // the ids on the way to it, joined with "/"
	rrs   []dns.RR
	inner *branch
}

// Pick draws one answer. The records are shared and must not be changed, except that for an answer in random order
// they lie in buf, which must then have the capacity Room. The records are empty unless the outcome is policy.Answer.
// With ids not nil, the ids of the chosen records are appended to it.
func (a *Answer) Pick(src rand.Source, buf []dns.RR, ids *[]string) (policy.Outcome, []dns.RR) {
	outcome, rrs := pick(a.root, src, buf, ids)
	if outcome == policy.Answer && len(rrs) == 0 {
		return policy.AnswerNoData, nil
	}
	return outcome, rrs
}

// pick walks down the tree: a draw at every branch. Dead branches are not in the plans (A02).
func pick(b *branch, src rand.Source, buf []dns.RR, ids *[]string) (policy.Outcome, []dns.RR) {
	for {
		switch {
		case b.plan.Outcome == policy.AnswerFixed:
			return policy.Answer, b.fixed
		case b.plan.Outcome != policy.Answer:
			return b.plan.Outcome, nil
		case b.plan.Shuffled:
			return policy.Answer, gather(b, src, buf, ids)
		}
		i := 0
		if len(b.leaves) > 1 {
			i = b.plan.Draw(src.Uint64())
		}
		chosen := &b.leaves[i]
		if chosen.inner == nil {
			if ids != nil {
				*ids = append(*ids, chosen.id)
			}
			return policy.Answer, chosen.rrs
		}
		b = chosen.inner
	}
}

// gather collects the records of several choices into buf, in random order and without duplicates, which aliases to
// one place can cause.
func gather(b *branch, src rand.Source, buf []dns.RR, ids *[]string) []dns.RR {
	var space [64]uint32
	order := space[:]
	if len(b.leaves) > len(order) {
		order = make([]uint32, len(b.leaves))
	}
	start := len(buf)
	for _, i := range b.plan.Shuffle(order[:len(b.leaves)], src) {
		chosen := &b.leaves[i]
		rrs := chosen.rrs
		if chosen.inner != nil {
			// What lies below writes behind what is there already, and is then moved over itself, unchanged.
			_, rrs = pick(chosen.inner, src, buf[len(buf):], ids)
		} else if ids != nil {
			*ids = append(*ids, chosen.id)
		}
		for _, rr := range rrs {
			if !b.overlap || !holds(buf[start:], rr) {
				buf = append(buf, rr)
			}
		}
	}
	for i := len(buf) - 1; i > start; i-- {
		hi, _ := bits.Mul64(src.Uint64(), uint64(i-start+1))
		j := start + int(hi)
		buf[i], buf[j] = buf[j], buf[i]
	}
	return buf[start:]
}

func holds(rrs []dns.RR, rr dns.RR) bool {
	for _, other := range rrs {
		if other == rr || dns.IsDuplicate(other, rr) {
			return true
		}
	}
	return false
}

// SOA returns the SOA for the authority section when this answer has no records.
func (a *Answer) SOA() []dns.RR { return a.Set.zone.apex.Load().negative[a.negative] }
