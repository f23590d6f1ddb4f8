package failover

import (
	"context"

	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// maxChain bounds the CNAMEs that one answer follows; the file plugin's number.
const maxChain = 8

// follow answers a question for another type at a name with a CNAME: with the CNAME and, where the target is ours or
// can be looked up, with what lies there (D03).
func (f *Failover) follow(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, m *zone.Match) (int, error) {
	reply := newReply(r)
	qtype, owner := r.Question[0].Qtype, r.Question[0].Name
	for range maxChain {
		a := m.Node.CNAME().Answer(0)
		outcome, rrs := pick(ctx, a, nil)
		if outcome != policy.Answer {
			// What all_down says of the CNAME is all there is; behind other CNAMEs the chain ends here.
			if len(reply.Answer) == 0 {
				return f.withoutCNAME(ctx, w, r, a, outcome)
			}
			return write(w, &reply.Msg)
		}
		reply.Answer = append(reply.Answer, withOwner(rrs, owner)...)
		owner = rrs[0].(*dns.CNAME).Target
		next := f.index.Match(owner)
		if next.Zone == nil || next.Node == nil && next.Zone.Config.Fall.Through(owner) {
			return f.lookUp(ctx, w, r, reply, owner)
		}
		if next.Node == nil {
			reply.Rcode, reply.Ns = dns.RcodeNameError, next.Zone.Negative()
			return write(w, &reply.Msg)
		}
		if set, _ := next.Node.Set(qtype); set == nil && next.Node.CNAME() != nil {
			m = &next
			continue
		}
		return f.end(ctx, w, r, reply, &next, owner)
	}
	reply.Answer, reply.Rcode, reply.Authoritative = nil, dns.RcodeServerFailure, false
	return write(w, &reply.Msg)
}

// withoutCNAME writes what a CNAME's set answers when it answers no record.
func (f *Failover) withoutCNAME(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, a *zone.Answer,
	outcome policy.Outcome) (int, error) {
	reply := newReply(r)
	switch outcome {
	case policy.AnswerNext:
		return f.next(ctx, w, r)
	case policy.AnswerServFail:
		reply.Rcode, reply.Authoritative = dns.RcodeServerFailure, false
	case policy.AnswerRefused:
		reply.Rcode, reply.Authoritative = dns.RcodeRefused, false
	default:
		reply.Ns = a.SOA()
	}
	return write(w, &reply.Msg)
}

// end adds what a name of ours at the end of a chain answers.
func (f *Failover) end(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, reply *reply, m *zone.Match,
	owner string) (int, error) {
	qtype := r.Question[0].Qtype
	switch {
	case m.Apex && qtype == dns.TypeSOA:
		reply.Answer = append(reply.Answer, m.Zone.SOA()...)
		return write(w, &reply.Msg)
	case m.Apex && qtype == dns.TypeNS:
		reply.Answer = append(reply.Answer, m.Zone.NS()...)
		return write(w, &reply.Msg)
	}
	set, family := m.Node.Set(qtype)
	if set == nil || set.Answer(family) == nil {
		reply.Ns = m.Zone.Negative()
		return write(w, &reply.Msg)
	}
	a := set.Answer(family)
	switch outcome, rrs := pick(ctx, a, make([]dns.RR, 0, a.Room)); outcome {
	case policy.Answer:
		reply.Answer = append(reply.Answer, withOwner(rrs, owner)...)
	case policy.AnswerNoData:
		reply.Ns = a.SOA()
	case policy.AnswerNext:
		return f.lookUp(ctx, w, r, reply, owner)
	case policy.AnswerServFail, policy.AnswerRefused:
		// The CNAME stands; whoever follows it will be told.
	}
	return write(w, &reply.Msg)
}

// lookUp adds what the rest of the server says of a name that is not ours. Without an answer the CNAME stands alone:
// that is right too, and the client can ask on.
func (f *Failover) lookUp(ctx context.Context, w dns.ResponseWriter, r *dns.Msg, reply *reply, target string) (int, error) {
	loop, _ := ctx.Value(dnsserver.LoopKey{}).(int)
	if loop >= maxChain {
		reply.Answer, reply.Rcode, reply.Authoritative = nil, dns.RcodeServerFailure, false
		return write(w, &reply.Msg)
	}
	ctx = context.WithValue(ctx, dnsserver.LoopKey{}, loop+1)
	found, err := upstream.New().Lookup(ctx, request.Request{W: w, Req: r}, target, r.Question[0].Qtype)
	if err != nil || found == nil {
		return write(w, &reply.Msg)
	}
	switch found.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		reply.Rcode = found.Rcode // that of the end of the chain (RFC 6604)
		reply.Answer = append(reply.Answer, found.Answer...)
		if len(found.Answer) == 0 {
			reply.Ns = found.Ns
		}
	}
	return write(w, &reply.Msg)
}
