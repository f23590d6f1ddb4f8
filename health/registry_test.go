package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

func TestH02_NewCheckIsProbedFastUntilItFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fail)
		r := w.registry(Options{})
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 2 * time.Second, 4 * time.Second}
		if got := w.startsOf(d.Probe); !slices.Equal(got, want) {
			t.Errorf("Attempts at %v, want %v", got, want)
		}
		s := l.Status(0)
		if s.State != Unhealthy || s.Streak || s.Reason != probe.ReasonRefused || !s.Since.Equal(w.begin.Add(4*time.Second)) {
			t.Errorf("Got %+v", s)
		}
		wantT := []Transition{{From: Unknown, To: Unhealthy, Reason: probe.ReasonRefused, Failures: 3, At: s.Since}}
		if got := w.transitionsOf(d); !reflect.DeepEqual(got, wantT) {
			t.Errorf("Transitions %+v, want %+v", got, wantT)
		}
		l.Release()
		r.Wait()
	})
}

func TestO03_JoinKeepsStateAndSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, p probe.Spec, n int) probe.Result {
			time.Sleep(3 * time.Second)
			return pass(ctx, p, n)
		}
		w := newWorld(t, slow)
		r := w.registry(Options{})
		d := check("192.0.2.1")
		lease := acquire(t, r, d)
		time.Sleep(time.Second)
		// A reload in the middle of an attempt: the new lease joins it before the old one goes.
		next := acquire(t, r, check("192.0.2.2"), d, d)
		lease.Release()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(w.startsOf(d.Probe)); n != 1 {
			t.Errorf("%d attempts, want the one that was joined", n)
		}
		if s := next.Status(1); s.State != Healthy || next.Status(2) != s {
			t.Errorf("Got %+v and %+v", s, next.Status(2))
		}
		if got := next.Drain(); !slices.Contains(got, 1) || !slices.Contains(got, 2) {
			t.Errorf("Drained %v", got)
		}
		time.Sleep(time.Minute)
		since := next.Status(1).Since
		for range 100 {
			again := acquire(t, r, d)
			next.Release()
			next = again
			if s := next.Status(0); s.State != Healthy || !s.Since.Equal(since) || !next.Known() {
				t.Fatalf("Got %+v", s)
			}
			time.Sleep(time.Second)
		}
		if got := next.Drain(); len(got) != 0 {
			t.Errorf("Drained %v, though nothing has changed", got)
		}
		next.Release()
		r.Wait()
		starts := w.startsOf(d.Probe)
		for i := 3; i < len(starts); i++ { // after the first, and the one on the way to its slot
			if gap := starts[i] - starts[i-1]; gap < timing.Interval*98/100 || gap > timing.Interval*102/100 {
				t.Errorf("A reload moved an attempt: %s after the one before", gap)
			}
		}
		if n := len(w.transitionsOf(d)); n != 1 {
			t.Errorf("%d transitions, want 1", n)
		}
	})
}

func TestO03_ChangedTimingIsSeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fail)
		r := w.registry(Options{})
		d := check("192.0.2.1")
		old := acquire(t, r, d)
		time.Sleep(5 * time.Second)
		before := len(w.startsOf(d.Probe))
		changed := d
		changed.Timing.Interval = time.Minute
		l := acquire(t, r, changed)
		old.Release()
		synctest.Wait()
		if s := l.Status(0); s.State != Unhealthy || s.Streak || s.Reason != probe.ReasonRefused || !l.Known() {
			t.Errorf("Got %+v", s)
		}
		if n := len(w.startsOf(d.Probe)); n != before {
			t.Errorf("A seeded check was probed at once")
		}
		time.Sleep(61200 * time.Millisecond)
		// Two, if the slot comes right after the reload.
		if n := len(w.startsOf(d.Probe)) - before; n != 1 && n != 2 {
			t.Errorf("%d attempts in the first interval, want 1 or 2", n)
		}
		l.Release()
		r.Wait()
	})
}

func TestO03_SeedingClosesTheStreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if n == 0 {
				return pass(ctx, p, n)
			}
			return fail(ctx, p, n)
		})
		r := w.registry(Options{})
		d := check("192.0.2.1")
		old := acquire(t, r, d)
		for !old.Status(0).Streak {
			<-old.Changes()
		}
		changed := d
		changed.Timing.Rise = 5
		l := acquire(t, r, changed)
		if s := l.Status(0); s.State != Healthy || s.Streak || s.Since != old.Status(0).Since {
			t.Errorf("Got %+v", s)
		}
		old.Release()
		l.Release()
		r.Wait()
	})
}

