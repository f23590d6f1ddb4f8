package failover

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// configOf is a configuration of checks only.
func configOf(checks ...corefile.Check) *corefile.Config { return &corefile.Config{Checks: checks} }

// every is a definition with an interval, so that those of two intervals are probed alike and are different.
func every(interval time.Duration) health.Definition {
	return health.Definition{
		Probe:  probe.Spec{Scheme: probe.TCP, Host: "192.0.2.1", Port: 25}.ID(),
		Timing: health.Timing{Interval: interval},
	}
}

// Checks that differ in what their labels do not tell are one series, which goes on while one of them runs.
func TestTransitionsOfOneSeriesAreCountedTogether(t *testing.T) {
	quick, slow := every(time.Second), every(time.Minute)
	one, two := configOf(checkOf(quick, "smtp")), configOf(checkOf(slow, "smtp"))
	moved := func(d health.Definition, times int, to health.State, reason probe.Reason) {
		for range times {
			observer{}.Transition(d, health.Transition{To: to, Reason: reason})
		}
	}
	const labels = " tcp://192.0.2.1:25"
	want := func(when string, want map[string]float64) {
		t.Helper()
		if got := series(t, "check_transitions_total"); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	names.add(one)
	names.add(two)
	moved(quick, 1, health.Healthy, probe.ReasonOK)
	moved(slow, 2, health.Healthy, probe.ReasonOK)
	moved(slow, 3, health.Unhealthy, probe.ReasonRefused)
	moved(quick, 4, health.Unhealthy, probe.ReasonTimeout)
	moved(slow, 5, health.Unhealthy, probe.ReasonReset)
	moved(slow, 6, health.Unhealthy, probe.ReasonTimeout)
	all := map[string]float64{
		"smtp ok healthy" + labels: 3, "smtp refused unhealthy" + labels: 3, "smtp timeout unhealthy" + labels: 10,
		"smtp reset unhealthy" + labels: 5,
	}
	want("with both", all)
	names.remove(two)
	want("with one", all)
	moved(slow, 1, health.Healthy, probe.ReasonOK)
	want("after a transition of what runs no more", all)
	names.remove(one)
	want("with none", map[string]float64{})
	namesAreForgotten(t)
}

// A check has the first of its names in the alphabet, whichever server blocks come and go.
func TestACheckIsCalledByItsFirstName(t *testing.T) {
	d := every(time.Second)
	var live []*corefile.Config
	names.add(configOf(checkOf(every(time.Minute), "another"))) // the same target
	defer func() { names.remove(names.configs[0]) }()
	for step, change := range []struct {
		add    []string
		remove int // of live; what is added comes last
		want   string
	}{
		{add: []string{"mail", "smtp"}, remove: -1, want: "mail"},
		{add: []string{"exchange"}, remove: -1, want: "exchange"},
		{add: []string{"exchange", "post"}, remove: -1, want: "exchange"},
		{remove: 1, want: "exchange"},
		{remove: 0, want: "exchange"},
		{add: []string{"zulu"}, remove: 0, want: "zulu"},
		{remove: 0, want: ""},
	} {
		if change.add != nil {
			live = append(live, configOf(checkOf(d, change.add...)))
			names.add(live[len(live)-1])
		}
		if i := change.remove; i >= 0 {
			names.remove(live[i])
			live = slices.Delete(live, i, i+1)
		}
		if got := names.of(&d); got != change.want {
			t.Errorf("Step %d: the check is called %q, want %q", step, got, change.want)
		}
	}
}
