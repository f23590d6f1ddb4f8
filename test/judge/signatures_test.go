package judge

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestD08_SignaturesAreFoundAgain asks for answers that are drawn and shuffled, in letters of all kinds, and counts how
// often the dnssec plugin had to sign. What it knows a signature by is the text of the records in their order.
func TestD08_SignaturesAreFoundAgain(t *testing.T) {
	t.Parallel()
	s := startSigned(t, newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256))
	rate := 0.0
	deliver(t, "dnssec's cache", "drawn and shuffled answers", func() string {
		return fmt.Sprintf("%.1f %% of the signatures are found again", 100*rate)
	})
	// The answers that each question has: api one of two, mul two of three, the others one.
	questions := []struct {
		name    string
		qtype   uint16
		answers int
	}{
		{"api.example.org.", dns.TypeA, 2},
		{"mul.example.org.", dns.TypeA, 3},
		{"mul.example.org.", dns.TypeAAAA, 1},
		{"all.example.org.", dns.TypeA, 1},
		{"all.example.org.", dns.TypeTXT, 1},
		{"www.example.org.", dns.TypeANY, 1},
		{"x.wild.example.org.", dns.TypeA, 1},
		{"x.alias.example.org.", dns.TypeA, 1}, // and the signatures of all.example.org.
	}
	const rounds = 200
	hits, misses := s.signatures(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		for _, q := range questions {
			m := harness.Question(mixed(random, q.name), q.qtype)
			m.SetEdns0(4096, true)
			if reply := s.Exchange(t, "udp", m); len(reply.Answer) < 2 {
				t.Fatalf("Expected a signed answer, got: %v", reply)
			}
		}
	}
	most := 0
	for _, q := range questions {
		most += q.answers
	}
	nowHits, nowMisses := s.signatures(t)
	hits, misses = nowHits-hits, nowMisses-misses
	rate = hits / (hits + misses)
	if misses > float64(most) || hits < rounds*float64(len(questions))-misses {
		t.Errorf("Expected each of %d answers to be signed once, got %v misses and %v hits", most, misses, hits)
	}

	// A change of health brings a new SOA, and answers that were not there before; the others are known.
	s.enter(t, oneDown)
	before, _ := s.signatures(t)
	_, missesBefore := s.signatures(t)
	for range rounds {
		m := harness.Question("nope.example.org.", dns.TypeA)
		m.SetEdns0(4096, true)
		s.Exchange(t, "udp", m)
	}
	after, missesAfter := s.signatures(t)
	// The SOA and the denial of the name; once more each if the serial moved again.
	if missesAfter-missesBefore > 4 || after-before < 2*rounds-4 {
		t.Errorf("Expected a denial to be signed once, got %v misses and %v hits", missesAfter-missesBefore, after-before)
	}
}

// signatures returns how often the dnssec plugin found a signature and how often it did not.
func (s *signedServer) signatures(t *testing.T) (hits, misses float64) {
	t.Helper()
	return max(0, s.Metric(t, "coredns_dnssec_cache_hits_total")), max(0, s.Metric(t, "coredns_dnssec_cache_misses_total"))
}

// mixed returns a name with some letters large (draft-vixie-dnsext-dns0x20).
func mixed(random *rand.Rand, name string) string {
	letters := []byte(name)
	for i, c := range letters {
		if 'a' <= c && c <= 'z' && random.IntN(2) == 0 {
			letters[i] = c - 'a' + 'A'
		}
	}
	return string(letters)
}
