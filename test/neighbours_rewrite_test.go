package test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestRewrite leads other names and types to records of ours. The client sees the name that it asked for.
func TestRewrite(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		cache
		rewrite stop name exact old.example.net www.example.org
		rewrite stop name suffix .shop.example.net .example.org answer auto
		rewrite stop name regex ^(.+)-eu\.example\.net\.$ {1}.eu.example.org. answer name ^(.+)\.eu\.example\.org\.$ {1}-eu.example.net.
		rewrite stop name suffix .bare.example.net .example.org
		rewrite stop ttl exact short.example.org 5
		rewrite stop type ANY HINFO
		failover example.org {
			ttl 60s
			weight 1  www 192.0.2.1
			weight 1  www 192.0.2.2
			static    own CNAME www
			static    *.eu 192.0.2.3
			static    short 192.0.2.4
			static    @ MX "10 mx"
		}
	}`)
	www := []string{"A 192.0.2.1", "A 192.0.2.2"}
	for _, tc := range []struct {
		name, owner string
		want        []string // one of these
		more        string   // and this one too
	}{
		{"old.example.net.", "old.example.net.", www, ""},
		{"Old.Example.net.", "old.example.net.", www, ""}, // rewrite keeps no capitals
		{"www.shop.example.net.", "www.shop.example.net.", www, ""},
		{"own.shop.example.net.", "own.shop.example.net.", www, "CNAME www.shop.example.net."},
		{"api-eu.example.net.", "api-eu.example.net.", []string{"A 192.0.2.3"}, ""},
		// Without "answer" a suffix is turned back in the question alone, which clients take for a forgery.
		{"www.bare.example.net.", "www.example.org.", www, ""},
	} {
		seen := map[string]bool{}
		for range 64 {
			m := s.Ask(t, tc.name, dns.TypeA)
			got := harness.Answer(m)
			if tc.more != "" {
				got = slices.DeleteFunc(got, func(data string) bool { return data == tc.more })
			}
			if len(got) != 1 || !slices.Contains(tc.want, got[0]) || len(m.Answer) > 1 && tc.more == "" ||
				m.Answer[0].Header().Name != tc.owner || m.Question[0].Name != tc.name {
				t.Fatalf("%s: expected %s with %q, got: %v", tc.name, tc.owner, tc.want, m)
			}
			seen[got[0]] = true
		}
		// The cache is asked for the new name, which is one of ours.
		if len(seen) != len(tc.want) {
			t.Errorf("%s: expected each of %q in turn, got %v", tc.name, tc.want, seen)
		}
	}
	if m := s.Ask(t, "nope.shop.example.net.", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("Expected NXDOMAIN, got: %v", m)
	}
	if got := s.TTL(t, "short.example.org.", dns.TypeA); got != 5 {
		t.Errorf("Expected the TTL that rewrite gives, got %d", got)
	}
	// A type is changed back in the question, so the answer is NODATA.
	if m := s.Ask(t, "www.example.org.", dns.TypeANY); m.Question[0].Qtype != dns.TypeANY || len(m.Answer) != 0 ||
		m.Rcode != dns.RcodeSuccess {
		t.Errorf("Expected no HINFO of ours, got: %v", m)
	}
}

// TestRewriteEDNS adds options to queries, which must be no harm to clients who sent none.
func TestRewriteEDNS(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone("static www 192.0.2.1",
		"rewrite continue edns0 subnet set 24 56",
		"rewrite continue edns0 local set 0xffee 0x61626364",
		"rewrite stop edns0 nsid set"))
	m := s.Ask(t, "www.example.org.", dns.TypeA)
	if got := harness.Answer(m); !slices.Equal(got, []string{"A 192.0.2.1"}) || !m.Authoritative {
		t.Errorf("Expected the answer, got: %v", m)
	}
	q := harness.Question("www.example.org.", dns.TypeA)
	q.SetEdns0(1232, false)
	if m := s.Exchange(t, "udp", q); len(m.Answer) != 1 || m.IsEdns0() == nil {
		t.Errorf("Expected the answer with EDNS, got: %v", m)
	}
}

// TestRewriteStaysInItsBlock has the zone of the new name in the block that rewrites, and in another one.
func TestRewriteStaysInItsBlock(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `example.net:@DNS@ {
		bind 127.0.0.1
		errors
		rewrite name www.example.net www.example.org
		rewrite name api.example.net api.example.com
		failover example.com {
			static api 192.0.2.2
		}
	}
	example.org:@DNS@ {
		bind 127.0.0.1
		failover {
			static www 192.0.2.1
		}
	}`)
	stillServes(t, s, "the start")
	if m := s.Ask(t, "www.example.net.", dns.TypeA); m.Rcode != dns.RcodeRefused {
		t.Errorf("Expected the zone of another block to be refused, got: %v", m)
	}
	if got := s.Addresses(t, "api.example.net.", dns.TypeA); got != "192.0.2.2" {
		t.Errorf("Expected the zone of this block, got %q", got)
	}
}
