package zone

import (
	"slices"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Prospect is all that Pick can draw, with the odds of it.
type Prospect struct {
	// Records are those that can be answered, each once, in the order of the configuration. They are shared and must not
	// be changed.
	Records []Chance
	// Ends are the ways an answer can end, as Picked has them. Their odds add up to 1.
	Ends []End
}

// Chance is a record and the odds that it is in an answer.
type Chance struct {
	Record dns.RR
	Odds   float64
}

// End is an outcome and its odds.
type End struct {
	Outcome policy.Outcome
	SOA     []dns.RR // of the outcome policy.AnswerNoData
	Odds    float64
}

// Prospect returns what the answer can be.
func (a *Answer) Prospect() Prospect {
	p := prospectOf(&a.root)
	negative := a.root.set.node.zone.apex.Load().negative
	ends := make([]End, len(p.ends))
	for i, e := range p.ends {
		ends[i] = End{Outcome: e.outcome, Odds: e.odds}
		if e.outcome == policy.AnswerNoData {
			ends[i].SOA = negative[e.negative]
		}
	}
	chances := make([]Chance, len(p.records))
	for i, text := range p.order {
		chances[i] = *p.records[text]
	}
	return Prospect{Records: chances, Ends: ends}
}

// prospect is a Prospect in the making. Records of one answer are equal when their texts are.
type prospect struct {
	records map[string]*Chance
	order   []string
	ends    []end
}

type end struct {
	outcome  policy.Outcome
	negative uint32
	odds     float64
}

// add makes a record likelier.
func (p *prospect) add(text string, rr dns.RR, odds float64) {
	if p.records == nil {
		p.records = make(map[string]*Chance)
	}
	c := p.records[text]
	if c == nil {
		c = &Chance{Record: rr}
		p.records[text] = c
		p.order = append(p.order, text)
	}
	c.Odds += odds
}

// end makes an outcome likelier.
func (p *prospect) end(outcome policy.Outcome, negative uint32, odds float64) {
	if odds == 0 {
		return
	}
	if outcome != policy.AnswerNoData {
		negative = 0
	}
	i := slices.IndexFunc(p.ends, func(e end) bool { return e.outcome == outcome && e.negative == negative })
	if i < 0 {
		p.ends = append(p.ends, end{outcome: outcome, negative: negative})
		i = len(p.ends) - 1
	}
	p.ends[i].odds += odds
}

// certain adds records that are all answered, which is an empty answer where there are none.
func (p *prospect) certain(rrs []dns.RR, negative uint32, odds float64) {
	if len(rrs) == 0 {
		p.end(policy.AnswerNoData, negative, odds)
		return
	}
	p.end(policy.Answer, 0, odds)
	for _, rr := range rrs {
		p.add(rr.String(), rr, odds)
	}
}

// prospectOf is to pick what a map is to a walk: each case here is one there.
func prospectOf(b *branch) (p prospect) {
	switch {
	case b.plan.Outcome == policy.AnswerFixed:
		p.certain(b.leaves[0].rrs, b.negative, 1)
		return p
	case b.plan.Outcome != policy.Answer:
		p.end(b.plan.Outcome, b.negative, 1)
		return p
	case b.plan.Take > 1:
		return gathered(b)
	}
	for i := range b.leaves {
		numerator, denominator := b.plan.Odds(i)
		odds := float64(numerator) / float64(denominator)
		l := &b.leaves[i]
		if l.inner == nil {
			p.certain(l.rrs, b.negative, odds)
			continue
		}
		below := prospectOf(l.inner)
		for _, text := range below.order {
			c := below.records[text]
			p.add(text, c.Record, odds*c.Odds)
		}
		for _, e := range below.ends {
			p.end(e.outcome, e.negative, odds*e.odds)
		}
	}
	return p
}

// gathered is what an answer can be that mixes several choices. A record may come with any of those that bring it.
func gathered(b *branch) (p prospect) {
	choices := make([]prospect, len(b.leaves))
	empty := make([]float64, len(b.leaves)) // the odds that a choice brings nothing
	without := make(map[string][]float64)   // by record: the odds that a choice lacks it, of those that can bring it
	for i := range b.leaves {
		if l := &b.leaves[i]; l.inner != nil {
			choices[i] = prospectOf(l.inner)
		} else {
			choices[i].certain(l.rrs, b.negative, 1)
		}
		for _, e := range choices[i].ends {
			if e.outcome != policy.Answer && e.outcome != policy.AnswerFixed {
				empty[i] += e.odds
			}
		}
		for _, text := range choices[i].order {
			c := choices[i].records[text]
			p.add(text, c.Record, 0)
			without[text] = append(without[text], max(0, 1-c.Odds))
		}
	}
	for text, lacks := range without {
		p.records[text].Odds = 1 - lacking(lacks, len(choices), b.plan.Take)
	}
	nothing := lacking(empty, len(choices), b.plan.Take)
	p.end(policy.Answer, 0, 1-nothing)
	p.end(policy.AnswerNoData, b.negative, nothing)
	return p
}

// lacking is the odds that nothing comes of take choices out of n, each set of them as likely as any other. For those
// that something can come of, lacks has the odds that nothing does.
func lacking(lacks []float64, n, take int) float64 {
	take = min(take, n)
	// Choice by choice; at[j] is the odds that j are taken among those so far and that nothing came of them.
	at := make([]float64, take+1)
	at[0] = 1
	for i, lack := range lacks {
		for j := min(i, take); j >= 0; j-- {
			taken := float64(take-j) / float64(n-i)
			if j < take {
				at[j+1] += at[j] * taken * lack
			}
			at[j] *= 1 - taken
		}
	}
	sum := 0.0
	for _, odds := range at {
		sum += odds
	}
	return sum
}
