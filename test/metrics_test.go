package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestMetrics holds what the README says of each metric against a server that has seen a failure.
func TestMetrics(t *testing.T) {
	t.Parallel()
	web, idle := harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check *    %s
		check web  %s
		check idle %s
		primary   www 192.0.2.1 check web id here
		secondary www 198.51.100.1 check idle id there
		weight 1  api 192.0.2.2 check web
		static    txt TXT hello`, timing, web.URL(), idle.URL()),
		"prometheus 127.0.0.1:@METRICS@"))
	state := func(check string) float64 { return s.Metric(t, "coredns_failover_check_state", "check", check) }
	active := func(id string) float64 {
		return s.Metric(t, "coredns_failover_active", "name", "www.example.org.", "id", id)
	}

	harness.Eventually(t, harness.Soon, "both checks healthy", func() bool { return state("web") == 1 && state("idle") == 1 })
	if got := s.Metric(t, "coredns_failover_check_state", "check", "web", "target", web.URL()); got != 1 {
		t.Errorf("Expected the target as a label of the state, got %v", got)
	}
	if active("here") < 1 || active("there") > 0 {
		t.Errorf("Expected the primary to be the active record, got here %v, there %v", active("here"), active("there"))
	}
	if got := s.Metric(t, "coredns_failover_off_primary"); got != -1 {
		t.Errorf("Expected no series of a set that is on its primary, got %v", got)
	}
	if got := s.Metric(t, "coredns_failover_all_down", "name", "api.example.org."); got != 0 {
		t.Errorf("Expected all_down 0, got %v", got)
	}

	web.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	harness.Eventually(t, time.Second, "the metrics to follow", func() bool {
		return state("web") == 0 && active("here") <= 0 && active("there") >= 1
	})
	if got := s.Metric(t, "coredns_failover_off_primary", "name", "www.example.org.", "type", "A"); got != 1 {
		t.Errorf("Expected a set that is not on its primary, which has an id of its own, to be told, got %v", got)
	}
	if got := s.Metric(t, "coredns_failover_all_down", "name", "api.example.org.", "type", "A"); got != 1 {
		t.Errorf("Expected all_down 1 for a set without a healthy record, got %v", got)
	}
	for _, check := range []struct {
		metric string
		labels []string
	}{
		{"coredns_failover_probes_total", []string{"check", "web", "outcome", "pass"}},
		{"coredns_failover_probes_total", []string{"check", "web", "outcome", "fail", "reason", "status"}},
		{"coredns_failover_probe_duration_seconds_count", []string{"check", "idle"}},
		{"coredns_failover_check_transitions_total", []string{"check", "web", "state", "healthy"}},
		{"coredns_failover_check_transitions_total", []string{"check", "web", "state", "unhealthy", "reason", "status"}},
	} {
		if got := s.Metric(t, check.metric, check.labels...); got < 1 {
			t.Errorf("Expected %s%v to count, got %v", check.metric, check.labels, got)
		}
	}
	checkAnswerCounts(t, s)
}

// checkAnswerCounts asks for something of every kind and looks whether just that was counted.
func checkAnswerCounts(t *testing.T, s *harness.Server) {
	t.Helper()
	for _, test := range []struct {
		label, kind string
		labels      []string
	}{
		{"www", "healthy", []string{"name", "www.example.org.", "type", "A"}},
		{"api", "all_down", []string{"name", "api.example.org.", "type", "A"}},
		{"txt", "nodata", []string{"type", "other"}},
		{"nope", "nxdomain", []string{"name", "", "type", ""}},
	} {
		count := func() float64 {
			labels := append([]string{"zone", "example.org.", "kind", test.kind}, test.labels...)
			return max(0, s.Metric(t, "coredns_failover_answers_total", labels...))
		}
		before := count()
		for range 3 {
			s.A(t, test.label)
		}
		if got := count() - before; got != 3 {
			t.Errorf("Expected 3 answers to %s to be counted as %s, got %v", test.label, test.kind, got)
		}
	}
}