func TestLeaseDrain(t *testing.T) {
	l := newLease(nil, 3)
	for range 2 {
		l.changed(2, false)
		l.changed(0, false)
		l.changed(2, false)
		<-l.Changes()
		if got := l.Drain(); !slices.Equal(got, []int{2, 0}) {
			t.Errorf("Drained %v", got)
		}
		if got := l.Drain(); len(got) != 0 {
			t.Errorf("Drained %v again", got)
		}
	}
}

func TestO03_LastReleaseStopsAndBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hang)
		r := w.registry(Options{Workers: 2})
		d := check("192.0.2.1")
		l := acquire(t, r, d, check("192.0.2.2"), check("192.0.2.3"))
		other := acquire(t, r, d)
		synctest.Wait()
		l.Release()
		l.Release()
		time.Sleep(time.Second)
		if n := len(w.startsOf(check("192.0.2.3").Probe)); n != 0 {
			t.Errorf("A check that nobody uses was started")
		}
		begin := time.Now()
		other.Release()
		r.Wait()
		if took := time.Since(begin); took != 0 {
			t.Errorf("The goroutines ended %s after the last release", took)
		}
		if got := w.resultsOf(d); len(got) != 0 {
			t.Errorf("Reported %+v", got)
		}
		if s := other.Status(0); s.State != Unknown || other.Known() {
			t.Errorf("Got %+v", s)
		}
		// The Registry can be used again.
		again := acquire(t, r, d)
		time.Sleep(time.Second)
		if n := len(w.startsOf(d.Probe)); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
		again.Release()
		r.Wait()
	})
}

func TestO03_FailedAcquireStartsNothing(t *testing.T) {
	w := newWorld(t, pass)
	r := w.registry(Options{})
	bad := check("192.0.2.2")
	spec := bad.Probe.Spec()
	spec.CAFile = "missing"
	bad.Probe = spec.ID()
	if _, err := r.Acquire([]Definition{check("192.0.2.1"), bad}); !errors.Is(err, errFake) {
		t.Errorf("Got %v", err)
	}
	late := check("192.0.2.3")
	late.Timing.Rise = 0
	if _, err := r.Acquire([]Definition{check("192.0.2.1"), late}); err == nil {
		t.Error("Expected an error for rise 0")
	}
	if len(r.monitors) != 0 || r.schedule != nil || len(w.starts) != 0 {
		t.Error("Something was started")
	}
	l := acquire(t, r)
	if !l.Known() || r.schedule != nil {
		t.Error("An empty lease is known and starts nothing")
	}
	l.Release()
}

func TestO01_KnownWhenEveryCheckIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			switch {
			case p.Host == "192.0.2.2":
				return fail(ctx, p, n)
			case n < 2:
				return probe.Result{Reason: probe.ReasonResolver}
			}
			return pass(ctx, p, n)
		})
		r := w.registry(Options{})
		l := acquire(t, r, check("192.0.2.1"), check("192.0.2.2"))
		var order []int
		for !l.Known() {
			<-l.Changes()
			order = append(order, l.Drain()...)
		}
		if took := time.Since(w.begin); took != 4*time.Second {
			t.Errorf("Known after %s, want 4s", took)
		}
		if !slices.Contains(order, 1) {
			t.Errorf("Drained %v", order)
		}
		l.Release()
		r.Wait()
	})
}

// TestRegistryUnderConcurrentUse is for the race detector.
func TestRegistryUnderConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(3, 3))
		draw := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
		w := newWorld(t, func(ctx context.Context, _ probe.Spec, _ int) probe.Result {
			select {
			case <-time.After(time.Duration(draw(5000)) * time.Millisecond):
			case <-ctx.Done():
			}
			if draw(50) == 0 {
				panic("by chance")
			}
			return probe.Result{Outcome: probe.Outcome(draw(3))}
		})
		r := w.registry(Options{Workers: 4})
		var users sync.WaitGroup
		for range 8 {
			users.Go(func() {
				for range 50 {
					definitions := make([]Definition, 0, 10)
					for range draw(10) {
						d := check(fmt.Sprintf("192.0.2.%d", draw(6)))
						d.Timing.Rise = draw(2) + 1
						definitions = append(definitions, d)
					}
					l, err := r.Acquire(definitions)
					if err != nil {
						t.Error(err)
						return
					}
					for range draw(20) {
						select {
						case <-l.Changes():
						case <-time.After(time.Second):
						}
						for _, i := range l.Drain() {
							_ = l.Status(i)
						}
						_ = l.Known()
					}
					l.Release()
				}
			})
		}
		users.Wait()
		r.Wait()
		if len(r.monitors) != 0 || len(r.due) != 0 || r.gates.all.free != 4 || len(r.gates.targets) != 0 {
			t.Errorf("Something is left: %d monitors, %d due, gates %+v", len(r.monitors), len(r.due), r.gates)
		}
		for p, n := range w.inFlight {
			if n != 0 {
				t.Errorf("%d attempts on %s in flight", n, p.Target())
			}
		}
	})
}
