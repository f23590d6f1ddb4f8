package zone

import (
	"math/bits"
	"math/rand/v2"
	"net"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Answer is what a set answers for one family until health changes. It is immutable.
type Answer struct {
	root branch
	// Room is how many records Pick may put into Draw.Room, 0 when it needs none.
	Room   uint32
	Family uint8
	// AllDown tells that no record was healthy and the set's all_down decided.
	AllDown bool
	// Degraded tells that something the set depends on is not in its best state.
	Degraded bool

	ready bool // complete
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

	// What Pick needs of the plan, which lies elsewhere, nearly always.
	outcome  policy.Outcome
	several  bool // an answer takes more than one choice
	shuffled bool
}

// leaf is a choice of a branch: records, or a branch below.
type leaf struct {
	rrs     []dns.RR
	inner   *branch
	address Address
}

// Address is a record of one address but for its owner. It is the answer to nearly all questions, so a leaf that has one
// such record has it in this form, too: what a query copies from here is in one place, while the record is in three.
type Address struct {
	TTL    uint32
	length uint8
	octets [net.IPv6len]byte
}

// addressOf is the zero value where the records are not one address.
func addressOf(rrs []dns.RR) (a Address) {
	if len(rrs) != 1 {
		return a
	}
	switch rr := rrs[0].(type) {
	case *dns.A:
		a.length = uint8(copy(a.octets[:], rr.A.To4()))
	case *dns.AAAA:
		a.length = uint8(copy(a.octets[:], rr.AAAA))
	}
	a.TTL = rrs[0].Header().Ttl
	return a
}

// Octets are four for an A record, else sixteen. They are shared and must not be changed.
func (a *Address) Octets() []byte { return a.octets[:a.length:a.length] }

// one is the leaf's address, or nil.
func (l *leaf) one() *Address {
	if l.address.length == 0 {
		return nil
	}
	return &l.address
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
	// Address, if not nil, says all that Records do.
	Address *Address
	// SOA is the authority section of the outcome policy.AnswerNoData.
	SOA []dns.RR
}

// Pick draws one answer.
func (a *Answer) Pick(d Draw) Picked {
	end, rrs, address := pick(&a.root, &d, d.Room, "")
	switch {
	case address != nil, len(rrs) > 0:
		return Picked{Outcome: policy.Answer, Records: rrs, Address: address}
	case end.outcome == policy.Answer, end.outcome == policy.AnswerFixed, end.outcome == policy.AnswerNoData:
		return Picked{Outcome: policy.AnswerNoData, SOA: a.root.set.node.zone.apex.Load().negative[end.negative]}
	default:
		return Picked{Outcome: end.outcome}
	}
}

// pick walks down the tree: a draw at every branch. Dead branches are not in the plans (A02). It returns where it
// ended, too. The path is the ids that led to the branch, each followed by a slash.
func pick(b *branch, d *Draw, room []dns.RR, path string) (end *branch, rrs []dns.RR, address *Address) {
	for {
		switch {
		case b.outcome == policy.AnswerFixed:
			return b, b.leaves[0].rrs, b.leaves[0].one()
		case b.outcome != policy.Answer:
			return b, nil, nil
		case b.several:
			return b, gather(b, d, room, path), nil
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
		if !b.shuffled || len(chosen.rrs) == 1 {
			return b, chosen.rrs, chosen.one()
		}
		return b, shuffle(append(room, chosen.rrs...), d), nil
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

// folded is equal for records that are the same. Others may share it: of the letters' case in the data only dns.IsDuplicate
// knows whether it matters, as it does in a TXT record and not in the name of an MX.
func folded(rr dns.RR) string { return strings.ToLower(rr.String()) }

func holds(rrs []dns.RR, rr dns.RR) bool {
	for _, other := range rrs {
		if other == rr || dns.IsDuplicate(other, rr) {
			return true
		}
	}
	return false
}
