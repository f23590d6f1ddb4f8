package health

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// set sets the wall clock forward, or back, as an administrator or a time server does. Forward nobody can tell it from a
// suspended machine.
func (c *clocks) set(d time.Duration) { c.suspend(d) }

// TestF14_WallClockIsSet sets the wall clock a day forward and back while targets are well, down and on their way there.
// Forward, everything is probed once more; no state moves, and what happens afterwards takes the time that it takes
// otherwise.
func TestF14_WallClockIsSet(t *testing.T) {
	const day = 24 * time.Hour
	for name, steps := range map[string][]time.Duration{
		"forward":              {day},
		"back":                 {-day},
		"forward and back":     {day, -day},
		"back and forward":     {-day, day},
		"back again and again": {-day, -day, -day, -day},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			w := newWorld(t, n.answer)
			r := w.registry(Options{})
			clock := newClocks(r)
			targets := hosts(20)
			well, down, falling := targets[0], targets[1], targets[2]
			down.Timing.Hold, down.Timing.HoldMax = time.Hour, time.Hour
			targets[1] = down
			n.set(func(n *network) { n.down[down.Probe.Host()] = true })
			l := acquire(t, r, targets...)
			time.Sleep(time.Minute)
			n.set(func(n *network) { clear(n.down) })

			for _, d := range steps {
				// One failure short of its fall when the clock is set, and well again.
				n.set(func(n *network) { n.down[falling.Probe.Host()] = true })
				for !l.Status(2).Streak {
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(timing.Fast)
				synctest.Wait()
				n.set(func(n *network) { clear(n.down) })
				clock.set(d)
				before := make([]int, len(targets))
				for i, target := range targets {
					before[i] = len(w.startsOf(target.Probe))
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				for i, target := range targets {
					// With one more at once, and another while a streak is open.
					got, want := len(w.startsOf(target.Probe))-before[i], int(time.Minute/timing.Interval)
					if got < want-1 || got > want+3 {
						t.Errorf("%s: %s was probed %d times in a minute", name, target.Probe.Target(), got)
					}
				}
			}
			for _, target := range targets {
				want := Healthy
				if target == down {
					want = Unhealthy
				}
				if got := w.transitionsOf(target); len(got) != 1 || got[0].To != want {
					t.Errorf("%s: %s had %+v", name, target.Probe.Target(), got)
				}
			}

			// hold lasts as long as it was to, and a fall takes as long as ever.
			fell := w.transitionsOf(down)[0].At
			n.set(func(n *network) { n.down[well.Probe.Host()] = true })
			gone := time.Since(w.begin)
			await(t, l, Unhealthy)
			starts := w.startsOf(well.Probe)
			first, _ := slices.BinarySearch(starts, gone)
			if got := l.Status(0).Since.Sub(w.begin); got != starts[first]+2*timing.Fast {
				t.Errorf("%s: gone at %s, probed at %v, unhealthy at %s", name, gone, starts[first:], got)
			}
			time.Sleep(time.Hour + timing.Interval)
			synctest.Wait()
			got := w.transitionsOf(down)
			if len(got) != 2 || got[1].To != Healthy || got[1].At.Sub(fell) < time.Hour || got[1].At.Sub(fell) > time.Hour+2*timing.Interval {
				t.Errorf("%s: held from %s on, then %+v", name, fell, got)
			}
			l.Release()
			r.Wait()
		})
	}
}
