package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestA02_DeadBranchIsLeft walks a tree of depth three from all healthy to all down and back.
func TestA02_DeadBranchIsLeft(t *testing.T) {
	t.Parallel()
	west, north, east, gate := harness.Serve(t), harness.Serve(t), harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		ttl 30s 30s
		check *     %s
		check west  %s
		check north %s
		check east  %s
		check gate  %s

		primary   app alias eu
		secondary app alias us
		secondary app 203.0.113.1 check east

		weight 1  eu alias eu-west
		weight 1  eu alias eu-north
		answer    eu-west  192.0.2.1 check west
		answer    eu-north 192.0.2.2 check north
		set       eu-west ttl 7s 7s

		primary   us alias us-east check gate
		secondary us alias us-spare evaluate off
		answer    us-east  198.51.100.1 check east
		answer    us-spare 198.51.100.2 check west`, timing, west.URL(), north.URL(), east.URL(), gate.URL())))
	// All healthy: either branch of eu, under the name that was asked and with the lower TTL (A06).
	seen := map[string]bool{}
	for range 64 {
		m := s.Ask(t, "App.example.org.", dns.TypeA)
		if len(m.Answer) != 1 || m.Answer[0].Header().Name != "App.example.org." {
			t.Fatalf("Expected one record with the name as asked, got: %v", m)
		}
		value := harness.Rdata(m.Answer[0])
		seen[value] = true
		if want := map[string]uint32{"192.0.2.1": 7, "192.0.2.2": 30}[value]; m.Answer[0].Header().Ttl != want {
			t.Fatalf("Expected TTL %d with %s, got %d", want, value, m.Answer[0].Header().Ttl)
		}
	}
	if !seen["192.0.2.1"] || !seen["192.0.2.2"] || len(seen) != 2 {
		t.Errorf("Expected both branches of eu and nothing else, got %v", seen)
	}

	west.Set(harness.Fail) // A dead leaf: its sibling.
	harness.Eventually(t, harness.Soon, "only eu-north", func() bool {
		for range 32 {
			if s.A(t, "app") != "192.0.2.2" {
				return false
			}
		}
		return true
	})
	north.Set(harness.Fail) // A dead branch: the next tier.
	s.AwaitA(t, harness.Soon, "app", "198.51.100.1")
	gate.Set(harness.Fail) // A04: the branch's own check; A03: the branch that is not evaluated counts as healthy.
	s.AwaitA(t, harness.Soon, "app", "198.51.100.2")
	gate.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "app", "198.51.100.1")
	east.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "app", "198.51.100.2")
	north.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "app", "192.0.2.2")
}

// TestA05_EverythingDown takes the primary's branch, and inside it R06 again.
func TestA05_EverythingDown(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	e.Set(harness.Fail)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web %s %s
		primary   app alias eu
		secondary app alias us
		primary   eu 192.0.2.1 check web
		secondary eu 192.0.2.2 check web
		primary   us 198.51.100.1 check web`, e.URL(), timing),
		"prometheus 127.0.0.1:@METRICS@"))
	harness.Eventually(t, harness.Soon, "the whole tree is down", func() bool {
		return s.Metric(t, "coredns_failover_all_down", "name", "app.example.org.", "type", "A") == 1
	})
	for range 16 {
		if got := s.A(t, "app"); got != "192.0.2.1" {
			t.Fatalf("Expected the primary of the primary's branch, got %q", got)
		}
	}
	e.Set(harness.OK)
	harness.Eventually(t, harness.Soon, "the tree is up again", func() bool {
		return s.Metric(t, "coredns_failover_all_down", "name", "app.example.org.", "type", "A") == 0
	})
}

// TestA07_BadAliasIsRefused starts the real binary on trees that are none.
func TestA07_BadAliasIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, stanza string
		want         []string
	}{
		{"loop", `
			primary   a alias b
			secondary a 192.0.2.1
			answer    b alias a`,
			[]string{"a.example.org. -> b.example.org. -> a.example.org.", "Corefile:"}},
		{"itself", "answer a alias a", []string{"a.example.org. -> a.example.org.", "Corefile:5"}},
		{"missing", "primary a alias nowhere", []string{"a.example.org. -> nowhere.example.org.", "Corefile:5"}},
	}
	for _, test := range tests {
		output := harness.Refused(t, harness.Zone(test.stanza))
		for _, want := range test.want {
			if !strings.Contains(output, want) {
				t.Errorf("%s: expected %q in the error, got:\n%s", test.name, want, output)
			}
		}
	}
}
