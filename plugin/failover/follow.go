package failover

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// follow answers a question for another type at a name with a CNAME: with the CNAME and, where the target is ours or is
// looked up, with what lies there (D03). The rcode is that of the end of the chain (RFC 6604, section 3).
func (f *Failover) follow(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, m *zone.Match) *reply {
	reply := newReply(r)
	qtype, owner := r.Question[0].Qtype, f.owner(r)
	for range zone.MaxChain {
		set, family := m.Node.CNAME(), 0
		if own, f := m.Node.Set(qtype); own != nil {
			set, family = own, f
		}
		if set == nil || set.Answer(family) == nil {
			reply.Ns = m.Zone.Negative()
			return reply
		}
		a := set.Answer(family)
		got := f.pick(ctx, r, a, make([]dns.RR, 0, a.Room))
		switch got.Outcome {
		case policy.AnswerNoData:
			reply.Ns = got.SOA
			return reply
		case policy.AnswerServFail:
			reply.fail(dns.RcodeServerFailure)
			return reply
		case policy.AnswerRefused:
			reply.fail(dns.RcodeRefused)
			return reply
		case policy.AnswerNext:
			if len(reply.Answer) == 0 {
				return nil
			}
			return f.lookUp(ctx, w, r, reply, owner)
		}
		reply.Answer = append(reply.Answer, withOwner(got.Records, owner)...)
		if set != m.Node.CNAME() {
			return reply
		}
		owner = got.Records[0].(*dns.CNAME).Target
		if owns(reply.Answer, owner) {
			// The next draw could be another, and the answer have two CNAMEs of one name (RFC 2181, section 10.1).
			reply.fail(dns.RcodeServerFailure)
			return reply
		}
		next := f.index.Match(owner)
		switch {
		case next.Zone == nil || next.Through:
			return f.elsewhere(ctx, w, r, reply, owner)
		case next.Node == nil:
			reply.Rcode, reply.Ns = dns.RcodeNameError, next.Zone.Negative()
			return reply
		case next.Apex && qtype == dns.TypeSOA:
			reply.Answer = append(reply.Answer, next.Zone.SOA()...)
			return reply
		case next.Apex && qtype == dns.TypeNS:
			reply.Answer = append(reply.Answer, next.Zone.NS()...)
			return reply
		}
		m = &next
	}
	reply.fail(dns.RcodeServerFailure)
	return reply
}

// owns tells whether a record has the name.
func owns(rrs []dns.RR, name string) bool {
	return slices.ContainsFunc(rrs, func(rr dns.RR) bool { return strings.EqualFold(rr.Header().Name, name) })
}

// elsewhere adds what was found in the background for a name that is not ours: its addresses. For other types, or where
// nothing is known, the CNAME stands alone: a resolver asks on by itself.
//
// A name that no plugin of this server block knows may be one of another server block of this process, of which there is
// no other way to learn than to ask for it now. Mostly that is another zone of ours, so it does not take long.
func (f *Failover) elsewhere(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, reply *reply, target string) *reply {
	known := f.index.Elsewhere(target)
	if f.Next == nil || known == nil || known.Nobody {
		return f.lookUp(ctx, w, r, reply, target)
	}
	if family, ok := zone.AddressFamily(r.Question[0].Qtype); ok {
		reply.Answer = append(reply.Answer, known.Records[family]...)
	}
	if known.NXDomain {
		reply.Rcode = dns.RcodeNameError
	}
	return reply
}

// lookUp adds what the rest of the server says of a name that is not ours. Where that is nothing, or it fails, the CNAME
// stands alone: a resolver asks on by itself, and would take a failure for one of our zone.
func (f *Failover) lookUp(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, reply *reply, target string) *reply {
	loop, _ := ctx.Value(dnsserver.LoopKey{}).(int)
	before, _ := ctx.Value(chaseKey{}).(chase)
	c, again := before.to(target)
	if again {
		c.looped.Store(true)
	}
	if loop >= zone.MaxChain || again {
		reply.fail(dns.RcodeServerFailure)
		return reply
	}
	ctx = context.WithValue(context.WithValue(ctx, dnsserver.LoopKey{}, loop+1), chaseKey{}, c)
	found, err := upstream.New().Lookup(ctx, request.Request{W: w, Req: r}, target, r.Question[0].Qtype)
	if err != nil || found == nil {
		return reply // there is no server, as in tests, or it stays silent
	}
	if c.looped.Load() {
		reply.fail(dns.RcodeServerFailure)
		return reply
	}
	switch found.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		reply.Rcode = found.Rcode
		reply.Truncated = found.Truncated
		reply.Answer = append(reply.Answer, found.Answer...)
		if len(found.Answer) == 0 {
			reply.Ns = found.Ns
		}
	}
	return reply
}

// chaseKey is the context key for the chase that a query is part of.
type chaseKey struct{}

// chase is the targets that were looked up one for the other, through whatever server blocks, to answer one query. Each
// lookup has its own list, since a cache between them may go on in the background; a loop is one for all of them, or each
// would hand on what it found in it, again and again.
type chase struct {
	targets []string
	looped  *atomic.Bool
}

// to is the chase with one more target, which may be one that it has been at already.
func (c chase) to(target string) (longer chase, again bool) {
	if c.looped == nil {
		c.looped = new(atomic.Bool)
	}
	same := func(other string) bool { return strings.EqualFold(other, target) }
	again = slices.ContainsFunc(c.targets, same)
	c.targets = append(slices.Clip(c.targets), target)
	return c, again
}
