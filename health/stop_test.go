package health

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// clocks are those of a machine that can be stopped.
type clocks struct {
	registry *Registry
	wall     time.Duration // by how much the wall clock is ahead; belongs to the Registry's mutex
}

func newClocks(r *Registry) *clocks {
	c := &clocks{registry: r}
	r.wall = func() time.Time { return time.Now().Round(0).Add(c.wall) }
	return c
}

// stop stops the process: all its timers are that late.
func (c *clocks) stop(d time.Duration) {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	c.wall += d
	c.registry.schedule.epoch = c.registry.schedule.epoch.Add(-d)
}

// suspend suspends the machine, whose monotonic clock stands still.
func (c *clocks) suspend(d time.Duration) {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	c.wall += d
}

// TestH18_EverythingIsProbedAgainFirst stops the process when all targets are one failure short of falling, and has the
// network come back a little later than the process.
func TestH18_EverythingIsProbedAgainFirst(t *testing.T) {
	for name, halt := range map[string]func(*clocks){
		"stopped":   func(c *clocks) { c.stop(time.Minute) },
		"suspended": func(c *clocks) { c.suspend(time.Hour) },
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			w := newWorld(t, n.answer)
			r := w.registry(Options{})
			clocks := newClocks(r)
			targets := append(hosts(3), check("127.0.0.1"), Definition{Probe: probe.Spec{Scheme: probe.Exec, Command: "/a\x00"}.ID(), Timing: timing})
			for i := range targets {
				targets[i].Timing.Fall = 2
			}
			l := acquire(t, r, targets...)
			time.Sleep(time.Minute)
			n.set(func(n *network) {
				for _, d := range targets {
					n.down[d.Probe.Host()] = true
				}
			})
			for !slices.ContainsFunc(targets, func(d Definition) bool { return l.Status(slices.Index(targets, d)).Streak }) {
				time.Sleep(100 * time.Millisecond)
			}
			halt(clocks)
			resumed := time.Since(w.begin)
			time.Sleep(time.Second + 10*time.Millisecond) // the scheduler looks at the clocks
			synctest.Wait()
			for _, d := range targets {
				if starts := w.startsOf(d.Probe); starts[len(starts)-1] < resumed {
					t.Errorf("%s: %s was not probed again", name, d.Probe.Target())
				}
			}
			n.set(func(n *network) { clear(n.down) })
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := w.falls(); got != 0 {
				t.Errorf("%s: %d have fallen", name, got)
			}
			w.mu.Lock()
			if len(w.events) != 1 || w.events[0].Kind != EventResumed || w.events[0].Lasted < 59*time.Second || w.events[0].Lasted > 3601*time.Second {
				t.Errorf("%s: %+v", name, w.events)
			}
			w.mu.Unlock()
			if r.vantage.unverified != 0 {
				t.Errorf("%s: %d are waited for", name, r.vantage.unverified)
			}
			l.Release()
			r.Wait()
		})
	}
}

// TestH18_NothingFallsBeforeAllAreProbed has checks that fall with their first failure, and more of them than are probed
// at once.
func TestH18_NothingFallsBeforeAllAreProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		clocks := newClocks(r)
		targets := append(hosts(300), check("127.0.0.1"), check("::1"))
		for i := range targets {
			targets[i].Timing.Fall, targets[i].Timing.Interval = 1, time.Hour
		}
		l := acquire(t, r, targets...)
		time.Sleep(time.Minute)
		n.set(func(n *network) {
			for _, d := range targets {
				n.down[d.Probe.Host()] = d.Probe.Host() != "10.0.7.1"
			}
		})
		clocks.stop(time.Minute)
		resumed := time.Since(w.begin)
		time.Sleep(time.Minute)
		synctest.Wait()
		var last time.Duration
		for _, d := range targets {
			starts := w.startsOf(d.Probe)
			first, _ := slices.BinarySearch(starts, resumed)
			last = max(last, starts[first])
		}
		if took := last - resumed; took < 200*time.Millisecond || took > 1400*time.Millisecond {
			t.Errorf("It took %s to probe all of them", took)
		}
		for _, d := range targets {
			got := w.transitionsOf(d)
			if d.Probe.Host() == "10.0.7.1" {
				continue
			}
			if len(got) != 2 || got[1].At.Sub(w.begin) < last {
				t.Errorf("%s: got %+v, the last was probed at %s", d.Probe.Target(), got, last)
			}
		}
		l.Release()
		r.Wait()
	})
}

