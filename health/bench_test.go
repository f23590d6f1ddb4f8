package health

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

func BenchmarkMachineNext(b *testing.B) {
	var m Machine
	b.ReportAllocs()
	for i := range b.N {
		m = m.Next(timing, probe.Outcome(i%3), time.Duration(i))
	}
	_ = m
}

// idle makes a Registry with so many checks that have had their first attempt and wait for the next.
func idle(tb testing.TB, checks int) (*Registry, []*Lease) {
	tb.Helper()
	r := NewRegistry(Options{NewProber: func(p probe.Spec) (probe.Prober, error) {
		made, err := probe.New(p)
		return &instant{made}, err
	}})
	definitions := make([]Definition, 0, checks)
	for i := range checks {
		definitions = append(definitions, Definition{
			Probe: probe.Spec{
				Scheme: probe.HTTP, Host: fmt.Sprintf("192.0.%d.%d", i/256, i%256), Port: 80,
				Path: "/healthz", Method: "GET", Status: "200-399", Match: "ok",
			}.ID(),
			Timing: Timing{Interval: time.Hour, Timeout: time.Second, Fast: time.Minute, Fall: 3, Rise: 2},
		})
	}
	// A hundred at a time are started at once.
	var leases []*Lease
	for batch := range slices.Chunk(definitions, 100) {
		l, err := r.Acquire(batch)
		if err != nil {
			tb.Fatal(err)
		}
		for !l.Known() {
			<-l.Changes()
		}
		leases = append(leases, l)
	}
	return r, leases
}

func releaseAll(leases []*Lease) {
	for _, l := range leases {
		l.Release()
	}
}

// instant holds a real prober but needs no network.
type instant struct{ probe.Prober }

func (*instant) Probe(context.Context) probe.Result {
	return probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK}
}

// idleCost is what one idle check keeps, in bytes.
func idleCost(tb testing.TB, checks int) uint64 {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, leases := idle(tb, checks)
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	releaseAll(leases)
	r.Wait()
	runtime.KeepAlive(leases)
	return (after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse) / uint64(checks)
}

func BenchmarkIdleCheckMemory(b *testing.B) {
	for range b.N {
		b.ReportMetric(float64(idleCost(b, 10_000)), "B/check")
	}
}

// TestAllocIdleCheck is the budget of memory and goroutines.
func TestAllocIdleCheck(t *testing.T) {
	if cost := idleCost(t, 10_000); cost > 640 {
		t.Errorf("An idle check keeps %d bytes, want at most 640", cost)
	}
	before := runtime.NumGoroutine()
	r, leases := idle(t, 10_000)
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine()-before > 50; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Errorf("10,000 idle checks have %d goroutines", runtime.NumGoroutine()-before)
			break
		}
	}
	releaseAll(leases)
	r.Wait()
}

// cycles runs checks that are due every interval until there have been so many attempts, in real time and as fast as a
// trivial prober lets them.
func cycles(tb testing.TB, checks, attempts int) {
	tb.Helper()
	var left atomic.Int64
	left.Store(int64(attempts))
	done := make(chan struct{})
	r := NewRegistry(Options{NewProber: func(probe.Spec) (probe.Prober, error) { return &counting{&left, done}, nil }})
	definitions := hosts(checks)
	for i := range definitions {
		definitions[i].Timing.Interval, definitions[i].Timing.Fast = 10*time.Millisecond, 10*time.Millisecond
	}
	l, err := r.Acquire(definitions)
	if err != nil {
		tb.Fatal(err)
	}
	<-done
	l.Release()
	r.Wait()
}

// counting passes, and tells when it has done so often enough.
type counting struct {
	left *atomic.Int64
	done chan struct{}
}

func (c *counting) Probe(context.Context) probe.Result {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
	return probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK}
}

// BenchmarkSchedule is what one attempt costs around the prober, with ten thousand checks that are always behind.
func BenchmarkSchedule(b *testing.B) {
	b.ReportAllocs()
	cycles(b, 10_000, max(10_000, b.N))
}

// BenchmarkSurvey is what it costs to look at ten thousand checks; at most four times a second.
func BenchmarkSurvey(b *testing.B) {
	r, leases := idle(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		r.mu.Lock()
		r.vantage.census = census{}
		r.look(time.Hour)
		r.mu.Unlock()
	}
	releaseAll(leases)
	r.Wait()
}

// TestAllocAttempt counts what one attempt allocates around the prober: the goroutine's closures, and the context with
// its timer.
func TestAllocAttempt(t *testing.T) {
	const attempts = 10_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cycles(t, 100, attempts)
	runtime.ReadMemStats(&after)
	if n := float64(after.Mallocs-before.Mallocs) / attempts; n > 11 {
		t.Errorf("An attempt allocates %.1f times", n)
	} else {
		t.Logf("%.1f allocations and %d bytes an attempt", n, (after.TotalAlloc-before.TotalAlloc)/attempts)
	}
}
