package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// exactly is what makes the cache plugin keep to the TTL: it raises what is below its minimum, 5 s if nobody says
// otherwise.
const exactly = "success 9984 3600 0\n denial 9984 1800 0"

// twins is a server with one zone behind a cache and again without one, on @FRESH@.
func twins(t *testing.T, stanza, cache string) *harness.Server {
	t.Helper()
	return harness.Start(t, fmt.Sprintf(`(zone) {
		bind 127.0.0.1
		errors
		failover {
			%s
		}
	}
	example.org:@DNS@ {
		import zone
		%s
	}
	example.org:@FRESH@ {
		import zone
	}
	`, stanza, cache))
}

// fresh is what the twin without a cache answers.
func fresh(t *testing.T, s *harness.Server, name string) string {
	t.Helper()
	twin := *s
	twin.Addr = fmt.Sprintf("127.0.0.1:%d", s.Ports["@FRESH@"])
	return twin.Addresses(t, name, dns.TypeA)
}

// TestD10_CacheableHoldsNoLongerThanTheTTL moves an answer behind a cache that keeps to the TTL.
func TestD10_CacheableHoldsNoLongerThanTheTTL(t *testing.T) {
	t.Parallel()
	for name, cache := range map[string]string{
		"plain":    exactly,
		"prefetch": exactly + "\n prefetch 1 1m 50%",
		// Verified: what has expired is given out only if there is nothing newer.
		"serve_stale verify": exactly + "\n serve_stale 1h verify",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := harness.Serve(t)
			s := twins(t, fmt.Sprintf(`
				cacheable
				ttl 3s
				check web %s %s
				primary   www 192.0.2.1 check web
				secondary www 198.51.100.1
				primary   none 192.0.2.1 check web
				set       none all_down nodata
				static    own CNAME www`, e.URL(), timing), "cache {\n "+cache+"\n }")
			for _, label := range []string{"www", "own", "none"} {
				s.AwaitA(t, harness.Soon, label, "192.0.2.1")
			}
			for _, move := range []struct {
				mode      harness.Mode
				www, none string
			}{{harness.Fail, "198.51.100.1", ""}, {harness.OK, "192.0.2.1", "192.0.2.1"}} {
				e.Set(move.mode)
				harness.Eventually(t, harness.Soon, "another answer", func() bool {
					return fresh(t, s, "www.example.org.") == move.www && fresh(t, s, "none.example.org.") == move.none
				})
				moved := time.Now()
				for label, want := range map[string]string{"www": move.www, "own": move.www, "none": move.none} {
					for s.A(t, label) != want {
						if m := s.Ask(t, label+".example.org.", dns.TypeA); len(m.Answer) > 0 && m.Answer[0].Header().Ttl > 3 {
							t.Fatalf("Expected a TTL that counts down from 3, got: %v", m)
						}
						// The TTL, and what a busy machine makes of it.
						if time.Since(moved) > 8*time.Second {
							t.Fatalf("%s: still not %q %v after the change", label, want, time.Since(moved))
						}
						time.Sleep(10 * time.Millisecond)
					}
				}
			}
		})
	}
}

// TestCacheRaisesShortTTLs shows the surprise that README warns of: the least that cache holds anything for is 5 s.
func TestCacheRaisesShortTTLs(t *testing.T) {
	t.Parallel()
	s := twins(t, "cacheable\n ttl 2s 1s\n static www 192.0.2.1", "cache")
	if got := s.TTL(t, "www.example.org.", dns.TypeA); got != 5 {
		t.Errorf("Expected cache to make 5 s of 2, got %d", got)
	}
	for name, lines := range map[string]string{"of that zone": exactly, "bypassed": ""} {
		stanza := "ttl 2s 1s\n static www 192.0.2.1"
		if lines != "" {
			stanza = "cacheable\n " + stanza
		}
		s := twins(t, stanza, "cache {\n "+lines+"\n }")
		if got := s.TTL(t, "www.example.org.", dns.TypeA); got > 2 {
			t.Errorf("%s: expected a TTL of 2, got %d", name, got)
		}
	}
}

