package failover

import (
	"net"
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

// newRoomyReply is newReply with an empty slice that has room for so many records.
func newRoomyReply(r *dns.Msg, room int) (*reply, []dns.RR) {
	m := new(roomyReply)
	m.init(r)
	if room > len(m.records) {
		return &m.reply, make([]dns.RR, 0, room)
	}
	return &m.reply, m.records[:0:room]
}

// replyA and replyAAAA are replies with the one record that is their answer, still in one allocation. With a record of
// its own a reply can have the owner as it was asked, and what writes the reply reads no memory that the query has not
// touched before. Where neither matters a reply with the shared record is cheaper, being smaller by a third.
type (
	replyA struct {
		reply
		answer [1]dns.RR
		record dns.A
		octets [net.IPv4len]byte
	}
	replyAAAA struct {
		reply
		answer [1]dns.RR
		record dns.AAAA
		octets [net.IPv6len]byte
	}
)

// newAddressReply is newReply with an address of the given owner.
func newAddressReply(r *dns.Msg, owner string, address *zone.Address) *reply {
	header := dns.RR_Header{Name: owner, Class: dns.ClassINET, Ttl: address.TTL}
	octets := address.Octets()
	if len(octets) == net.IPv4len {
		m := new(replyA)
		m.init(r)
		header.Rrtype = dns.TypeA
		m.octets = [net.IPv4len]byte(octets)
		m.record = dns.A{Hdr: header, A: m.octets[:]}
		m.answer[0] = &m.record
		m.Answer = m.answer[:]
		return &m.reply
	}
	m := new(replyAAAA)
	m.init(r)
	header.Rrtype = dns.TypeAAAA
	m.octets = [net.IPv6len]byte(octets)
	m.record = dns.AAAA{Hdr: header, AAAA: m.octets[:]}
	m.answer[0] = &m.record
	m.Answer = m.answer[:]
	return &m.reply
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
