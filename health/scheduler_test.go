package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// TestH04_DetectionTakesIntervalAndFast is the arithmetic that operators count on.
func TestH04_DetectionTakesIntervalAndFast(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			var down bool
			var mu sync.Mutex
			set := func(to bool) { mu.Lock(); down = to; mu.Unlock() }
			w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
				mu.Lock()
				defer mu.Unlock()
				if down {
					return fail(ctx, p, n)
				}
				return pass(ctx, p, n)
			})
			r := w.registry(Options{})
			d := check("192.0.2.1")
			l := acquire(t, r, d)
			time.Sleep(time.Minute + time.Duration(random.IntN(10_000))*time.Millisecond)
			set(true)
			fell := time.Now()
			await(t, l, Unhealthy)
			if took, most := time.Since(fell), timing.Interval*102/100+2*timing.Fast; took > most {
				t.Errorf("It took %s to fall, want at most %s", took, most)
			}
			time.Sleep(time.Duration(random.IntN(30_000)) * time.Millisecond)
			set(false)
			rose := time.Now()
			await(t, l, Healthy)
			if took, most := time.Since(rose), timing.Interval*102/100+timing.Fast; took > most {
				t.Errorf("It took %s to rise, want at most %s", took, most)
			}
			if !l.Known() {
				t.Error("A check that was known is unknown")
			}
			l.Release()
			r.Wait()
		})
	}
}

// await waits for the first check of l, a minute at most.
func await(t *testing.T, l *Lease, s State) {
	t.Helper()
	limit := time.After(time.Minute)
	for l.Status(0).State != s {
		select {
		case <-l.Changes():
			l.Drain()
		case <-limit:
			t.Fatalf("Still %s after a minute", l.Status(0).State)
		}
	}
}

// TestH04_ScheduleNeitherBurstsNorSkips holds that there is one attempt at a time, that each starts later than the one
// before, and never later than an interval and its jitter.
func TestH04_ScheduleNeitherBurstsNorSkips(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			var mu sync.Mutex
			w := newWorld(t, nil)
			w.answer = func(ctx context.Context, p probe.Spec, _ int) probe.Result {
				w.mu.Lock()
				if w.inFlight[p.ID()] != 1 {
					t.Errorf("%d attempts in flight", w.inFlight[p.ID()])
				}
				w.mu.Unlock()
				mu.Lock()
				takes := time.Duration(random.IntN(6000)) * time.Millisecond
				outcome := probe.Outcome(random.IntN(3))
				mu.Unlock()
				select {
				case <-time.After(takes):
					return probe.Result{Outcome: outcome}
				case <-ctx.Done():
					return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout}
				}
			}
			r := w.registry(Options{})
			d := check("192.0.2.1")
			l := acquire(t, r, d)
			time.Sleep(time.Hour)
			l.Release()
			r.Wait()
			starts := w.startsOf(d.Probe)
			if len(starts) < 360 {
				t.Errorf("Only %d attempts in an hour", len(starts))
			}
			for i := 1; i < len(starts); i++ {
				if gap := starts[i] - starts[i-1]; gap <= 0 || gap > timing.Interval*102/100 {
					t.Errorf("Attempt %d came %s after the one before", i, gap)
				}
			}
		})
	}
}

func TestH04_SteadyCheckKeepsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		time.Sleep(time.Hour)
		l.Release()
		r.Wait()
		starts := w.startsOf(d.Probe)[2:] // the second may be half way to the slot
		if n := len(starts); n < 358 || n > 361 {
			t.Errorf("%d attempts in an hour", n)
		}
		first := starts[0] % timing.Interval
		for _, at := range starts {
			if off := (at - first + timing.Interval/2) % timing.Interval; off < timing.Interval/2-timing.Interval/50 || off > timing.Interval/2+timing.Interval/50 {
				t.Errorf("An attempt at %s is %s off the first slot", at, off-timing.Interval/2)
			}
		}
	})
}