// TestServeStaleGivesOutTheDead shows another: with serve_stale as it is by default, the first to ask after the TTL gets
// what was true before, however long ago that was.
func TestServeStaleGivesOutTheDead(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := twins(t, fmt.Sprintf(`
		cacheable
		ttl 1s
		check web %s %s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1`, e.URL(), timing), "cache {\n "+exactly+"\n serve_stale\n }")
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	asked := time.Now()
	e.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "the secondary, and the end of the TTL", func() bool {
		return fresh(t, s, "www.example.org.") == "198.51.100.1" && time.Since(asked) > 2*time.Second
	})
	if got := s.A(t, "www"); got != "192.0.2.1" {
		t.Errorf("Expected the answer from before, got %q", got)
	}
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
}

// TestD10_CacheBesideFallthrough has one cache for names of ours, which must be fresh, and of others, which it holds.
func TestD10_CacheBesideFallthrough(t *testing.T) {
	t.Parallel()
	draw := "weight 1 %[1]s 192.0.2.11\n weight 1 %[1]s 192.0.2.12\n"
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		cache
		failover example.org {
			fallthrough
			`+fmt.Sprintf(draw, "api")+`
		}
		forward . 127.0.0.1:@UP@
	}
	.:@UP@ {
		bind 127.0.0.1
		failover example.org example.net {
			`+fmt.Sprintf(draw, "api")+fmt.Sprintf(draw, "other")+`
		}
	}`)
	for name, want := range map[string]int{"api.example.org.": 2, "other.example.org.": 1, "api.example.net.": 1} {
		seen := map[string]bool{}
		for range 64 {
			seen[s.Addresses(t, name, dns.TypeA)] = true
		}
		if len(seen) != want || seen[""] {
			t.Errorf("%s: expected %d different answers, got %v", name, want, seen)
		}
	}
}

// TestCacheBesideAnApexHoldsNothing shows that cache knows names with all below them only: a record at the apex, or more
// names than cache can be told of, is the whole zone.
func TestCacheBesideAnApexHoldsNothing(t *testing.T) {
	t.Parallel()
	many := ""
	for i := range 40 {
		many += fmt.Sprintf("static n%d 192.0.2.1\n", i)
	}
	for what, stanza := range map[string]string{"the apex": `static @ MX "10 mx"`, "40 names": many} {
		s := harness.Start(t, `.:@DNS@ {
			bind 127.0.0.1
			errors
			cache
			failover example.org {
				fallthrough
				`+stanza+`
			}
			forward . 127.0.0.1:@UP@
		}
		.:@UP@ {
			bind 127.0.0.1
			failover example.org {
				weight 1 other 192.0.2.11
				weight 1 other 192.0.2.12
			}
		}`)
		seen := map[string]bool{}
		for range 64 {
			seen[s.A(t, "other")] = true
		}
		if len(seen) != 2 || seen[""] {
			t.Errorf("%s: expected a name that falls through to be asked for each time, got %v", what, seen)
		}
	}
}

// TestCacheHoldsACNAMEFromElsewhere shows that it is the name asked that counts: what another zone says of ours is that
// zone's, and is held.
func TestCacheHoldsACNAMEFromElsewhere(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		cache
		failover example.org {
			ttl 30s
			weight 1 api 192.0.2.11
			weight 1 api 192.0.2.12
		}
		file db.net example.net
	}`, "db.net", `$ORIGIN example.net.
@   600 IN SOA ns hostmaster 1 7200 1800 86400 60
@   600 IN NS  ns
api 600 IN CNAME api.example.org.
`)
	seen := map[string]bool{}
	for range 64 {
		m := s.Ask(t, "api.example.net.", dns.TypeA)
		if len(m.Answer) != 2 || m.Answer[1].Header().Ttl > 30 {
			t.Fatalf("Expected the CNAME and one address with our TTL at most, got: %v", m)
		}
		seen[harness.Rdata(m.Answer[1])] = true
	}
	if len(seen) != 1 {
		t.Errorf("Expected the first draw for as long as its TTL, got %v", seen)
	}
}
