package health

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// TestLeaseLast gives what the last attempt found, even if it says nothing of the target.
func TestLeaseLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if n == 1 {
				time.Sleep(time.Second)
				return probe.Result{Reason: probe.ReasonFDLimit, Detail: "too many open files", Phases: probe.Phases{Connect: time.Second}}
			}
			return pass(ctx, p, n)
		})
		r := w.registry(Options{})
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		if got, at := l.Last(0); got != (probe.Result{}) || !at.IsZero() {
			t.Errorf("Before the first: %+v at %s", got, at)
		}
		synctest.Wait()
		if got, at := l.Last(0); got.Outcome != probe.Pass || !at.Equal(w.begin) {
			t.Errorf("After the first, which took no time: %+v at %s", got, at)
		}
		for len(w.resultsOf(d)) < 2 {
			time.Sleep(time.Millisecond)
		}
		want := probe.Result{
			Reason: probe.ReasonFDLimit, Detail: "too many open files", Duration: time.Second, Phases: probe.Phases{Connect: time.Second},
		}
		ended := w.begin.Add(w.startsOf(d.Probe)[1] + time.Second)
		if got, at := l.Last(0); got != want || !at.Equal(ended) {
			t.Errorf("Got %+v at %s, want that of %s", got, at, ended)
		}
		if s := l.Status(0); s.Reason != probe.ReasonOK || s.Detail != "" {
			t.Errorf("The status is that of the last decisive result: %+v", s)
		}
		changed := d
		changed.Timing.Rise = 5
		seeded := acquire(t, r, changed)
		if got, at := seeded.Last(0); got != want || !at.Equal(ended) {
			t.Errorf("After a reload: %+v at %s", got, at)
		}
		l.Release()
		seeded.Release()
		r.Wait()
		if got, at := l.Last(0); got != want || !at.Equal(ended) {
			t.Errorf("After the release: %+v at %s", got, at)
		}
	})
}

// TestStats counts what runs, what waits and how long.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			time.Sleep(time.Second)
			return pass(ctx, p, n)
		})
		r := w.registry(Options{Workers: 2, PerTarget: 1})
		if got := r.Stats(); got != (Stats{}) {
			t.Errorf("Without checks: %+v", got)
		}
		again := check("192.0.2.1") // waits for its own target
		again.Timing.Rise = 5
		definitions := []Definition{check("192.0.2.1"), again, check("192.0.2.1"), check("192.0.2.2")}
		for i := range definitions {
			definitions[i].Timing.Interval = time.Hour
		}
		l := acquire(t, r, definitions...)
		time.Sleep(time.Second / 2)
		if got, want := r.Stats(), (Stats{Checks: 3, InFlight: 2, Waiting: 1}); got != want {
			t.Errorf("Got %+v, want %+v", got, want)
		}
		late := check("192.0.2.3") // waits for a worker
		late.Timing.Interval = time.Hour
		more := acquire(t, r, late)
		time.Sleep(time.Second)
		if got, want := r.Stats(), (Stats{Checks: 4, InFlight: 2}); got != want {
			t.Errorf("Got %+v, want %+v", got, want)
		}
		time.Sleep(time.Second)
		if got, want := r.Stats(), (Stats{Checks: 4, Lateness: time.Second / 2}); got != want {
			t.Errorf("Got %+v, want %+v", got, want)
		}
		time.Sleep(2 * time.Minute)
		if got := r.Stats(); got.Lateness != 0 {
			t.Errorf("%s late, two minutes later", got.Lateness)
		}
		more.Release()
		l.Release()
		r.Wait()
		if got := r.Stats(); got != (Stats{}) {
			t.Errorf("In the end: %+v", got)
		}
	})
}
