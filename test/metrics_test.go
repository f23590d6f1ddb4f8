package test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// get fetches a page of the server from the port that the placeholder stands for. Connections are not kept, so that
// the server has none of ours open when its goroutines and files are counted.
func (s *server) get(t *testing.T, word, path string) (int, string, error) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.ports[word], path))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

var series = regexp.MustCompile(`^([a-z0-9_]+)(\{.*\})? (\S+)$`)

// metric returns the sum of all series of a metric that have the labels given, name and value in turn; -1 if there is
// none. The server has to have "prometheus 127.0.0.1:@METRICS@".
func (s *server) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	_, page, err := s.get(t, "@METRICS@", "/metrics")
	if err != nil {
		t.Fatalf("Expected metrics, got error: %v", err)
	}
	sum, found := 0.0, false
next:
	for line := range strings.Lines(page) {
		match := series.FindStringSubmatch(strings.TrimSpace(line))
		if match == nil || match[1] != name {
			continue
		}
		for i := 0; i < len(labels); i += 2 {
			if !strings.Contains(match[2], fmt.Sprintf("%s=%q", labels[i], labels[i+1])) {
				continue next
			}
		}
		value, err := strconv.ParseFloat(match[3], 64)
		if err != nil {
			t.Fatalf("Expected a number in %q: %v", line, err)
		}
		sum, found = sum+value, true
	}
	if !found {
		return -1
	}
	return sum
}

// TestMetrics holds what the README says of each metric against a server that has seen a failure.
func TestMetrics(t *testing.T) {
	t.Parallel()
	web, idle := serve(t), serve(t)
	s := start(t, zone(fmt.Sprintf(`
		check *    %s
		check web  %s
		check idle %s
		primary   www 192.0.2.1 check web id here
		secondary www 198.51.100.1 check idle id there
		weight 1  api 192.0.2.2 check web
		static    txt TXT hello`, timing, web.url(), idle.url()),
		"prometheus 127.0.0.1:@METRICS@"))
	state := func(check string) float64 { return s.metric(t, "coredns_failover_check_state", "check", check) }
	active := func(id string) float64 {
		return s.metric(t, "coredns_failover_active", "name", "www.example.org.", "id", id)
	}

	eventually(t, soon, "both checks healthy", func() bool { return state("web") == 1 && state("idle") == 1 })
	if got := s.metric(t, "coredns_failover_check_state", "check", "web", "target", web.url()); got != 1 {
		t.Errorf("Expected the target as a label of the state, got %v", got)
	}
	if active("here") < 1 || active("there") > 0 {
		t.Errorf("Expected the primary to be the active record, got here %v, there %v", active("here"), active("there"))
	}
	if got := s.metric(t, "coredns_failover_all_down", "name", "api.example.org."); got != 0 {
		t.Errorf("Expected all_down 0, got %v", got)
	}

	web.set(fail)
	s.awaitA(t, soon, "www", "198.51.100.1")
	eventually(t, time.Second, "the metrics to follow", func() bool {
		return state("web") == 0 && active("here") <= 0 && active("there") >= 1
	})
	if got := s.metric(t, "coredns_failover_all_down", "name", "api.example.org.", "type", "A"); got != 1 {
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
		if got := s.metric(t, check.metric, check.labels...); got < 1 {
			t.Errorf("Expected %s%v to count, got %v", check.metric, check.labels, got)
		}
	}
	s.checkAnswerCounts(t)
}

// checkAnswerCounts asks for something of every kind and looks whether just that was counted.
func (s *server) checkAnswerCounts(t *testing.T) {
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
			return max(0, s.metric(t, "coredns_failover_answers_total", labels...))
		}
		before := count()
		for range 3 {
			s.a(t, test.label)
		}
		if got := count() - before; got != 3 {
			t.Errorf("Expected 3 answers to %s to be counted as %s, got %v", test.label, test.kind, got)
		}
	}
}
