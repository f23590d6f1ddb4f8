package zone

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Contents is what a zone holds at one moment, for those who serve a copy of it (D09).
type Contents struct {
	apex    *apex
	answers []*Answer // in the order of the transfer
}

// Contents returns what a zone of the index holds now, all of it of one serial, which is a new one if answers have
// changed since the last. There is none for a name that is not that of a zone, in small letters.
func (x *Index) Contents(name string, now time.Time) (c Contents, ok bool) {
	z := x.zones[name]
	if z == nil {
		return c, false
	}
	order := z.transferOrder.of(x, z)
	c.answers = make([]*Answer, 0, len(order))
	// Answers and the serial are published one after the other, so while they are, nobody may look. What was published
	// never changes, so the records can be made of it later.
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.late[z] {
		x.raise(z, now)
	}
	c.apex = z.apex.Load()
	for _, s := range order {
		for f := range s.shape.Families {
			if a := s.Answer(f); a != nil {
				c.answers = append(c.answers, a)
			}
		}
	}
	return c, true
}

// Serial returns the serial of the contents.
func (c *Contents) Serial() uint32 { return c.apex.serial() }

// SOA returns the SOA alone. It is shared and must not be changed.
func (c *Contents) SOA() []dns.RR { return c.apex.soa }

// Records returns all records in the order of a transfer: the SOA, the name servers, what else the apex has, the names
// below it in canonical order, and the SOA again. The records are shared and must not be changed.
func (c *Contents) Records() []dns.RR {
	rrs := make([]dns.RR, 0, len(c.apex.ns)+len(c.answers)+2)
	rrs = append(rrs, c.apex.soa...)
	rrs = append(rrs, c.apex.ns...)
	for _, a := range c.answers {
		rrs = append(rrs, a.rrset()...)
	}
	return append(rrs, c.apex.soa...)
}

func (a *apex) serial() uint32 { return a.soa[0].(*dns.SOA).Serial }

// transferOrder is the sets of a zone in the order of a transfer. It is made for the first one, since most zones have
// none.
type transferOrder struct {
	once sync.Once
	sets []*Set
}

func (o *transferOrder) of(x *Index, z *Zone) []*Set {
	o.once.Do(func() {
		keys := make(map[*Set]string)
		for s := range x.Sets() {
			if s.node.zone == z {
				keys[s] = canonicalKey(s.Config.Name)
				o.sets = append(o.sets, s)
			}
		}
		slices.SortStableFunc(o.sets, func(a, b *Set) int {
			return cmp.Or(strings.Compare(keys[a], keys[b]), cmp.Compare(a.Config.Type, b.Config.Type))
		})
	})
	return o.sets
}

// canonicalKey is a name's labels from the right to the left, so that names sort as RFC 4034, section 6.1, has it
// (escapes apart): each name before those below it.
func canonicalKey(name string) string {
	labels := dns.SplitDomainName(name)
	slices.Reverse(labels)
	return strings.Join(labels, "\x00")
}

// rrset is all that may be answered as things stand. It is an RRset by the rules: no record is twice in it, it has one
// TTL, the lowest (RFC 2181, sections 5 and 5.2), and there is one CNAME at the most (section 10.1).
func (a *Answer) rrset() []dns.RR {
	if a.Set().Config.Type == dns.TypeCNAME {
		return likeliest(&a.root)
	}
	var ways [][]dns.RR
	each(&a.root, 1, func(rrs []dns.RR, _ float64) { ways = append(ways, rrs) })
	if len(ways) == 1 {
		return ways[0] // nearly always
	}
	return distinct(oneTTL(slices.Concat(ways...)))
}

// each calls fn for the records of every choice that a branch can lead to, with the odds of the way there.
func each(b *branch, odds float64, fn func(rrs []dns.RR, odds float64)) {
	switch b.plan.Outcome {
	case policy.AnswerFixed:
		fn(b.leaves[0].rrs, odds)
		return
	case policy.Answer:
	default:
		return
	}
	for i := range b.leaves {
		numerator, denominator := b.plan.Odds(i)
		way := odds * float64(numerator) / float64(denominator)
		if inner := b.leaves[i].inner; inner != nil {
			each(inner, way, fn)
			continue
		}
		fn(b.leaves[i].rrs, way)
	}
}

// likeliest is the CNAME that is answered most often; among equals, the first. A choice of CNAMEs is one record each.
func likeliest(b *branch) (best []dns.RR) {
	sums := make(map[string]float64)
	each(b, 1, func(rrs []dns.RR, odds float64) { sums[folded(rrs[0])] += odds })
	most := 0.0
	each(b, 1, func(rrs []dns.RR, _ float64) {
		if sum := sums[folded(rrs[0])]; sum > most {
			best, most = rrs, sum
		}
	})
	return best
}

// oneTTL gives all records the lowest TTL among them. It changes the slice, and no record.
func oneTTL(rrs []dns.RR) []dns.RR {
	if len(rrs) == 0 {
		return nil
	}
	lowest := slices.MinFunc(rrs, func(a, b dns.RR) int { return cmp.Compare(a.Header().Ttl, b.Header().Ttl) }).Header().Ttl
	for i, rr := range rrs {
		if rr.Header().Ttl != lowest {
			rrs[i] = dns.Copy(rr)
			rrs[i].Header().Ttl = lowest
		}
	}
	return rrs
}

// distinct leaves each record out that came before.
func distinct(rrs []dns.RR) []dns.RR {
	if len(rrs) < 2 {
		return rrs
	}
	seen := make(map[string][]dns.RR, len(rrs))
	own := make([]dns.RR, 0, len(rrs))
	for _, rr := range rrs {
		text := folded(rr)
		if before := seen[text]; !holds(before, rr) {
			seen[text] = append(before, rr)
			own = append(own, rr)
		}
	}
	return own
}
