package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestD10_CacheIsBypassed has the cache plugin in the same block, at its most harmful setting.
func TestD10_CacheIsBypassed(t *testing.T) {
	t.Parallel()
	e := serve(t)
	s := start(t, zone(fmt.Sprintf(`
		check web %s %s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1
		set       www ttl 1s 0s
		weight 1  api 192.0.2.11
		weight 1  api 192.0.2.12`, e.url(), timing),
		"cache 3600 {\n serve_stale 1h\n }"))
	eventually(t, soon, "the settled TTL", func() bool { return s.ttl(t, "www.example.org.", dns.TypeA) == 1 })

	// A cache would freeze the draw for the TTL, 60 s.
	eventually(t, soon, "both records in turn", func() bool { return len(s.sample(t, 64)) == 2 })

	// A cache would raise the TTL to 5 s and keep the answer that long, and then serve it stale.
	e.set(fail)
	s.awaitA(t, 4*time.Second, "www", "198.51.100.1")
	if got := s.ttl(t, "www.example.org.", dns.TypeA); got != 0 {
		t.Errorf("Expected the unsettled TTL, 0, got %d", got)
	}
	e.set(ok)
	s.awaitA(t, 4*time.Second, "www", "192.0.2.1")
}

// TestD10_CacheableIsCached hands the zone to the cache.
func TestD10_CacheableIsCached(t *testing.T) {
	t.Parallel()
	s := start(t, zone(`
		cacheable
		weight 1  api 192.0.2.11
		weight 1  api 192.0.2.12`, "cache 30"))
	if got := s.sample(t, 1); len(got) != 1 {
		t.Fatalf("Expected an answer, got %v", got)
	}
	if got := s.sample(t, 64); len(got) != 1 {
		t.Errorf("Expected the cache to hold the first draw, got %v", got)
	}
}

// TestD10_SettledAndUnsettled follows the TTL of a set through a failure.
func TestD10_SettledAndUnsettled(t *testing.T) {
	t.Parallel()
	web, branch := serve(t), serve(t)
	s := start(t, zone(fmt.Sprintf(`
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
		static    txt TXT steady`, timing, web.url(), branch.url())))
	ttl := func(name string) uint32 { return s.ttl(t, name+".example.org.", dns.TypeA) }
	eventually(t, soon, "settled TTLs", func() bool { return ttl("www") == 50 && ttl("app") == 50 })

	// One failure opens a contrary streak: the answer is the same, but may soon not be.
	web.set(fail)
	eventually(t, soon, "the TTL to shrink before the answer moves", func() bool {
		m := s.ask(t, "www.example.org.", dns.TypeA)
		if len(m.Answer) != 1 || rdata(m.Answer[0]) != "192.0.2.1" {
			t.Fatalf("Expected a shorter TTL first, got: %v", m)
		}
		return m.Answer[0].Header().Ttl == 5
	})
	s.awaitA(t, soon, "www", "198.51.100.1")
	// Not in its best state: unsettled for as long as that lasts.
	if ttl("www") != 5 {
		t.Errorf("Expected the unsettled TTL while the primary is down, got %d", ttl("www"))
	}
	if ttl("app") != 5 {
		t.Errorf("Expected the unsettled TTL of a branch to reach the tree, got %d", ttl("app"))
	}
	// For what is inverted, that is the best state.
	eventually(t, soon, "a settled TTL of the inverted check", func() bool { return ttl("inv") == 50 })
	web.set(ok)
	eventually(t, soon, "settled TTLs again", func() bool { return ttl("www") == 50 && ttl("app") == 50 })
	if ttl("inv") != 5 {
		t.Errorf("Expected the unsettled TTL of the inverted check, got %d", ttl("inv"))
	}
	branch.set(fail)
	eventually(t, soon, "the tree alone to be unsettled", func() bool {
		return ttl("app") == 5 && ttl("www") == 50
	})
	if got := s.ttl(t, "txt.example.org.", dns.TypeTXT); got != 50 {
		t.Errorf("Expected what has no check to be settled always, got %d", got)
	}
}
