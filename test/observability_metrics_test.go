package test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-a19ac2b6/failover/test/harness"
	// In process only to ask what it registers: a metric without a series yet cannot be seen from outside.
	_ "github.com/seed-a19ac2b6/failover/plugin/failover"
)

const metricPrefix = "coredns_failover_"

// metric is what the README says of one.
type metric struct {
	kind   string
	labels []string // in the order of the alphabet
}

// awaited are metrics that the dashboard and the rules use before they are there. What exists is documented, and can go
// from this list; in the end the list can.
var awaited = map[string]metric{
	"admin_requests_total": {"counter", []string{"code"}},
}

var metricRow = regexp.MustCompile("(?m)^\\| `" + metricPrefix + `(\w+)(?:\{([^}]*)\})?` + "` \\| (\\w+) \\|")

// documentedMetrics are those of the README's table, without the prefix.
func documentedMetrics(t *testing.T) map[string]metric {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	found := make(map[string]metric)
	for _, row := range metricRow.FindAllStringSubmatch(section, -1) {
		if _, twice := found[row[1]]; twice {
			t.Errorf("Expected %s once in the README", row[1])
		}
		found[row[1]] = metric{row[3], inOrder(strings.Split(row[2], ","))}
	}
	if rows := strings.Count(section, "\n| `"); len(found) < 10 || len(found) != rows {
		t.Fatalf("Expected to understand each of the %d rows of the README's table of metrics, got %d", rows, len(found))
	}
	return found
}

// knownMetrics are those that the dashboard and the rules may use.
func knownMetrics(t *testing.T) map[string]metric {
	t.Helper()
	known := maps.Clone(awaited)
	maps.Copy(known, documentedMetrics(t))
	return known
}

// inOrder are the words in the order of the alphabet, without the space around them and without empty ones.
func inOrder(words []string) []string {
	var kept []string
	for _, w := range words {
		if w = strings.TrimSpace(w); w != "" {
			kept = append(kept, w)
		}
	}
	slices.Sort(kept)
	return kept
}

var registered = regexp.MustCompile(`fqName: "` + metricPrefix + `(\w+)".* variableLabels: \{([^}]*)\}`)

// TestMetricsAreDocumented holds the README's table against all that the plugin can ever export.
func TestMetricsAreDocumented(t *testing.T) {
	registry, ok := prometheus.DefaultRegisterer.(*prometheus.Registry)
	if !ok {
		t.Fatalf("Expected to be able to ask a %T for its metrics", prometheus.DefaultRegisterer)
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(descriptions)
		close(descriptions)
	}()
	exported := make(map[string][]string)
	for d := range descriptions {
		if m := registered.FindStringSubmatch(d.String()); m != nil {
			exported[m[1]] = inOrder(strings.Split(m[2], ","))
		}
	}
	documented := documentedMetrics(t)
	for name, labels := range exported {
		if m, ok := documented[name]; !ok {
			t.Errorf("Expected %s%s%v in the README", metricPrefix, name, labels)
		} else if !slices.Equal(m.labels, labels) {
			t.Errorf("Expected the README to give %s%s the labels %v, got %v", metricPrefix, name, labels, m.labels)
		}
	}
	for name := range documented {
		if _, ok := exported[name]; !ok {
			t.Errorf("Expected %s%s, which is in the README, to be exported", metricPrefix, name)
		}
	}
}

var (
	exportedType   = regexp.MustCompile(`(?m)^# TYPE ` + metricPrefix + `(\w+) (\w+)$`)
	exportedSeries = regexp.MustCompile(`(?m)^` + metricPrefix + `(\w+)(?:\{(.*)\})? \S+$`)
	exportedLabel  = regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)
)

// TestMetricsOfTheServerAreDocumented holds it against what the real server exports when it has probed and answered,
// with the types, which a description does not tell.
func TestMetricsOfTheServerAreDocumented(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(`
		check web `+e.URL()+`
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1`, "prometheus 127.0.0.1:@METRICS@"))
	s.A(t, "www")
	harness.Eventually(t, harness.Soon, "a probe", func() bool {
		return s.Metric(t, "coredns_failover_probe_duration_seconds_count") > 0
	})
	_, page, err := s.Get(t, "@METRICS@", "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	documented := documentedMetrics(t)
	types := exportedType.FindAllStringSubmatch(page, -1)
	if len(types) < 12 {
		t.Errorf("Expected more metrics than %v", types)
	}
	for _, m := range types {
		if want := documented[m[1]].kind; m[2] != want {
			t.Errorf("Expected %s%s to be a %s, as the README says, got a %s", metricPrefix, m[1], want, m[2])
		}
	}
	for _, m := range exportedSeries.FindAllStringSubmatch(page, -1) {
		name := documentedName(m[1], documented)
		var labels []string
		for _, l := range exportedLabel.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" || documented[name].kind != "histogram" {
				labels = append(labels, l[1])
			}
		}
		if labels = inOrder(labels); !slices.Equal(labels, documented[name].labels) {
			t.Errorf("Expected the labels %v, as the README has them, in %s", documented[name].labels, m[0])
		}
	}
}

// documentedName is the name that a series of a metric is documented under: that of its histogram for a part of one.
func documentedName(name string, known map[string]metric) string {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, part); ok && known[base].kind == "histogram" {
			return base
		}
	}
	return name
}
