package test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestCNAMEsThroughOtherBlocks follows chains and loops of names that are in several server blocks.
func TestCNAMEsThroughOtherBlocks(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		failover {
			static www  192.0.2.1
			static one  CNAME two.example.net.
			static three CNAME four.example.net.
			static a    CNAME b.example.net.
			static into CNAME a
			static x    CNAME y.example.net.
			static z    CNAME x
			static self CNAME self.example.net.
		}
	}
	example.net:@DNS@ {
		bind 127.0.0.1
		errors
		cache
		failover {
			static two  CNAME three.example.org.
			static four 192.0.2.4
			static b    CNAME a.example.org.
			static y    CNAME z.example.org.
			static self CNAME Self.Example.net.
		}
	}`)
	want := []string{"A 192.0.2.4", "CNAME four.example.net.", "CNAME three.example.org.", "CNAME two.example.net."}
	if got := harness.Answer(s.Ask(t, "one.example.org.", dns.TypeA)); !slices.Equal(got, want) {
		t.Errorf("Expected %q, got %q", want, got)
	}
	for _, name := range []string{
		"a.example.org.", "b.example.net.", "into.example.org.", "x.example.org.", "y.example.net.", "z.example.org.",
		"self.example.net.",
	} {
		if m := s.Ask(t, name, dns.TypeA); m.Rcode != dns.RcodeServerFailure || len(m.Answer) != 0 || m.Authoritative {
			t.Errorf("%s: expected SERVFAIL for a loop, got: %v", name, m)
		}
		stillServes(t, s, name)
	}
}
