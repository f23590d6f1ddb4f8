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
	// Set by the start, before the first query.
	index  *zone.Index
	signed bool // the dnssec plugin is in the server block
}

var _ plugin.Handler = (*Failover)(nil)

// Name implements plugin.Handler.
func (f *Failover) Name() string { return name }

// random draws for queries. The functions of math/rand/v2 take no lock.
type random struct{}

func (random) Uint64() uint64 { return rand.Uint64() }

// ServeDNS implements plugin.Handler. What was written returns success whatever its rcode: the server would else write
// a second reply.
//
// The reply is written when the calls that made it have returned. CoreDNS serves each query on a new goroutine, whose
// small stack is copied to a larger one when it runs full, which can cost as much as all the rest; and it is fullest
// while a reply is written.
func (f *Failover) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	reply, rcode := f.reply(ctx, w, r)
	switch {
	case reply != nil:
		if err := w.WriteMsg(&reply.Msg); err != nil {
			unwritten(err)
		}
		return dns.RcodeSuccess, nil
	case rcode != dns.RcodeSuccess:
		return rcode, nil
	default:
		return f.next(ctx, w, r)
	}
}

// reply makes the reply. Without one the rcode is to be returned, or the next plugin to be asked if that is success.
func (f *Failover) reply(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (reply *reply, rcode int) {
	if len(r.Question) == 0 {
		// The server lets none of these through, but plugins above can make messages of their own.
		return nil, dns.RcodeFormatError
	}
	q := &r.Question[0]
	if r.Opcode != dns.OpcodeQuery || q.Qclass != dns.ClassINET {
		return nil, dns.RcodeSuccess
	}
	m := f.index.Match(q.Name)
	if m.Zone == nil {
		return nil, dns.RcodeSuccess
	}
	if q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		return nil, dns.RcodeRefused
	}
	if m.Node == nil {
		// Only a name error falls through: a name of ours answers for all its types, and whatever its health (D06).
		if m.Through {
			return nil, dns.RcodeSuccess
		}
		m.Zone.Tally.NXDomain.Add(1)
		return negative(r, dns.RcodeNameError, m.Zone.Negative()), dns.RcodeSuccess
	}
	if m.Apex {
		switch q.Qtype {
		case dns.TypeSOA:
			return f.positive(r, &m, m.Zone.SOA()), dns.RcodeSuccess
		case dns.TypeNS:
			return f.positive(r, &m, m.Zone.NS()), dns.RcodeSuccess
		}
	}
	return f.answer(ctx, w, r, &m), dns.RcodeSuccess
}

// next hands a query on. Where nobody is next it is refused, as the file plugin does: the failure that CoreDNS has for
// that would let clients fill the log, with a NOTIFY for example.
func (f *Failover) next(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if f.Next == nil {
		return dns.RcodeRefused, nil
	}
	return plugin.NextOrFailure(name, f.Next, ctx, w, r)
}

// answer answers for a name that exists; nil is for the next plugin.
func (f *Failover) answer(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, m *zone.Match) *reply {
	qtype := r.Question[0].Qtype
	cname := m.Node.CNAME()
	switch {
	case qtype == dns.TypeANY && cname != nil:
		qtype = dns.TypeCNAME // RFC 8482, section 4.2
	case qtype == dns.TypeANY && (m.Apex || !m.Node.Empty()):
		return f.hinfo(r, m.Zone.Config.TTL.Settled)
	}
	set, family := m.Node.Set(qtype)
	if set == nil {
		if cname != nil {
			return f.follow(ctx, w, r, m)
		}
		m.Zone.Tally.NoData.Add(1)
		return negative(r, dns.RcodeSuccess, m.Zone.Negative())
	}
	a := set.Answer(family)
	if a == nil {
		set.Tally(family).NoData.Add(1)
		return negative(r, dns.RcodeSuccess, m.Zone.Negative())
	}
	var (
		reply *reply
		room  []dns.RR
	)
	if a.Room > 0 {
		reply, room = newRoomyReply(r, int(a.Room))
	}
	got := f.pick(ctx, r, a, room)
	switch {
	case reply != nil:
	case got.Address != nil && (m.Folded || m.Wildcard || f.index.Far()):
		return newAddressReply(r, f.owner(r), got.Address)
	default:
		reply = newReply(r)
	}
	switch got.Outcome {
	case policy.Answer:
		reply.Answer = f.owned(got.Records, r, m)
	case policy.AnswerNoData:
		reply.Ns = got.SOA
	case policy.AnswerServFail:
		reply.fail(dns.RcodeServerFailure)
	case policy.AnswerRefused:
		reply.fail(dns.RcodeRefused)
	case policy.AnswerNext:
		return nil
	}
	return reply
}

// pick draws an answer, counts it, and tells the log plugin about it where that asks for metadata.
func (f *Failover) pick(ctx context.Context, r *dns.Msg, a *zone.Answer, room []dns.RR) zone.Picked {
	draw := zone.Draw{Source: random{}, Room: room, Ordered: f.signs(r)}
	var got zone.Picked
	if metadata.ValueFuncs(ctx) == nil {
		got = a.Pick(draw)
	} else {
		got = pickAndTell(ctx, a, draw)
	}
	switch tally := a.Set().Tally(int(a.Family)); {
	case a.AllDown:
		tally.AllDown.Add(1)
	case got.Outcome == policy.AnswerNoData:
		tally.NoData.Add(1)
	default:
		tally.Healthy.Add(1)
	}
	return got
}

// signs tells whether the dnssec plugin will sign the answer. It keeps the signatures that it made by the text of the
// records in their order, so records then have one order and small letters, or a client could make it sign every time.
// The loadbalance plugin shuffles what was signed.
func (f *Failover) signs(r *dns.Msg) bool {
	if !f.signed {
		return false
	}
	opt := r.IsEdns0()
	return opt != nil && opt.Do()
}