// TestH18_FailureIsSeenBeforeTheScheduler has an attempt fail after a suspend, before the scheduler has noticed it.
func TestH18_FailureIsSeenBeforeTheScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if i == 1 {
				<-end
				return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonUnreachable}
			}
			return pass(ctx, p, i)
		})
		r := w.registry(Options{})
		clocks := newClocks(r)
		d := check("192.0.2.1")
		d.Timing.Fall = 1
		l := acquire(t, r, d)
		for len(w.startsOf(d.Probe)) < 2 {
			time.Sleep(time.Millisecond)
		}
		clocks.suspend(time.Hour)
		close(end)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.resultsOf(d)[1]; got.Outcome != probe.Indeterminate || got.Reason != probe.ReasonOverrun {
			t.Errorf("Got %+v", got)
		}
		if w.falls() != 0 || !slices.Equal(w.eventsOf(), []EventKind{EventResumed}) {
			t.Errorf("%d falls, events %v", w.falls(), w.eventsOf())
		}
		l.Release()
		r.Wait()
	})
}

// TestH18_StopIsNoticedWhoeverWakesTheScheduler has it nudged before its own timer goes off.
func TestH18_StopIsNoticedWhoeverWakesTheScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		clocks := newClocks(r)
		l := acquire(t, r, check("192.0.2.1"))
		time.Sleep(time.Minute)
		clocks.stop(time.Minute)
		r.mu.Lock()
		r.schedule.nudge()
		r.mu.Unlock()
		synctest.Wait()
		if !slices.Equal(w.eventsOf(), []EventKind{EventResumed}) {
			t.Errorf("Events %v", w.eventsOf())
		}
		l.Release()
		r.Wait()
	})
}

// TestH18_StuckCheckIsNotWaitedFor would hold up all others for ever: one attempt hangs since before the stop, one since
// then.
func TestH18_StuckCheckIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		var mu sync.Mutex
		hanging := map[string]bool{"10.0.0.1": true}
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			mu.Lock()
			stuck := i > 0 && hanging[p.Host]
			mu.Unlock()
			if stuck {
				<-end
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		clocks := newClocks(r)
		l := acquire(t, r, hosts(5)...)
		time.Sleep(time.Minute)
		mu.Lock()
		hanging["10.0.1.1"] = true
		mu.Unlock()
		clocks.stop(time.Minute)
		time.Sleep(timing.Timeout + grace + 2*time.Second)
		synctest.Wait()
		if r.vantage.unverified != 0 {
			t.Errorf("%d are waited for", r.vantage.unverified)
		}
		n.set(func(n *network) { n.down["10.0.2.1"] = true })
		time.Sleep(timing.Interval*102/100 + 2*timing.Fast + heldTick)
		synctest.Wait()
		if got := w.falls(); got != 1 {
			t.Errorf("%d have fallen, want 1", got)
		}
		close(end)
		time.Sleep(time.Minute)
		if r.vantage.unverified != 0 {
			t.Errorf("%d are waited for", r.vantage.unverified)
		}
		l.Release()
		r.Wait()
	})
}

