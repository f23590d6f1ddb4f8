package failover

import (
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
)

// ours gathers the metrics of this plugin.
func ours(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	all, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var mine []*dto.MetricFamily
	for _, family := range all {
		if strings.HasPrefix(family.GetName(), "coredns_failover_") {
			mine = append(mine, family)
		}
	}
	return mine
}

// series renders the series of a metric with their values, without the histogram's.
func series(t *testing.T, metric string) map[string]float64 {
	t.Helper()
	found := make(map[string]float64)
	for _, family := range ours(t) {
		if family.GetName() != "coredns_failover_"+metric {
			continue
		}
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			found[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return found
}

func TestMetricNamesFollowTheConventions(t *testing.T) {
	families := ours(t)
	if len(families) == 0 {
		t.Fatal("No metrics were gathered")
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// A check's series are there while a configuration has it, under the name that it has there, and no longer.
func TestSeriesOfAGoneCheckAreForgotten(t *testing.T) {
	definition := health.Definition{Probe: health.Probe{Scheme: health.TCP, Host: "192.0.2.1", Port: 25}}
	one := &corefile.Config{Checks: []corefile.Check{{Definition: definition, Names: []string{"smtp", "mail"}}}}
	two := &corefile.Config{Checks: []corefile.Check{{Definition: definition, Names: []string{"smtp"}}}}
	report := func() {
		observer{}.Probed(&definition, health.Result{Outcome: health.Fail, Reason: health.ReasonRefused})
		observer{}.Transition(&definition, health.Transition{To: health.Unhealthy, Reason: health.ReasonRefused})
	}
	names.add(one)
	report()
	if got := series(t, "probes_total")["mail fail refused"]; got != 1 {
		t.Errorf("Got %v, want one failed probe under the first name", series(t, "probes_total"))
	}
	names.add(two)
	names.remove(one)
	if got := series(t, "check_transitions_total"); len(got) != 0 {
		t.Errorf("Series of a name that is gone: %v", got)
	}
	report()
	if got := series(t, "check_transitions_total"); got["smtp refused unhealthy tcp://192.0.2.1:25"] != 1 {
		t.Errorf("Got %v, want one transition under the name that is left", got)
	}
	names.remove(two)
	report() // a probe that was still under way
	for _, metric := range []string{"probes_total", "check_transitions_total", "probe_duration_seconds"} {
		if got := series(t, metric); len(got) != 0 {
			t.Errorf("%s outlived the check: %v", metric, got)
		}
	}
	if len(names.users) != 0 || len(names.uses) != 0 {
		t.Errorf("The table of names still holds %v and %v", names.users, names.uses)
	}
}

func TestTalliesGoOnOverAReload(t *testing.T) {
	config := load(t, "failover {\nstatic www 192.0.2.1\n}").f.config
	run := func() *runner {
		r, err := newRunner("k", config)
		if err != nil {
			t.Fatal(err)
		}
		r.start()
		return r
	}
	old := run()
	old.index.Sets()[0].Tallies[0].Healthy.Add(3)
	next := run()
	old.release()
	next.index.Sets()[0].Tallies[0].Healthy.Add(4)
	if got := series(t, "answers_total")["healthy www.example.org. A example.org."]; got != 7 {
		t.Errorf("Got %v, want 7 answers over both", series(t, "answers_total"))
	}
	next.release()
	if got := series(t, "answers_total"); len(got) != 0 {
		t.Errorf("Counters outlived the last configuration: %v", got)
	}
}
