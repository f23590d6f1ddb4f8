package failover

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

func TestLatencyIsBounded(t *testing.T) {
	var table latencyTable
	// All are held until the end, as those of running checks are: one that nobody holds any more comes back as another.
	definitions := make([]health.Definition, latencyChecks+100)
	for i := range definitions {
		s := probe.Spec{Scheme: probe.TCP, Host: fmt.Sprintf("host-%d.example.org", i), Port: 25}
		definitions[i].Probe = s.ID()
	}
	check := func(i int) *health.Definition { return &definitions[i] }
	table.add(check(0), time.Second)
	if got := table.of(check(0)); got != nil {
		t.Errorf("Without an admin API %v is kept", got)
	}
	table.keep(true)
	for i := range definitions {
		table.add(check(i), time.Millisecond)
	}
	if n := len(table.byCheck); n != latencyChecks {
		t.Errorf("There are %d checks, want %d", n, latencyChecks)
	}
	for i := range 2 * latencyKept {
		table.add(check(0), time.Duration(i)*time.Millisecond)
	}
	got := table.of(check(0))
	if len(got) != latencyKept || got[0] != latencyKept || got[latencyKept-1] != 2*latencyKept-1 || !slices.IsSorted(got) {
		t.Errorf("The last %d are %v", latencyKept, got)
	}
	table.tidy(nil)
	if n := len(table.byCheck); n != 0 {
		t.Errorf("%d checks that are no more are kept", n)
	}
	table.add(check(1), time.Millisecond)
	table.keep(false)
	if table.of(check(1)) != nil {
		t.Error("It is kept after the end of the admin API")
	}
	runtime.KeepAlive(definitions)
}

func TestAdminTellsOfLatency(t *testing.T) {
	i, o := operate(t, tree)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var c api.Check
		o.do("GET", "/v1/checks/web@http:%2F%2F192.0.2.1:80%2F", "", 200, &c)
		if len(c.Latency) > 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Error("There is no latency")
			break
		}
	}
	i.end(t)
	if latencies.kept.Load() || latencies.byCheck != nil {
		t.Error("Latency is kept after the end")
	}
}