// TestH18_AttemptInFlightGetsItsTimeAnew is not given up because the process was stopped during it.
func TestH18_AttemptInFlightGetsItsTimeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			time.Sleep(3 * time.Second)
			return pass(ctx, p, i)
		})
		r := w.registry(Options{})
		clocks := newClocks(r)
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		time.Sleep(time.Second / 2)
		clocks.stop(time.Minute)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := w.resultsOf(d); len(got) != 1 || got[0].Outcome != probe.Pass {
			t.Errorf("Got %+v", got)
		}
		if n := len(w.startsOf(d.Probe)); n != 2 {
			t.Errorf("%d attempts, want another one at once", n)
		}
		l.Release()
		r.Wait()
	})
}

// TestH18_NoBurstAfterAStop is the law (j) for all checks together: what is overdue is not made up for at once.
func TestH18_NoBurstAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const checks = 3000
		w := newWorld(t, pass)
		r := w.registry(Options{})
		clocks := newClocks(r)
		targets := hosts(checks)
		l := acquire(t, r, targets...)
		time.Sleep(time.Minute)
		clocks.stop(time.Minute)
		resumed := time.Since(w.begin)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		windows := w.windows(targets, resumed, 10*time.Second)
		for i, n := range windows {
			if n > 300 {
				t.Errorf("%d attempts in the 100 ms from %d00 ms after the stop on", n, i)
			}
		}
		for _, d := range targets {
			starts := w.startsOf(d.Probe)
			first, _ := slices.BinarySearch(starts, resumed)
			if n := len(starts) - first; n < 1 || n > 2 {
				t.Fatalf("%s was probed %d times in an interval", d.Probe.Target(), n)
			}
		}
		l.Release()
		r.Wait()
	})
}

// windows counts the attempts in each 100 ms from a time on.
func (w *world) windows(definitions []Definition, from, length time.Duration) []int {
	counts := make([]int, length/(100*time.Millisecond))
	for _, d := range definitions {
		for _, at := range w.startsOf(d.Probe) {
			if i := int((at - from) / (100 * time.Millisecond)); at >= from && i < len(counts) {
				counts[i]++
			}
		}
	}
	return counts
}

// TestH18_WallClockAloneMovesNothing sets it to and fro while targets fail: the failures may be counted anew, and that is all.
func TestH18_WallClockAloneMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		clocks := newClocks(r)
		targets := hosts(2)
		l := acquire(t, r, targets...)
		time.Sleep(time.Minute)
		for _, set := range []time.Duration{-24 * time.Hour, 48 * time.Hour, -24 * time.Hour, 2 * time.Second} {
			clocks.suspend(set)
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if got := w.falls(); got != 0 {
				t.Fatalf("Set by %s: %d have fallen", set, got)
			}
		}
		n.set(func(n *network) { n.down["10.0.0.1"] = true })
		clocks.suspend(-24 * time.Hour) // back is not a stop, and counts go on
		down := time.Now()
		await(t, l, Unhealthy)
		if took := time.Since(down); took > timing.Interval*102/100+2*timing.Fast {
			t.Errorf("It took %s to fall", took)
		}
		if got := w.eventsOf(); !slices.Equal(got, []EventKind{EventResumed}) {
			t.Errorf("Got %v, want that of the one time that it was set forward", got)
		}
		l.Release()
		r.Wait()
	})
}

// TestH18_StopWhileIsolated goes on being isolated: there is nothing new yet that says otherwise.
func TestH18_StopWhileIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		clocks := newClocks(r)
		l := acquire(t, r, hosts(10)...)
		canary := acquireWith(t, r, []Definition{check("192.0.2.1")}, 0)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(5 * time.Minute)
		clocks.stop(time.Hour)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if s := r.Stats(); !s.Isolated || s.Held != 10 {
			t.Errorf("Got %+v", s)
		}
		n.set(func(n *network) { n.cut = false })
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.Stats(); s.Isolated || s.Held != 0 {
			t.Errorf("Got %+v", s)
		}
		if got := w.eventsOf(); !slices.Equal(got, []EventKind{EventIsolated, EventResumed, EventConnected}) {
			t.Errorf("Got %v", got)
		}
		for _, d := range hosts(10) {
			if got := w.transitionsOf(d); len(got) != 1 {
				t.Errorf("Got %+v", got)
			}
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}

