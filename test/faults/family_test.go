//go:build linux

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestF25_FamiliesAreIndependent has targets that only IPv6 reaches, while nothing of IPv4 works: a target refuses, and
// there is no route for another.
func TestF25_FamiliesAreIndependent(t *testing.T) {
	t.Parallel()
	six := harness.ServeOn(t, harness.FreePort(t), "::1")
	s := start(t, fmt.Sprintf(`
		check * interval 500ms timeout 300ms fast 100ms fall 2
		check web    http://:%[1]d/
		check six    http://[::1]:%[1]d/
		check four   tcp://127.0.0.1:%[1]d
		check beyond http://203.0.113.1:%[1]d/
		primary   www ::1 check web
		secondary www 2001:db8::1
		primary   both 127.0.0.1 ::1 check web
		primary   literal 192.0.2.1 check six
		secondary literal 198.51.100.1
		primary   plain 192.0.2.1 check four
		secondary plain 198.51.100.1
		answer    beyond 192.0.2.1 check beyond`, six.Port))
	s.AwaitA(t, harness.Soon, "plain", "198.51.100.1")
	harness.Eventually(t, harness.Soon, "the IPv6 targets to be healthy", func() bool {
		return s.Metric(t, "coredns_failover_check_state", "check", "six") == 1
	})
	during(t, 2*time.Second, func() string {
		for _, line := range s.Log.Lines("is unhealthy") {
			if len(s.Log.Lines("check six", "is unhealthy")) > 0 || len(s.Log.Lines("[::1]", "is unhealthy")) > 0 {
				return "Expected the IPv6 targets to stay healthy, got: " + line
			}
		}
		if got := s.Addresses(t, "www.example.org.", dns.TypeAAAA); got != "::1" {
			return "Expected the IPv6 primary, got " + got
		}
		if got := s.Addresses(t, "both.example.org.", dns.TypeAAAA); got != "::1" {
			return "Expected the IPv6 address whatever IPv4 does, got " + got
		}
		if got := s.A(t, "literal"); got != "192.0.2.1" {
			return "Expected the record whose check is over IPv6, got " + got
		}
		return ""
	})
	if got := s.Metric(t, "coredns_failover_check_state", "check", "beyond"); got != -1 {
		t.Errorf("Expected a target without a route to stay unknown, got %v", got)
	}
	if got := s.Metric(t, "coredns_failover_probes_total", "check", "beyond", "reason", "no_route"); got < 2 {
		t.Errorf("Expected probes to be indeterminate for want of a route, got %v", got)
	}
}
