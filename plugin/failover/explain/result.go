package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// result is what can be answered, and with which odds.
type result struct {
	records []chance
	ends    []api.ExplainedOutcome
}

type chance struct {
	text string // of the record
	rr   dns.RR
	odds float64
}

// sure is a result without alternative.
func sure(kind api.AnswerKind, rcode int, answer, authority []dns.RR) (r result) {
	r.end(kind, rcode, authority, 1)
	for _, rr := range answer {
		r.record(rr, 1)
	}
	return r
}

// left is a result that others make.
func left() result { return result{ends: []api.ExplainedOutcome{{Kind: api.AnswerNext, Odds: 1}}} }

func (r *result) record(rr dns.RR, odds float64) {
	text := rr.String()
	i := slices.IndexFunc(r.records, func(c chance) bool { return c.text == text })
	if i < 0 {
		r.records = append(r.records, chance{text: text, rr: rr})
		i = len(r.records) - 1
	}
	r.records[i].odds += odds
}

func (r *result) end(kind api.AnswerKind, rcode int, authority []dns.RR, odds float64) {
	o := api.ExplainedOutcome{Kind: kind, Rcode: dns.RcodeToString[rcode], Odds: odds}
	for _, rr := range authority {
		o.Authority = append(o.Authority, rr.String())
	}
	r.merge(o)
}

func (r *result) merge(o api.ExplainedOutcome) {
	i := slices.IndexFunc(r.ends, func(e api.ExplainedOutcome) bool {
		return e.Kind == o.Kind && e.Rcode == o.Rcode && slices.Equal(e.Authority, o.Authority)
	})
	if i < 0 {
		r.ends = append(r.ends, o)
		return
	}
	r.ends[i].Odds += o.Odds
}

// add adds what comes with the given odds.
func (r *result) add(other result, odds float64) {
	for _, c := range other.records {
		r.record(c.rr, odds*c.odds)
	}
	for _, o := range other.ends {
		o.Odds *= odds
		r.merge(o)
	}
}

// answered is the odds that records before what the result is of are answered: those of a failure are not.
func (r *result) answered() float64 {
	odds := 0.0
	for _, o := range r.ends {
		switch o.Kind {
		case api.AnswerServFail, api.AnswerRefused, api.AnswerNext:
		default:
			odds += o.Odds
		}
	}
	return odds
}

// owned gives records the name that was asked.
func owned(chances []zone.Chance, owner string) []zone.Chance {
	own := make([]zone.Chance, len(chances))
	for i, c := range chances {
		own[i] = zone.Chance{Record: withOwner(c.Record, owner), Odds: c.Odds}
	}
	return own
}

func withOwner(rr dns.RR, owner string) dns.RR {
	rr = dns.Copy(rr)
	rr.Header().Name = owner
	return rr
}

// show fills in the explanation's outcomes and records.
func (r *result) show(x *api.Explanation) {
	x.Outcomes, x.Records = r.ends, []api.PossibleRecord{}
	slices.SortStableFunc(x.Outcomes, func(a, b api.ExplainedOutcome) int { return cmp.Compare(b.Odds, a.Odds) })
	for _, c := range r.records {
		if c.odds <= 0 {
			continue
		}
		header := c.rr.Header()
		x.Records = append(x.Records, api.PossibleRecord{
			Name: header.Name, TTL: header.Ttl, Type: dns.Type(header.Rrtype).String(), Data: data(c.rr), Odds: min(1, c.odds),
		})
	}
}

// data is a record without its header.
func data(rr dns.RR) string { return strings.TrimPrefix(rr.String(), rr.Header().String()) }