// TestH16_FailuresWhileWeAreLateDoNotCount is what excuses a failure: times by the clock of the checks.
func TestH16_FailuresWhileWeAreLateDoNotCount(t *testing.T) {
	const (
		s  = time.Second
		ms = time.Millisecond
	)
	for _, c := range []struct {
		name        string
		wake, late  time.Duration // of the scheduler, and by how much
		planned     time.Duration // when it was to wake next
		outcome     probe.Outcome
		reason      probe.Reason
		timeout     time.Duration
		started     time.Duration
		now         time.Duration
		wantExcused bool
	}{
		{"on time", 0, 0, 15 * s, probe.Fail, probe.ReasonTimeout, 4 * s, 10 * s, 14 * s, false},
		{"an eighth of the timeout late", 12 * s, 500 * ms, 15 * s, probe.Fail, probe.ReasonTimeout, 4 * s, 10 * s, 14 * s, true},
		{"less than that", 12 * s, 499 * ms, 15 * s, probe.Fail, probe.ReasonTimeout, 4 * s, 10 * s, 14 * s, false},
		{"a short timeout", 12 * s, 99 * ms, 15 * s, probe.Fail, probe.ReasonTimeout, 100 * ms, 12 * s, 12100 * ms, false},
		{"a short timeout, 100 ms", 12 * s, 100 * ms, 15 * s, probe.Fail, probe.ReasonTimeout, 100 * ms, 12 * s, 12100 * ms, true},
		{"late before it began", 8 * s, 900 * ms, 15 * s, probe.Fail, probe.ReasonTimeout, 4 * s, 10 * s, 14 * s, false},
		{"late for another reason", 12 * s, 900 * ms, 15 * s, probe.Fail, probe.ReasonRefused, 4 * s, 10 * s, 14 * s, false},
		{"late, and passes all the same", 12 * s, 900 * ms, 15 * s, probe.Pass, probe.ReasonOK, 4 * s, 10 * s, 14 * s, false},
		{"not awake yet", 0, 0, 13500 * ms, probe.Fail, probe.ReasonTimeout, 4 * s, 10 * s, 14 * s, true},
		{"about to wake", 0, 0, 13900 * ms, probe.Fail, probe.ReasonTimeout, 4 * s, 10 * s, 14 * s, false},
	} {
		r := newWorld(t, pass).registry(Options{})
		wall := time.Now()
		r.wall = func() time.Time { return wall.Add(c.now) }
		r.schedule = newScheduler(wall)
		r.schedule.planned = c.planned
		r.wakes.add(c.wake, c.wake+c.late)
		d := check("192.0.2.1")
		d.Timing.Timeout = c.timeout
		m := newTestMonitor(d, remote)
		m.started = c.started
		r.schedule.looked, r.schedule.wall = c.started, wall.Add(c.started)
		result := probe.Result{Outcome: c.outcome, Reason: c.reason}
		got := r.excuse(m, result, c.now)
		if excused := got != result; excused != c.wantExcused || excused && (got.Outcome != probe.Indeterminate || got.Reason != probe.ReasonOverrun) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
}

// TestH18_ALongLoadIsNoStop has a configuration of millions of checks, which takes long to be started: ten seconds by the
// wall clock.
func TestH18_ALongLoadIsNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		l := acquire(t, r, check("192.0.2.1"))
		time.Sleep(time.Second)
		looks := 0
		r.mu.Lock()
		r.wall = func() time.Time {
			if looks++; looks == 1 {
				return time.Now() // before it begins
			}
			return time.Now().Add(10 * time.Second)
		}
		r.mu.Unlock()
		more := acquire(t, r, check("192.0.2.2"))
		time.Sleep(time.Minute)
		w.mu.Lock()
		if len(w.events) != 0 {
			t.Errorf("Expected no events, got %+v", w.events)
		}
		w.mu.Unlock()
		more.Release()
		l.Release()
		r.Wait()
	})
}
