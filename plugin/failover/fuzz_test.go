package failover

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"

	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// FuzzServeDNS takes octets as the server does, from a datagram to a reply that fits the client, in every state of
// health, with and without the dnssec plugin, and holds the reply against what every reply must be. More gets through
// here than the server lets through: it refuses all but one question.
func FuzzServeDNS(f *testing.F) {
	fx := load(f, basic)
	for _, name := range []string{
		"www.example.org.", "WWW.Example.ORG.", "example.org.", "x.wild.example.org.", "cn.example.org.",
		"cnloop1.example.org.", "nope.example.org.", ".", "org.", "a.b.c.d.e.f.example.org.", `a\.b.example.org.`,
		`\000.example.org.`, `*.wild.example.org.`, strings.Repeat("a.", 100) + "example.org.",
	} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeSOA, dns.TypeCNAME, dns.TypeAXFR, 0, 65535} {
			r := new(dns.Msg)
			r.SetQuestion(name, qtype)
			r.SetEdns0(512, qtype == dns.TypeA)
			wire, err := r.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(wire, qtype%2 == 0, qtype%3 == 0)
		}
	}
	for _, wire := range oddWires() {
		f.Add(wire, true, false)
	}
	states := []health.Status{{State: health.Healthy}, {State: health.Unhealthy}}
	f.Fuzz(func(t *testing.T, wire []byte, up, signed bool) {
		fx.t = t
		r := new(dns.Msg)
		if r.Unpack(wire) != nil || r.Response {
			t.Skip("not a query") // the server hands on nothing else
		}
		if state := states[0]; up != (fx.states[0].State == health.Healthy) {
			if !up {
				state = states[1]
			}
			fx.put(state, "http")
		}
		fx.f.signed = signed
		asked := r.Copy()
		rec := dnstest.NewRecorder(&test.ResponseWriter{})
		rcode, err := fx.f.ServeDNS(context.Background(), request.NewScrubWriter(r, rec), r)
		if err != nil {
			t.Fatalf("%v: %v", asked, err)
		}
		if rec.Msg == nil {
			if rcode == dns.RcodeSuccess {
				t.Fatalf("%v: success, and nothing was written", asked)
			}
			return
		}
		checkReply(t, asked, rec.Msg)
	})
}

// oddWires are messages that no client would make.
func oddWires() [][]byte {
	head := func(counts ...uint16) []byte {
		wire := make([]byte, 12)
		for i, n := range counts {
			binary.BigEndian.PutUint16(wire[4+2*i:], n)
		}
		return wire
	}
	www := []byte("\x03www\x07example\x03org\x00\x00\x01\x00\x01")
	opt := []byte("\x00\x00\x29\x04\xd0\x00\x00\x00\x00")
	return [][]byte{
		head(1),                          // a question that is not there
		append(head(2), www...),          // one of two
		append(head(1, 1, 1, 2), www...), // counts that lie
		append(append(head(2), www...), www...),
		append(append(head(1, 0, 0, 1), www...), append(opt, "\x00\x0b\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02"...)...),
		append(append(head(1, 0, 0, 1), www...), append(opt, "\x00\x04\x00\x03\x00\x09"...)...),
		append(head(1), "\xc0\x0c\x00\x01\x00\x01"...), // a pointer to itself
		append(head(1), "\x01a\xc0\x0c\x00\x01\x00\x01"...),
		append(head(1), "\x03\x00\xff.\x07example\x03org\x00\x00\x01\x00\x01"...),
	}
}

// checkReply wants a reply to that very query, about zones of ours alone, which fits and says what it may.
func checkReply(t *testing.T, r, m *dns.Msg) {
	t.Helper()
	question := r.Question[0]
	if m.Id != r.Id || !m.Response || len(m.Question) != 1 || m.Question[0] != question ||
		m.RecursionDesired != r.RecursionDesired || m.CheckingDisabled != r.CheckingDisabled {
		t.Fatalf("%v: not a reply to it: %v", question, m)
	}
	if m.RecursionAvailable || m.AuthenticatedData || m.Zero {
		t.Fatalf("%v: flags that are not ours to set: %v", question, m)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatalf("%v: the reply does not pack: %v", question, err)
	}
	limit := dns.MinMsgSize
	if opt := r.IsEdns0(); opt != nil {
		limit = max(limit, int(opt.UDPSize()))
	}
	if len(wire) > limit {
		t.Fatalf("%v: a reply of %d octets for a client that takes %d", question, len(wire), limit)
	}
	statement := m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError
	if m.Authoritative != statement {
		t.Fatalf("%v: AA is %v with %s", question, m.Authoritative, dns.RcodeToString[m.Rcode])
	}
	empty := len(m.Answer) == 0 && statement && !m.Truncated
	if empty && (len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA) {
		t.Fatalf("%v: a negative answer without one SOA: %v", question, m)
	}
	if len(m.Answer) > 0 && !strings.EqualFold(m.Answer[0].Header().Name, question.Name) {
		t.Fatalf("%v: an answer about another name: %v", question, m.Answer[0])
	}
	if !dns.IsSubDomain("example.org.", question.Name) || question.Qclass != dns.ClassINET ||
		r.Opcode != dns.OpcodeQuery {
		t.Fatalf("%v: answered what is not ours: %v", question, m)
	}
}
