package probe

import (
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// answerState is what is known of one question to a name server.
type answerState uint8

const (
	answerPending answerState = iota
	answerFound               // with at least one address
	answerNone                // the name does not exist, or has no address of the family
	answerFailed              // the server has nothing to say on the matter
)

// maxChain is how many CNAME records are followed within an answer.
const maxChain = 16

// question is one for the addresses of a host of one family.
type question struct {
	asked   dns.Question
	id      uint16
	packed  []byte
	state   answerState
	addrs   []netip.Addr
	trouble string // why the state is answerFailed
}

// newQuestions makes one for each address family of "ip", "ip4" or "ip6".
func newQuestions(host, family string) ([]question, error) {
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	switch family {
	case "ip4":
		types = types[:1]
	case "ip6":
		types = types[1:]
	}
	questions := make([]question, len(types))
	for i, rrtype := range types {
		message := new(dns.Msg).SetQuestion(dns.Fqdn(host), rrtype)
		packed, err := message.Pack()
		if err != nil {
			return nil, err
		}
		questions[i] = question{asked: message.Question[0], id: message.Id, packed: packed}
	}
	return questions, nil
}

func pending(questions []question) bool {
	for _, q := range questions {
		if q.state == answerPending {
			return true
		}
	}
	return false
}

// sumUp gives what one server said to all questions.
//
//	found  and anything           found: some servers do not answer, or deny the name, for AAAA (RFC 4074)
//	none   and none               none
//	failed and none, or pending   failed: half an answer must not take a target down
func sumUp(questions []question) (v4, v6 []netip.Addr, state answerState) {
	state = answerNone
	for _, q := range questions {
		switch {
		case q.state == answerPending || q.state == answerFailed:
			state = answerFailed
		case q.asked.Qtype == dns.TypeA:
			v4 = q.addrs
		default:
			v6 = q.addrs
		}
	}
	if len(v4)+len(v6) > 0 {
		return v4, v6, answerFound
	}
	if len(questions) == 0 {
		state = answerFailed
	}
	return nil, nil, state
}

// match finds the question that a datagram answers, and what it says.
func match(questions []question, message []byte) (*question, *dns.Msg) {
	for i := range questions {
		if questions[i].state != answerPending {
			continue
		}
		if reply, ok := questions[i].reply(message); ok {
			return &questions[i], reply
		}
	}
	return nil, nil
}

// reply reads a message, and tells whether it answers q. The ID is looked at first, so that a flood costs little.
func (q *question) reply(message []byte) (*dns.Msg, bool) {
	const headerSize, response = 12, 0x80
	if len(message) < headerSize || message[0] != q.packed[0] || message[1] != q.packed[1] || message[2]&response == 0 {
		return nil, false
	}
	reply := new(dns.Msg)
	err := reply.Unpack(message)
	if reply.Opcode != dns.OpcodeQuery || err != nil && !reply.Truncated { // some servers cut in the middle of a record
		return nil, false
	}
	switch len(reply.Question) {
	case 0:
		// Only a refusal may come without the question.
		return reply, err == nil && reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError
	case 1:
		is := reply.Question[0]
		return reply, is.Qtype == q.asked.Qtype && is.Qclass == q.asked.Qclass && strings.EqualFold(is.Name, q.asked.Name)
	default:
		return nil, false
	}
}

// take judges the answer to q; nil stands for one that could not be had whole.
func (q *question) take(reply *dns.Msg) {
	if reply == nil {
		q.state, q.trouble = answerFailed, "the answer is too long for UDP, and TCP does not work"
		return
	}
	q.addrs, q.trouble = addressesIn(reply, q.asked)
	switch {
	case q.trouble != "":
		q.state = answerFailed
	case len(q.addrs) > 0:
		q.state = answerFound
	default:
		q.state = answerNone
	}
}

// addressesIn gives the addresses that an answer has for what was asked, by way of the CNAME records in it. A server
// that has nothing to say on the matter is in trouble; one that says that there is no address is not.
func addressesIn(reply *dns.Msg, asked dns.Question) (addrs []netip.Addr, trouble string) {
	if reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError {
		return nil, rcodeName(reply.Rcode)
	}
	name, ended := asked.Name, false
	for range maxChain {
		addrs, next := recordsAt(reply, name, asked.Qtype)
		if len(addrs) > 0 && reply.Rcode == dns.RcodeSuccess {
			return addrs, ""
		}
		if next == "" {
			ended = true
			break
		}
		name = next
	}
	switch {
	case !ended:
		return nil, "the chain of CNAME records is too long"
	case !reply.RecursionAvailable && (!reply.Authoritative || !strings.EqualFold(name, asked.Name)):
		// It points at other servers, or knows a part of the chain only.
		return nil, "the server does not recurse"
	default:
		return nil, ""
	}
}

// recordsAt gives the addresses and the CNAME target that an answer has at a name.
func recordsAt(reply *dns.Msg, name string, rrtype uint16) (addrs []netip.Addr, target string) {
	for _, record := range reply.Answer[:min(len(reply.Answer), maxRecords)] {
		header := record.Header()
		if header.Class != dns.ClassINET || !strings.EqualFold(header.Name, name) {
			continue
		}
		var ip net.IP
		switch record := record.(type) {
		case *dns.A:
			ip = record.A
		case *dns.AAAA:
			ip = record.AAAA
		case *dns.CNAME:
			target = record.Target
		}
		// A record without data has no address.
		if addr, ok := netip.AddrFromSlice(ip); ok && header.Rrtype == rrtype {
			addrs = append(addrs, addr.Unmap())
		}
	}
	return addrs, target
}
