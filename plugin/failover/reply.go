package failover

import (
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// reply is a message with its question in one allocation. It must not be reused: recorders and other writers keep it
// after the query.
type reply struct {
	dns.Msg
	question [1]dns.Question
}

// newReply is the positive, authoritative reply without records yet. It does what Msg.SetReply does.
func newReply(r *dns.Msg) *reply {
	m := new(reply)
	m.init(r)
	return m
}

func (m *reply) init(r *dns.Msg) {
	m.Id = r.Id
	m.Response = true
	m.Opcode = r.Opcode
	m.RecursionDesired = r.RecursionDesired
	m.CheckingDisabled = r.CheckingDisabled
	m.Authoritative = true
	m.question[0] = r.Question[0]
	m.Question = m.question[:]
}

// fail makes the reply one without records. It is no statement of the zone, so it is not authoritative.
func (m *reply) fail(rcode int) {
	m.Answer, m.Ns = nil, nil
	m.Rcode, m.Authoritative = rcode, false
}

// roomyReply is a reply with room for most answers in random order, still in one allocation.
type roomyReply struct {
	reply
	records [16]dns.RR
}

// newReplyFor is newReply with an empty slice that has room for the records of an answer in random order.
func newReplyFor(r *dns.Msg, a *zone.Answer) (*reply, []dns.RR) {
	if a.Room == 0 {
		return newReply(r), nil
	}
	m := new(roomyReply)
	m.init(r)
	if a.Room > len(m.records) {
		return &m.reply, make([]dns.RR, 0, a.Room)
	}
	return &m.reply, m.records[:0:a.Room]
}

// unwritten is called for a reply that could not be written: the client is gone, or cannot be reached. A SERVFAIL would
// not get through either.
func unwritten(err error) { log.Debugf("Failed to write a reply: %v", err) }

func (f *Failover) positive(r *dns.Msg, m *zone.Match, rrs []dns.RR) *reply {
	reply := newReply(r)
	reply.Answer = f.owned(rrs, r, m)
	return reply
}

// negative is a name error or an empty answer. Exactly one SOA: the dnssec plugin signs no other denial.
func negative(r *dns.Msg, rcode int, soa []dns.RR) *reply {
	reply := newReply(r)
	reply.Rcode = rcode
	reply.Ns = soa
	return reply
}

// owned gives shared records the name that was asked where that is not theirs: below a wildcard, and with the letters
// as asked (D01), except where they are to be signed.
func (f *Failover) owned(rrs []dns.RR, r *dns.Msg, m *zone.Match) []dns.RR {
	if !m.Wildcard && (!m.Folded || f.signs(r)) {
		return rrs
	}
	return withOwner(rrs, f.owner(r))
}

// owner is the name that was asked, as it stands in records of the answer.
func (f *Failover) owner(r *dns.Msg) string {
	name := r.Question[0].Name
	if f.signs(r) {
		name = strings.ToLower(name)
	}
	return name
}

func withOwner(rrs []dns.RR, owner string) []dns.RR {
	own := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		own[i] = dns.Copy(rr)
		own[i].Header().Name = owner
	}
	return own
}

// hinfo answers ANY at a name that exists (RFC 8482, section 4.2), for a server block without the any plugin.
func (f *Failover) hinfo(r *dns.Msg, ttl uint32) *reply {
	reply := newReply(r)
	reply.Answer = []dns.RR{&dns.HINFO{
		Hdr: dns.RR_Header{Name: f.owner(r), Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: ttl},
		Cpu: "RFC8482",
	}}
	return reply
}
