package failover

import (
	"context"
	"math/rand/v2"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/miekg/dns"
)

// Failover is the handler of one server block. It must be started before it serves.
type Failover struct {
	Next plugin.Handler

	config *corefile.Config
	index  *zone.Index // set by the start, before the first query
}

var _ plugin.Handler = (*Failover)(nil)

// Name implements plugin.Handler.
func (f *Failover) Name() string { return name }

// random draws for queries. The functions of math/rand/v2 take no lock.
type random struct{}

func (random) Uint64() uint64 { return rand.Uint64() }

// ServeDNS implements plugin.Handler. What was written returns success whatever its rcode: the server would else write
// a second reply.
func (f *Failover) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	q := &r.Question[0]
	if r.Opcode != dns.OpcodeQuery || q.Qclass != dns.ClassINET {
		return f.next(ctx, w, r)
	}
	m := f.index.Match(q.Name)
	if m.Zone == nil {
		return f.next(ctx, w, r)
	}
	if q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		return dns.RcodeRefused, nil
	}
	if m.Node == nil {
		// Only a name error falls through: a name of ours answers for all its types, and whatever its health (D06).
		if fall := m.Zone.Config.Fall; len(fall.Zones) > 0 && fall.Through(q.Name) {
			return f.next(ctx, w, r)
		}
		m.Zone.Tally.NXDomain.Add(1)
		return negative(w, r, dns.RcodeNameError, m.Zone.Negative())
	}
	if m.Apex {
		switch q.Qtype {
		case dns.TypeSOA:
			return positive(w, r, &m, m.Zone.SOA())
		case dns.TypeNS:
			return positive(w, r, &m, m.Zone.NS())
		}
	}
	return f.answer(ctx, w, r, &m)
}

func (f *Failover) next(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return plugin.NextOrFailure(name, f.Next, ctx, w, r)
}

// answer answers for a name that exists.
func (f *Failover) answer(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, m *zone.Match) (int, error) {
	qtype := r.Question[0].Qtype
	cname := m.Node.CNAME()
	switch {
	case qtype == dns.TypeANY && cname != nil:
		qtype = dns.TypeCNAME // RFC 8482, section 4.2
	case qtype == dns.TypeANY:
		return writeHINFO(w, r, m.Zone.Config.TTL.Settled)
	}
	set, family := m.Node.Set(qtype)
	if set == nil {
		if cname != nil {
			return f.follow(ctx, w, r, m)
		}
		m.Zone.Tally.NoData.Add(1)
		return negative(w, r, dns.RcodeSuccess, m.Zone.Negative())
	}
	a := set.Answer(family)
	if a == nil {
		set.Tallies[family].NoData.Add(1)
		return negative(w, r, dns.RcodeSuccess, m.Zone.Negative())
	}
	reply, room := newReplyFor(r, a)
	outcome, rrs := pick(ctx, a, room)
	switch outcome {
	case policy.Answer:
		reply.Answer = owned(rrs, r, m)
	case policy.AnswerNoData:
		reply.Ns = a.SOA()
	case policy.AnswerServFail:
		reply.Rcode, reply.Authoritative = dns.RcodeServerFailure, false
	case policy.AnswerRefused:
		reply.Rcode, reply.Authoritative = dns.RcodeRefused, false
	case policy.AnswerNext:
		return f.next(ctx, w, r)
	}
	return write(w, &reply.Msg)
}

// pick draws an answer, counts it, and tells the log plugin about it where that asks for metadata.
func pick(ctx context.Context, a *zone.Answer, room []dns.RR) (policy.Outcome, []dns.RR) {
	var (
		outcome policy.Outcome
		rrs     []dns.RR
	)
	if metadata.ValueFuncs(ctx) == nil {
		outcome, rrs = a.Pick(random{}, room, nil)
	} else {
		outcome, rrs = pickAndTell(ctx, a, room)
	}
	switch tally := a.Set.Tallies[a.Family]; {
	case a.AllDown:
		tally.AllDown.Add(1)
	case outcome == policy.AnswerNoData:
		tally.NoData.Add(1)
	default:
		tally.Healthy.Add(1)
	}
	return outcome, rrs
}
