package failover

import (
	"io"
	golog "log"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
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

// checkOf is a check as a configuration has it.
func checkOf(d health.Definition, names ...string) corefile.Check {
	return corefile.Check{Probe: d.Probe, Traits: &corefile.Traits{Timing: d.Timing, Names: names}}
}

// A check's series are there while a configuration has it, under the name that it has there, and no longer.
func TestSeriesOfAGoneCheckAreForgotten(t *testing.T) {
	definition := health.Definition{Probe: probe.Spec{Scheme: probe.TCP, Host: "192.0.2.1", Port: 25}.ID()}
	one := &corefile.Config{Checks: []corefile.Check{checkOf(definition, "mail", "smtp")}}
	two := &corefile.Config{Checks: []corefile.Check{checkOf(definition, "smtp")}}
	report := func() {
		observer{}.Probed(definition, probe.Result{
			Outcome: probe.Fail, Reason: probe.ReasonRefused, Phases: probe.Phases{Connect: time.Millisecond},
		})
		observer{}.Transition(definition, health.Transition{To: health.Unhealthy, Reason: probe.ReasonRefused})
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
	for _, metric := range []string{
		"probes_total", "check_transitions_total", "probe_duration_seconds", "probe_phase_seconds",
	} {
		if got := series(t, metric); len(got) != 0 {
			t.Errorf("%s outlived the check: %v", metric, got)
		}
	}
	namesAreForgotten(t)
}

// namesAreForgotten wants nothing in the table of names, as when nothing runs.
func namesAreForgotten(t *testing.T) {
	t.Helper()
	if n := &names; len(n.configs)+len(n.named)+len(n.users)+len(n.others)+len(n.series)+len(n.more) != 0 {
		t.Errorf("The table of names still holds %v", n)
	}
}

func TestPhasesThatThereWereAreObserved(t *testing.T) {
	definition := health.Definition{Probe: probe.Spec{Scheme: probe.TLS, Host: "192.0.2.1", Port: 25}.ID()}
	config := &corefile.Config{Checks: []corefile.Check{checkOf(definition, "phases")}}
	names.add(config)
	defer names.remove(config)
	observer{}.Probed(definition, probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK, Duration: 3 * time.Second,
		Phases: probe.Phases{Connect: time.Second, TLS: 2 * time.Second}})
	sums := make(map[string]float64)
	for _, family := range ours(t) {
		for _, m := range family.GetMetric() {
			if h := m.GetHistogram(); h != nil && h.GetSampleCount() == 1 {
				var values []string
				for _, l := range m.GetLabel() {
					values = append(values, l.GetValue())
				}
				sums[strings.Join(values, " ")] = h.GetSampleSum()
			}
		}
	}
	if want := map[string]float64{"phases": 3, "phases connect": 1, "phases tls": 2}; !maps.Equal(sums, want) {
		t.Errorf("Got the histograms %v, want %v", sums, want)
	}
}

// logged is what is logged while fn runs.
func logged(fn func()) string {
	var text strings.Builder
	golog.SetOutput(&text)
	defer golog.SetOutput(io.Discard)
	fn()
	return text.String()
}

func TestWhatHappensIsCountedAndLogged(t *testing.T) {
	for _, test := range []struct {
		event health.Event
		want  string
	}{
		{health.Event{Kind: health.EventIsolated}, "[WARNING] plugin/failover: this server seems to be cut off: "},
		{health.Event{Kind: health.EventConnected}, "[INFO] plugin/failover: this server is not cut off any more: "},
		{
			health.Event{Kind: health.EventResumed, Lasted: 61*time.Second + 234*time.Millisecond},
			"[WARNING] plugin/failover: this process was stopped for 1m1s: ",
		},
	} {
		kind := string(test.event.Kind)
		before := series(t, "events_total")[kind]
		got := logged(func() { observer{}.Happened(test.event) })
		if !strings.Contains(got, test.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: logged %q, want one line with %q", kind, got, test.want)
		}
		if got := series(t, "events_total")[kind] - before; got != 1 {
			t.Errorf("%s: counted %v times", kind, got)
		}
	}
}

func TestATransitionIsLoggedWithWhatDecided(t *testing.T) {
	definition := health.Definition{Probe: probe.Spec{Scheme: probe.HTTP, Host: "192.0.2.1", Port: 80, Path: "/?key=secret"}.ID()}
	config := &corefile.Config{Checks: []corefile.Check{checkOf(definition, "web")}}
	for _, test := range []struct {
		transition health.Transition
		want       string
	}{
		{
			health.Transition{To: health.Healthy, Reason: probe.ReasonOK, Passes: 1, Detail: "status 200"},
			"[INFO] plugin/failover: check web http://192.0.2.1:80/ is healthy, was unknown: status 200 (ok, 1 pass)\n",
		},
		{
			health.Transition{From: health.Healthy, To: health.Unhealthy, Reason: probe.ReasonStatus, Failures: 3, Detail: "status 500"},
			"[WARNING] plugin/failover: check web http://192.0.2.1:80/ is unhealthy, was healthy: status 500 (status, 3 failures)\n",
		},
		{
			health.Transition{To: health.Unhealthy, Reason: probe.ReasonTimeout, Failures: 1},
			"[WARNING] plugin/failover: check web http://192.0.2.1:80/ is unhealthy, was unknown: (timeout, 1 failure)\n",
		},
		{
			health.Transition{From: health.Unhealthy, To: health.Healthy, Reason: probe.ReasonOK, Passes: 2},
			"[INFO] plugin/failover: check web http://192.0.2.1:80/ is healthy, was unhealthy: (ok, 2 passes)\n",
		},
	} {
		names.add(config)
		got := logged(func() { observer{}.Transition(definition, test.transition) })
		names.remove(config)
		if !strings.HasSuffix(got, test.want) || strings.Count(got, "\n") != 1 { // before it is the time
			t.Errorf("Logged %q, want one line with %q", got, test.want)
		}
	}
	if got := logged(func() { observer{}.Transition(definition, health.Transition{To: health.Unhealthy}) }); got != "" {
		t.Errorf("Logged %q of a check that is gone", got)
	}
}

// What tells nothing of a target is logged, or a check that never works would look like one that nothing is known of yet;
// but it is not logged for every probe and every target.
func TestH16_IndeterminateProbesAreLoggedNowAndThen(t *testing.T) {
	const twoHosts = "failover {\ncheck web http://:80/\nanswer www 203.0.113.1 check web\nanswer www 203.0.113.2 check web\n}"
	config := parsed(t, twoHosts)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		fake.outcome.Store(int32(probe.Indeterminate))
		g, _ := generated(config)
		text := logged(func() {
			mustStart(t, g)
			time.Sleep(15 * time.Minute)
		})
		const line = "[WARNING] plugin/failover: check web http://203.0.113."
		if got := strings.Count(text, line); got != 2 || !strings.Contains(text, "so its state stays:  (refused)") {
			t.Errorf("Logged %d times:\n%s", got, text)
		}
		g.running.release()
		checks.Wait()
	})
	namesAreForgotten(t)
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
	answered := func(r *runner, n uint64) {
		for s := range r.index.Sets() {
			s.Tally(0).Healthy.Add(n)
		}
	}
	answered(old, 3)
	next := run()
	old.release()
	answered(next, 4)
	if got := series(t, "answers_total")["healthy www.example.org. A example.org."]; got != 7 {
		t.Errorf("Got %v, want 7 answers over both", series(t, "answers_total"))
	}
	next.release()
	if got := series(t, "answers_total"); len(got) != 0 {
		t.Errorf("Counters outlived the last configuration: %v", got)
	}
}

// BenchmarkForgetNames is the end of a configuration whose checks have series of their own. It must grow with their
// number and not with its square, or the process would take minutes to end.
func BenchmarkForgetNames(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		config := &corefile.Config{}
		for i := range n {
			addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			definition := health.Definition{Probe: probe.Spec{Scheme: probe.TCP, Host: addr.String(), Port: 25}.ID()}
			config.Checks = append(config.Checks, checkOf(definition, "n"+strconv.Itoa(i)))
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				names.add(config)
				for i := range config.Checks {
					d := config.Checks[i].Definition()
					observer{}.Probed(d, probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK})
					names.moved(nameSeries{names.of(&d), d.Probe.Target()}, health.Healthy, probe.ReasonOK)
				}
				b.StartTimer()
				names.remove(config)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/check")
		})
	}
}
