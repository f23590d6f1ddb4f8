package failover

import (
	"context"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"

	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

// FuzzServeDNS sends whatever unpacks as a message with a question, in every state of health, and holds the reply
// against what every reply must be.
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
			f.Add(wire, qtype%2 == 0)
		}
	}
	states := []health.Status{{State: health.Healthy}, {State: health.Unhealthy}}
	f.Fuzz(func(t *testing.T, wire []byte, up bool) {
		fx.t = t
		r := new(dns.Msg)
		if r.Unpack(wire) != nil || len(r.Question) != 1 || r.Response {
			t.Skip("not a query") // the server hands on nothing else
		}
		if state := states[0]; up != (fx.states[0].State == health.Healthy) {
			if !up {
				state = states[1]
			}
			fx.put(state, "http")
		}
		question := r.Question[0]
		rec := dnstest.NewRecorder(&test.ResponseWriter{})
		rcode, err := fx.f.ServeDNS(context.Background(), rec, r)
		if err != nil {
			t.Fatalf("%v: %v", question, err)
		}
		if rec.Msg == nil {
			if rcode == dns.RcodeSuccess {
				t.Fatalf("%v: success, and nothing was written", question)
			}
			return
		}
		checkReply(t, r, rec.Msg, question)
	})
}

func checkReply(t *testing.T, r, m *dns.Msg, question dns.Question) {
	t.Helper()
	if m.Id != r.Id || !m.Response || len(m.Question) != 1 || m.Question[0] != question {
		t.Fatalf("%v: not a reply to it: %v", question, m)
	}
	if _, err := m.Pack(); err != nil {
		t.Fatalf("%v: the reply does not pack: %v", question, err)
	}
	empty := len(m.Answer) == 0 && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError)
	if empty && (len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA) {
		t.Fatalf("%v: a negative answer without one SOA: %v", question, m)
	}
	if len(m.Answer) > 0 && !strings.EqualFold(m.Answer[0].Header().Name, question.Name) {
		t.Fatalf("%v: an answer about another name: %v", question, m.Answer[0])
	}
	if !dns.IsSubDomain("example.org.", question.Name) {
		t.Fatalf("%v: answered for a zone that is not ours", question)
	}
}
