//go:build linux && kube

package kube

import (
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestNodeLocalCache asks through a cache as NodeLocal DNSCache is one: a stock CoreDNS that asks ours over TCP and keeps
// what it hears for five seconds at least, whatever its TTL, and thirty at most.
func TestNodeLocalCache(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ttl  string
		late time.Duration
	}{
		{"below what the cache keeps", "1s 1s", 5 * time.Second},
		{"above it, and lowered with the first failure", "7s 2s", 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			primary := harness.Serve(t)
			s := harness.Start(t, `app.example.org:@DNS@ {
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:@METRICS@
    failover {
        ttl `+c.ttl+`
        check up `+primary.URL()+` interval 200ms timeout 200ms
        primary   www 192.0.2.1 check up
        secondary www 192.0.2.2
    }
}
`)
			node := harness.Launch{Binary: os.Getenv(stockBinary)}.Start(t, s.Expand(t, `app.example.org:`)+`@DNS@ {
    bind 127.0.0.1
    errors
    cache 30
    forward . `+s.Addr+` {
        force_tcp
    }
}
`)
			ask := func(s *harness.Server) string { return s.Addresses(t, "www.app.example.org.", dns.TypeA) }
			harness.Eventually(t, harness.Soon, "the primary through the cache", func() bool { return ask(node) == "192.0.2.1" })
			primary.Kill()
			// The cache is asked all the time, so that it holds the primary's address until the last moment.
			harness.Eventually(t, harness.Soon, "the secondary", func() bool {
				ask(node)
				return ask(s) == "192.0.2.2"
			})
			moved := time.Now()
			harness.Eventually(t, 30*time.Second, "the secondary through the cache", func() bool { return ask(node) == "192.0.2.2" })
			// A second for the whole seconds that a TTL is counted in, and one for the machine.
			late := time.Since(moved)
			if late > c.late+2*time.Second {
				t.Errorf("Expected the secondary through the cache within %v, it took %v", c.late, late)
			}
			t.Logf("%v after the answer moved", late)
			if got := s.Metric(t, "coredns_dns_requests_total", "proto", "tcp", "type", "A"); got < 2 {
				t.Errorf("Expected the cache to ask over TCP, got %v queries", got)
			}
		})
	}
}