func TestH04_NextAttempt(t *testing.T) {
	healthy, hurried := feed(Machine{}, timing, "p"), feed(Machine{}, timing, "pf")
	const s = time.Second
	for _, c := range []struct {
		name                string
		machine             Machine
		started, now, phase time.Duration
		from, to            time.Duration // the next start, within the jitter
	}{
		{"before the first slot", healthy, 0, 0, 7 * s, 7 * s, 7200 * time.Millisecond},
		{"before a slot that is too near", healthy, 0, 0, 3 * s, 6500 * time.Millisecond, 6600 * time.Millisecond},
		{"on its slot", healthy, 13 * s, 13 * s, 3 * s, 23 * s, 23200 * time.Millisecond},
		{"after its slot", healthy, 13 * s, 14 * s, 3 * s, 23 * s, 23200 * time.Millisecond},
		{"a slot missed within the attempt", healthy, 12 * s, 16 * s, 3 * s, 22 * s, 22 * s},
		{"an attempt longer than the interval", healthy, 13 * s, 35 * s, 3 * s, 43 * s, 43200 * time.Millisecond},
		{"hurried", hurried, 13 * s, 14 * s, 3 * s, 15 * s, 15 * s},
		{"hurried, long attempt", hurried, 13 * s, 17 * s, 3 * s, 17 * s, 17 * s},
	} {
		m := &monitor{timing: &timing, machine: c.machine, started: c.started, phase: c.phase}
		for range 100 {
			if next := m.next(c.now); next < c.from || next > c.to {
				t.Errorf("%s: %s, want %s to %s", c.name, next, c.from, c.to)
			}
		}
	}
}

func TestH16_BoundsOnAttemptsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		var mu sync.Mutex
		w := newWorld(t, nil)
		w.answer = func(ctx context.Context, p probe.Spec, n int) probe.Result {
			mu.Lock()
			order = append(order, p.Host+p.Path)
			mu.Unlock()
			time.Sleep(time.Second)
			return pass(ctx, p, n)
		}
		r := w.registry(Options{Workers: 3, PerTarget: 2})
		definitions := make([]Definition, 0, 6)
		for i := range 6 {
			d := check("192.0.2.1")
			spec := d.Probe.Spec()
			spec.Path = fmt.Sprintf("/%d", i+1)
			d.Probe = spec.ID()
			d.Timing.Interval = 1000 * time.Hour // no second attempts
			definitions = append(definitions, d)
		}
		last := check("192.0.2.2")
		last.Timing.Interval = 1000 * time.Hour
		l := acquire(t, r, append(definitions, last)...)
		time.Sleep(3500 * time.Millisecond)
		want := []string{"192.0.2.1/1", "192.0.2.1/2", "192.0.2.2", "192.0.2.1/3", "192.0.2.1/4", "192.0.2.1/5", "192.0.2.1/6"}
		mu.Lock()
		got := slices.Clone(order[:min(7, len(order))])
		mu.Unlock()
		// Within one second the order is that of goroutines.
		slices.Sort(got[:3])
		slices.Sort(got[3:5])
		slices.Sort(got[5:])
		if !slices.Equal(got, want) || w.peak > 3 {
			t.Errorf("Order %v with %d at a time, want %v", got, w.peak, want)
		}
		l.Release()
		r.Wait()
		if len(r.gates.targets) != 0 || r.gates.all.free != 3 || r.gates.named.free != 1 {
			t.Errorf("Places were lost: %+v", r.gates)
		}
	})
}

// TestH11_HangingNamesLeaveRoomForOthers has a resolver that hangs for more names than there are workers.
func TestH11_HangingNamesLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if p.Host == "192.0.2.1" {
				return pass(ctx, p, n)
			}
			return hang(ctx, p, n)
		})
		r := w.registry(Options{Workers: 8})
		definitions := make([]Definition, 0, 101)
		for i := range 100 {
			definitions = append(definitions, check(fmt.Sprintf("h%d.example.org", i)))
		}
		d := check("192.0.2.1")
		l := acquire(t, r, append(definitions, d)...)
		time.Sleep(10 * time.Minute)
		l.Release()
		r.Wait()
		starts := w.startsOf(d.Probe)
		if len(starts) < 59 || starts[0] > 101*time.Millisecond {
			t.Errorf("%d attempts, the first at %s", len(starts), starts[0])
		}
		for i := 1; i < len(starts); i++ {
			if gap := starts[i] - starts[i-1]; gap > timing.Interval*102/100 {
				t.Errorf("An attempt was held up: %s after the one before", gap)
			}
		}
	})
}
