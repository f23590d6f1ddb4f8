package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// mostSteps bounds an explanation where CNAMEs with several targets lead to others.
const mostSteps = 200

// step begins the step for a name.
func (e *explainer) step(name string, m *zone.Match) *api.ExplainedStep {
	e.steps++
	s := &api.ExplainedStep{Name: name, Apex: m.Apex, Wildcard: m.Wildcard, Odds: 1, Statements: []string{}}
	e.note(&s.Statements, "D04")
	if m.Zone != nil {
		s.Zone = m.Zone.Config.Name
	}
	if m.Node != nil && !m.Node.Empty() {
		s.Node = m.Node.Name()
	}
	if m.Wildcard {
		e.note(&s.Statements, "D02")
	}
	return s
}

// as says what a step is, and why.
func as(s *api.ExplainedStep, kind api.AnswerKind, format string, args ...any) {
	s.Kind, s.Why = kind, fmt.Sprintf(format, args...)
}

// first explains the name that was asked, in the order in which the handler deals with it.
func (e *explainer) first() (*api.ExplainedStep, result) {
	name, qtype := e.question.Name, e.question.Type
	m := e.index.Match(name)
	s := e.step(name, &m)
	switch {
	case m.Zone == nil:
		as(s, api.AnswerNext, "no zone here holds the name")
		return s, left()
	case qtype == dns.TypeAXFR || qtype == dns.TypeIXFR:
		as(s, api.AnswerRefused, "transfers are the transfer plugin's, for those it lets")
		e.note(&s.Statements, "D09")
		return s, sure(api.AnswerRefused, dns.RcodeRefused, nil, nil)
	case m.Node == nil && m.Through:
		as(s, api.AnswerFallthrough, "the name does not exist, and the zone falls through for it")
		e.note(&s.Statements, "D02")
		return s, left()
	case m.Node == nil:
		return s, e.missing(s, &m)
	case m.Apex && qtype == dns.TypeSOA:
		return s, e.apex(s, owners(m.Zone.SOA(), name))
	case m.Apex && qtype == dns.TypeNS:
		return s, e.apex(s, owners(m.Zone.NS(), name))
	}
	e.note(&s.Statements, "D01")
	cname := m.Node.CNAME()
	switch {
	case qtype == dns.TypeANY && cname != nil:
		e.note(&s.Statements, "D06")
		qtype = dns.TypeCNAME
	case qtype == dns.TypeANY && (m.Apex || !m.Node.Empty()):
		as(s, api.AnswerAny, "ANY gets a short answer")
		e.note(&s.Statements, "D06")
		return s, sure(api.AnswerRecords, dns.RcodeSuccess, []dns.RR{&dns.HINFO{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: m.Zone.Config.TTL.Settled},
			Cpu: "RFC8482",
		}}, nil)
	}
	if set, family := m.Node.Set(qtype); set != nil {
		return s, e.answer(s, &m, set, family, name, true)
	}
	if cname == nil {
		return s, e.empty(s, &m)
	}
	return s, e.follow(s, m, 1)
}

func owners(rrs []dns.RR, owner string) []dns.RR {
	own := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		own[i] = withOwner(rr, owner)
	}
	return own
}

// missing is a name error.
func (e *explainer) missing(s *api.ExplainedStep, m *zone.Match) result {
	as(s, api.AnswerNXDomain, "the name does not exist, and no wildcard covers it")
	e.note(&s.Statements, "D02")
	return sure(api.AnswerNXDomain, dns.RcodeNameError, nil, m.Zone.Negative())
}

func (e *explainer) apex(s *api.ExplainedStep, rrs []dns.RR) result {
	as(s, api.AnswerApex, "the zone's own records, whatever the health")
	e.note(&s.Statements, "D05")
	return sure(api.AnswerRecords, dns.RcodeSuccess, rrs, nil)
}

// empty is a name without anything of the type.
func (e *explainer) empty(s *api.ExplainedStep, m *zone.Match) result {
	switch {
	case !m.Node.Empty():
		as(s, api.AnswerNoData, "the name has records, of other types only")
	case m.Apex:
		as(s, api.AnswerNoData, "the name of the zone has no records of the type")
	default:
		as(s, api.AnswerNoData, "the name has no records of its own, but there are names below it")
	}
	e.note(&s.Statements, "D02")
	return sure(api.AnswerNoData, dns.RcodeSuccess, nil, m.Zone.Negative())
}

