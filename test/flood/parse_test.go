package flood

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestParse(t *testing.T) {
	question := new(dns.Msg)
	question.SetQuestion("s0000007.example.org.", dns.TypeA)
	query, err := question.Pack()
	if err != nil {
		t.Fatal(err)
	}
	const record = "s0000007.example.org. 10 IN A 192.0.2.7"
	for _, tc := range []struct {
		what    string
		records string
		change  func(*dns.Msg)
		wrong   string // part of the error
	}{
		{what: "plain", records: record},
		{what: "compressed", records: record, change: func(m *dns.Msg) { m.Compress = true }},
		{what: "not authoritative", records: record, change: func(m *dns.Msg) { m.Authoritative = false }, wrong: "flags"},
		{what: "rcode", change: func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }, wrong: "flags"},
		{what: "two", records: record + "\n" + "s0000007.example.org. 10 IN A 192.0.2.8", wrong: "counts"},
		{what: "none", wrong: "counts"},
		{what: "additional", records: record, change: func(m *dns.Msg) { m.SetEdns0(512, false) }, wrong: "more than one"},
		{what: "question", records: record, change: func(m *dns.Msg) { m.Question[0].Name = "s0000008.example.org." },
			wrong: "question"},
		{what: "owner", records: "s0000008.example.org. 10 IN A 192.0.2.7", wrong: "owner"},
		{what: "type", records: "s0000007.example.org. 10 IN TYPE65280 \\# 4 c0000207", wrong: "no A record"},
	} {
		m := new(dns.Msg)
		m.SetReply(question)
		m.Authoritative = true
		for line := range strings.Lines(tc.records) {
			rr, err := dns.NewRR(line)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		if tc.change != nil {
			tc.change(m)
		}
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parse(packed, query)
		if tc.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("%s: expected an error with %q, got %v", tc.what, tc.wrong, err)
			}
			continue
		}
		if want := (answer{netip.MustParseAddr("192.0.2.7"), 10}); err != nil || got != want {
			t.Errorf("%s: expected %v, got %v and error %v", tc.what, want, got, err)
		}
	}
}
