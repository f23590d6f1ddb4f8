package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestD10_CacheIsBypassed has the cache plugin in the same block, at its most harmful setting.
func TestD10_CacheIsBypassed(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web %s %s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1
		set       www ttl 1s 0s
		weight 1  api 192.0.2.11
		weight 1  api 192.0.2.12`, e.URL(), timing),
		"cache 3600 {\n serve_stale 1h\n }"))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 1 })

	// A cache would freeze the draw for the TTL, 60 s.
	harness.Eventually(t, harness.Soon, "both records in turn", func() bool { return len(sample(t, s, 64)) == 2 })

	// A cache would raise the TTL to 5 s and keep the answer that long, and then serve it stale.
	e.Set(harness.Fail)
	s.AwaitA(t, 4*time.Second, "www", "198.51.100.1")
	if got := s.TTL(t, "www.example.org.", dns.TypeA); got != 0 {
		t.Errorf("Expected the unsettled TTL, 0, got %d", got)
	}
	e.Set(harness.OK)
	s.AwaitA(t, 4*time.Second, "www", "192.0.2.1")
}

// TestD10_CacheableIsCached hands the zone to the cache.
func TestD10_CacheableIsCached(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(`
		cacheable
		weight 1  api 192.0.2.11
		weight 1  api 192.0.2.12`, "cache 30"))
	if got := sample(t, s, 1); len(got) != 1 {
		t.Fatalf("Expected an answer, got %v", got)
	}
	if got := sample(t, s, 64); len(got) != 1 {
		t.Errorf("Expected the cache to hold the first draw, got %v", got)
	}
}

// TestD10_SettledAndUnsettled follows the TTL of a set through a failure.
func TestD10_SettledAndUnsettled(t *testing.T) {
	t.Parallel()
	web, branch := harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		ttl 50s 5s
		check *      %s
		check web    %s fall 5
		check branch %s
		check off    not web
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1
		primary   app alias www check branch
		secondary app 198.51.100.2
		answer    inv 192.0.2.3 check off
		answer    inv 192.0.2.4
		static    txt TXT steady`, timing, web.URL(), branch.URL())))
	ttl := func(name string) uint32 { return s.TTL(t, name+".example.org.", dns.TypeA) }
	harness.Eventually(t, harness.Soon, "settled TTLs", func() bool { return ttl("www") == 50 && ttl("app") == 50 })

	// One failure opens a contrary streak: the answer is the same, but may soon not be.
	web.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "the TTL to shrink before the answer moves", func() bool {
		m := s.Ask(t, "www.example.org.", dns.TypeA)
		if len(m.Answer) != 1 || harness.Rdata(m.Answer[0]) != "192.0.2.1" {
			t.Fatalf("Expected a shorter TTL first, got: %v", m)
		}
		return m.Answer[0].Header().Ttl == 5
	})
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	// Not in its best state: unsettled for as long as that lasts.
	if ttl("www") != 5 {
		t.Errorf("Expected the unsettled TTL while the primary is down, got %d", ttl("www"))
	}
	if ttl("app") != 5 {
		t.Errorf("Expected the unsettled TTL of a branch to reach the tree, got %d", ttl("app"))
	}
	// For what is inverted, that is the best state.
	harness.Eventually(t, harness.Soon, "a settled TTL of the inverted check", func() bool { return ttl("inv") == 50 })
	web.Set(harness.OK)
	harness.Eventually(t, harness.Soon, "settled TTLs again", func() bool { return ttl("www") == 50 && ttl("app") == 50 })
	if ttl("inv") != 5 {
		t.Errorf("Expected the unsettled TTL of the inverted check, got %d", ttl("inv"))
	}
	branch.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "the tree alone to be unsettled", func() bool {
		return ttl("app") == 5 && ttl("www") == 50
	})
	if got := s.TTL(t, "txt.example.org.", dns.TypeTXT); got != 50 {
		t.Errorf("Expected what has no check to be settled always, got %d", got)
	}
}