// answer explains the record set that answers for a name. Of the first name of a chain, what is left to the next plugin
// is; of others, the target is looked up.
func (e *explainer) answer(
	s *api.ExplainedStep, m *zone.Match, set *zone.Set, family int, owner string, first bool,
) (r result) {
	now := e.situation(set)
	a := now.Set.Answer(family)
	if a == nil {
		as(s, api.AnswerNoData, "no record of the set has anything of the type")
		e.note(&s.Statements, "D02", "R18")
		return sure(api.AnswerNoData, dns.RcodeSuccess, nil, m.Zone.Negative())
	}
	as(s, api.AnswerSet, "a record set of the name answers")
	e.note(&s.Statements, "R01")
	s.Set = e.set(now, family, nil)
	can := a.Prospect()
	for _, c := range owned(can.Records, owner) {
		r.record(c.Record, c.Odds)
	}
	for _, end := range can.Ends {
		switch kind := kindOf(end.Outcome); {
		case kind == api.AnswerNext && first:
			r.add(left(), end.Odds)
		case kind == api.AnswerNext:
			r.end(api.AnswerElsewhere, dns.RcodeSuccess, nil, end.Odds)
		default:
			r.end(kind, rcodes[kind], end.SOA, end.Odds)
		}
		if end.Outcome == policy.AnswerNoData {
			e.note(&s.Statements, "D02")
		}
	}
	return r
}

func kindOf(outcome policy.Outcome) api.AnswerKind {
	switch outcome {
	case policy.AnswerNoData:
		return api.AnswerNoData
	case policy.AnswerServFail:
		return api.AnswerServFail
	case policy.AnswerRefused:
		return api.AnswerRefused
	case policy.AnswerNext:
		return api.AnswerNext
	}
	return api.AnswerRecords
}

var rcodes = map[api.AnswerKind]int{api.AnswerServFail: dns.RcodeServerFailure, api.AnswerRefused: dns.RcodeRefused}

// follow explains a name with a CNAME, which is the so many-th of the chain, and the names that it leads to.
func (e *explainer) follow(s *api.ExplainedStep, m zone.Match, depth int) (r result) {
	cname := e.answer(s, &m, m.Node.CNAME(), 0, s.Name, depth == 1)
	if s.Kind == api.AnswerSet {
		as(s, api.AnswerCNAME, "the name is an alias of others, for every type")
	}
	e.note(&s.Statements, "D03")
	e.chain = append(e.chain, s.Name)
	defer func() { e.chain = e.chain[:len(e.chain)-1] }()
	for _, o := range cname.ends {
		if o.Kind != api.AnswerRecords {
			r.merge(o)
		}
	}
	for _, c := range cname.records {
		target := c.rr.(*dns.CNAME).Target
		at := -1
		for i, next := range s.Next {
			if next.Name == target {
				at = i
			}
		}
		if at >= 0 { // the same target with another TTL: what lies there is explained already
			s.Next[at].Odds += c.odds
		}
		next, below := e.next(target, depth)
		if at < 0 {
			next.Odds = c.odds
			s.Next = append(s.Next, *next)
		}
		r.record(c.rr, c.odds*below.answered())
		r.add(below, c.odds)
	}
	return r
}

// next explains where a CNAME leads, which is the so many-th of the chain.
func (e *explainer) next(name string, depth int) (*api.ExplainedStep, result) {
	m := e.index.Match(name)
	s := e.step(name, &m)
	qtype := e.question.Type
	switch {
	case slices.ContainsFunc(e.chain, func(before string) bool { return strings.EqualFold(before, name) }):
		as(s, api.AnswerServFail, "the CNAMEs lead in a loop")
		e.note(&s.Statements, "D03")
		return s, sure(api.AnswerServFail, dns.RcodeServerFailure, nil, nil)
	case m.Zone == nil || m.Through:
		return s, e.elsewhere(s, name)
	case m.Node == nil:
		return s, e.missing(s, &m)
	case m.Apex && qtype == dns.TypeSOA:
		return s, e.apex(s, m.Zone.SOA())
	case m.Apex && qtype == dns.TypeNS:
		return s, e.apex(s, m.Zone.NS())
	case depth == zone.MaxChain:
		as(s, api.AnswerServFail, "no more than %d CNAMEs are followed", zone.MaxChain)
		e.note(&s.Statements, "D03")
		return s, sure(api.AnswerServFail, dns.RcodeServerFailure, nil, nil)
	case e.steps >= mostSteps:
		as(s, api.AnswerUnfollowed, "the CNAMEs lead to more names than are explained")
		return s, sure(api.AnswerUnfollowed, dns.RcodeSuccess, nil, nil)
	}
	if set, family := m.Node.Set(qtype); set != nil {
		return s, e.answer(s, &m, set, family, name, false)
	}
	if m.Node.CNAME() == nil {
		return s, e.empty(s, &m)
	}
	return s, e.follow(s, m, depth+1)
}
