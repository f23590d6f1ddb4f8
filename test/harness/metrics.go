package harness

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Get fetches a page of the server from the port that the placeholder stands for. Connections are not kept, so that
// the server has none of ours open when its goroutines and files are counted.
func (s *Server) Get(t *testing.T, word, path string) (int, string, error) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: Patience}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.Ports[word], path))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

var series = regexp.MustCompile(`^([a-z0-9_]+)(\{.*\})? (\S+)$`)

// Metric returns the sum of all series of a metric that have the labels given, name and value in turn; -1 if there is
// none. The server has to have "prometheus 127.0.0.1:@METRICS@".
func (s *Server) Metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	values := s.Values(t, name, labels...)
	if len(values) == 0 {
		return -1
	}
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	return sum
}

// Values returns what the series of a metric stand at, of those that have the labels given.
func (s *Server) Values(t *testing.T, name string, labels ...string) []float64 {
	t.Helper()
	_, page, err := s.Get(t, "@METRICS@", "/metrics")
	if err != nil {
		t.Fatalf("Expected metrics, got error: %v", err)
	}
	var values []float64
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
		values = append(values, value)
	}
	return values
}
