package test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestACL keeps clients away in each way.
func TestACL(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone("static www 192.0.2.1\n static txt TXT hello",
		"cache",
		"acl {\n allow net 127.0.0.0/24\n block net 127.0.1.0/24\n filter net 127.0.2.0/24\n"+
			" block type TXT net 127.0.3.0/24\n drop net 127.0.4.0/24\n }"))
	for _, tc := range []struct {
		source string
		qtype  uint16
		rcode  int
		count  int
	}{
		{"127.0.0.1", dns.TypeA, dns.RcodeSuccess, 1},
		{"127.0.1.1", dns.TypeA, dns.RcodeRefused, 0},
		// An empty answer without a SOA, so nobody holds it.
		{"127.0.2.1", dns.TypeA, dns.RcodeSuccess, 0},
		{"127.0.3.1", dns.TypeA, dns.RcodeSuccess, 1},
		{"127.0.3.1", dns.TypeTXT, dns.RcodeRefused, 0},
		{"127.0.5.1", dns.TypeA, dns.RcodeSuccess, 1},
	} {
		m := s.AskFrom(t, tc.source, "www.example.org.", tc.qtype)
		if m.Rcode != tc.rcode || len(m.Answer) != tc.count || len(m.Ns) != 0 {
			t.Errorf("%s %s: expected %s and %d records, got: %v", tc.source, dns.TypeToString[tc.qtype],
				dns.RcodeToString[tc.rcode], tc.count, m)
		}
	}
	if got := s.RawFrom(t, "127.0.4.1", harness.Question("www.example.org.", dns.TypeA), 100*time.Millisecond); got != nil {
		t.Errorf("Expected nothing, got %x", got)
	}
}
