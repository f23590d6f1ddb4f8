package zone

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Answer is what a set answers for one family until health changes. It is immutable.
type Answer struct {
	root   branch
	Family int
	// AllDown tells that no record was healthy and the set's all_down decided.
	AllDown bool
	// Degraded tells that something the set depends on is not in its best state.
	Degraded bool
	// Room is how many records Pick may put into Draw.Room, 0 when it needs none.
	Room int
}

// Set is the set whose answer it is.
func (a *Answer) Set() *Set { return a.root.set }

// branch is one decision on the way to records.
type branch struct {
	set      *Set
	plan     *policy.Plan
	leaves   []leaf // in the order of plan.Choices; or one that has what is fixed
	negative uint32 // the TTL class of the SOA where the answer ends here without records
	overlap  bool   // two choices can bring the same record
}

// leaf is a choice of a branch: records, or a branch below.
type leaf struct {
	rrs   []dns.RR
	inner *branch
}

// id names the i-th choice.
func (b *branch) id(i int) string { return b.set.Config.Records[b.plan.Choices[i].Record].ID }

// Draw is what Pick is given for one answer.
type Draw struct {
	Source rand.Source
	// Room takes the records of an answer in random order; it must be empty, with the capacity Answer.Room.
	Room []dns.RR
	// Ordered gives such an answer the order of the configuration instead; what is chosen is random all the same.
	Ordered bool
	// IDs, if not nil, gets the ids of the chosen records appended, each behind those of the aliases on the way to it,
	// joined with "/".
	IDs *[]string
}

// Picked is one answer.
type Picked struct {
	Outcome policy.Outcome
	// Records are those of the outcome policy.Answer. They are shared and must not be changed.
	Records []dns.RR
	// SOA is the authority section of the outcome policy.AnswerNoData.
	SOA []dns.RR
}

// Pick draws one answer.
func (a *Answer) Pick(d Draw) Picked {
	outcome, rrs, end := pick(&a.root, &d, d.Room, "")
	switch {
	case outcome == policy.AnswerNoData, outcome == policy.Answer && len(rrs) == 0:
		return Picked{Outcome: policy.AnswerNoData, SOA: a.root.set.node.zone.apex.Load().negative[end.negative]}
	case outcome != policy.Answer:
		return Picked{Outcome: outcome}
	}
	return Picked{Outcome: outcome, Records: rrs}
}

// pick walks down the tree: a draw at every branch. Dead branches are not in the plans (A02). It returns where it
// ended, too. The path is the ids that led to the branch, each followed by a slash.
func pick(b *branch, d *Draw, room []dns.RR, path string) (policy.Outcome, []dns.RR, *branch) {
	for {
		switch {
		case b.plan.Outcome == policy.AnswerFixed:
			return policy.Answer, b.leaves[0].rrs, b
		case b.plan.Outcome != policy.Answer:
			return b.plan.Outcome, nil, b
		case b.plan.Take > 1:
			return policy.Answer, gather(b, d, room, path), b
		}
		i := 0
		if len(b.leaves) > 1 {
			i = b.plan.Draw(d.Source.Uint64())
		}
		chosen := &b.leaves[i]
		if chosen.inner != nil {
			if d.IDs != nil {
				path += b.id(i) + "/"
			}
			b = chosen.inner
			continue
		}
		if d.IDs != nil {
			*d.IDs = append(*d.IDs, path+b.id(i))
		}
		if !b.plan.Shuffled || len(chosen.rrs) == 1 {
			return policy.Answer, chosen.rrs, b
		}
		return policy.Answer, shuffle(append(room, chosen.rrs...), d), b
	}
}

// gather collects the records of several choices into room, in random order and without duplicates, which aliases to
// one place can cause.
func gather(b *branch, d *Draw, room []dns.RR, path string) []dns.RR {
	var space [64]uint32
	order := space[:]
	if len(b.leaves) > len(order) {
		order = make([]uint32, len(b.leaves))
	}
	chosen := b.plan.Shuffle(order[:len(b.leaves)], d.Source)
	if d.Ordered {
		slices.Sort(chosen)
	}
	for _, i := range chosen {
		l := &b.leaves[i]
		rrs, id := l.rrs, ""
		if d.IDs != nil {
			id = path + b.id(int(i))
		}
		if l.inner != nil {
			// What lies below writes behind what is there already, and is then moved over itself, unchanged.
			_, rrs, _ = pick(l.inner, d, room[len(room):], id+"/")
		} else if d.IDs != nil {
			*d.IDs = append(*d.IDs, id)
		}
		for _, rr := range rrs {
			if !b.overlap || !holds(room, rr) {
				room = append(room, rr)
			}
		}
	}
	return shuffle(room, d)
}

func shuffle(room []dns.RR, d *Draw) []dns.RR {
	if d.Ordered {
		return room
	}
	for i := len(room) - 1; i > 0; i-- {
		hi, _ := bits.Mul64(d.Source.Uint64(), uint64(i+1))
		j := int(hi)
		room[i], room[j] = room[j], room[i]
	}
	return room
}

func holds(rrs []dns.RR, rr dns.RR) bool {
	for _, other := range rrs {
		if other == rr || dns.IsDuplicate(other, rr) {
			return true
		}
	}
	return false
}
