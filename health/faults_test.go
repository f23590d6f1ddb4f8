package health

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// TestF01_DetectionTimeIsExact counts from the first failure on: a target that refuses takes so many times Fast, and a
// silent one so many times its timeout if that is more. Others that are down and up beside it change nothing.
func TestF01_DetectionTimeIsExact(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{hang: silent}
			w := newWorld(t, n.answer)
			r := w.registry(Options{})
			l := acquire(t, r, hosts(100)...)
			time.Sleep(time.Minute)
			d := hosts(1)[0]
			down := time.Since(w.begin)
			n.set(func(n *network) { n.down[d.Probe.Host()] = true })
			await(t, l, Unhealthy)
			synctest.Wait()
			starts := w.startsOf(d.Probe)
			first, _ := slices.BinarySearch(starts, down)
			want := starts[first] + 2*timing.Fast
			if silent {
				want = starts[first] + 3*timing.Timeout
			}
			if got := l.Status(0).Since.Sub(w.begin); got != want || starts[first]-down > timing.Interval*102/100 {
				t.Errorf("Silent %t: down at %s, probed at %v, unhealthy at %s, want %s", silent, down, starts[first:], got, want)
			}
			n.set(func(n *network) { clear(n.down) })
			up := time.Since(w.begin)
			await(t, l, Healthy)
			starts = w.startsOf(d.Probe)
			first, _ = slices.BinarySearch(starts, up+1) // one at that moment has found it down
			if got := l.Status(0).Since.Sub(w.begin); got != starts[first]+timing.Fast {
				t.Errorf("Silent %t: up at %s, probed at %v, healthy at %s", silent, up, starts[first:], got)
			}
			l.Release()
			r.Wait()
		})
	}
}

// TestF04_OneInThreeFailing is what a number in a row never sees.
func TestF04_OneInThreeFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if n%3 == 2 {
				return fail(ctx, p, n)
			}
			return pass(ctx, p, n)
		})
		r := w.registry(Options{})
		inRow, among := check("192.0.2.1"), check("192.0.2.2")
		among.Timing.FallOf = 9
		l := acquire(t, r, inRow, among)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.transitionsOf(inRow); len(got) != 1 {
			t.Errorf("3 in a row: %d transitions", len(got))
		}
		got := w.transitionsOf(among)
		if len(got) < 2 || got[1].To != Unhealthy || got[1].At.Sub(w.begin) != w.startsOf(among.Probe)[8] {
			t.Errorf("3 of 9: %+v", got)
		}
		l.Release()
		r.Wait()
	})
}

// TestF05_FlapForADay goes up and down all the time; hold makes that a matter of hours.
func TestF05_FlapForADay(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name        string
		hold, most  time.Duration
		least, bear int // falls
	}{
		{"no hold", 0, 0, 1000, 2000},
		{"hold 1m 1h", time.Minute, time.Hour, 20, 33},
		{"hold 1m", time.Minute, time.Minute, 500, 1000},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.answer = func(ctx context.Context, p probe.Spec, n int) probe.Result {
				if time.Since(w.begin)/(30*time.Second)%2 == 1 {
					return fail(ctx, p, n)
				}
				return pass(ctx, p, n)
			}
			r := w.registry(Options{})
			d := check("192.0.2.1")
			d.Timing.Hold, d.Timing.HoldMax = c.hold, c.most
			l := acquire(t, r, d)
			time.Sleep(day)
			synctest.Wait()
			if got := w.falls(); got < c.least || got > c.bear {
				t.Errorf("%s: %d falls in a day, want %d to %d", c.name, got, c.least, c.bear)
			}
			transitions := w.transitionsOf(d)
			for i := 1; i < len(transitions); i++ {
				if held := transitions[i].At.Sub(transitions[i-1].At); transitions[i].To == Healthy && held < c.hold {
					t.Errorf("%s: healthy again after %s", c.name, held)
				}
			}
			if len(r.Events(0)) > eventsKept {
				t.Errorf("%d events", len(r.Events(0)))
			}
			l.Release()
			r.Wait()
		})
	}
}

// TestF12_StarvedOfProcessorTime has timers that go off late, and timeouts because of that.
func TestF12_StarvedOfProcessorTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *Registry
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if n == 0 {
				return pass(ctx, p, n)
			}
			if got := hang(ctx, p, n); got.Outcome != probe.Fail {
				return got // the end
			}
			r.mu.Lock()
			now := r.schedule.now()
			r.wakes.add(now-timing.Timeout/8, now)
			r.mu.Unlock()
			return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout}
		})
		r = w.registry(Options{})
		targets := hosts(20)
		l := acquire(t, r, targets...)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for i, d := range targets {
			if s := l.Status(i); s.State != Healthy || s.Streak || s.Reason != probe.ReasonOK {
				t.Errorf("Got %+v", s)
			}
			if got, _ := l.Last(i); got.Outcome != probe.Indeterminate || got.Reason != probe.ReasonOverrun || len(w.resultsOf(d)) < 40 {
				t.Errorf("Got %+v", got)
			}
		}
		l.Release()
		r.Wait()
	})
}
