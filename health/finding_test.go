package health

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

func TestFinding(t *testing.T) {
	const ms = time.Millisecond
	full := probe.Result{
		Outcome: probe.Fail, Reason: probe.ReasonStatus, Detail: "status 500", Duration: 10 * ms,
		Phases: probe.Phases{Resolve: ms, Connect: 2 * ms, TLS: 3 * ms, FirstByte: 4 * ms},
	}
	for _, c := range []struct {
		name        string
		given, want probe.Result
	}{
		{"nothing", probe.Result{}, probe.Result{}},
		{"everything", full, full},
		{"less than a microsecond", probe.Result{Duration: 1999}, probe.Result{Duration: time.Microsecond}},
		{"hours", probe.Result{Duration: 3 * time.Hour}, probe.Result{Duration: math.MaxUint32 * time.Microsecond}},
	} {
		if got := find(c.given).result(); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestFinding_KeepsEqualTextOnce has two checks find the same; every attempt makes its text anew.
func TestFinding_KeepsEqualTextOnce(t *testing.T) {
	text := func() string { return string([]byte("status 200")) }
	one, other := find(probe.Result{Detail: text()}), find(probe.Result{Detail: text()})
	if unsafe.StringData(one.result().Detail) != unsafe.StringData(other.result().Detail) {
		t.Error("Expected the text to be kept once")
	}
	if got := find(probe.Result{Detail: "status 500"}).result().Detail; got != "status 500" {
		t.Errorf("Got %q", got)
	}
}
