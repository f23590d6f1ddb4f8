package health

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// TestH04_FirstProbesArePacedAndThenFlat has ten thousand new checks, at the start of a process and later.
func TestH04_FirstProbesArePacedAndThenFlat(t *testing.T) {
	for _, before := range []time.Duration{0, 3 * time.Second, 17 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			const checks, mean = 10_000, 10_000 / 100
			w := newWorld(t, pass)
			r := w.registry(Options{Workers: 4096})
			earlier := acquire(t, r, check("192.0.2.1"))
			time.Sleep(before)
			targets := hosts(checks)
			l := acquire(t, r, targets...)
			begin := time.Since(w.begin)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			for _, d := range targets {
				if first := w.startsOf(d.Probe)[0] - begin; first > timing.Interval+batch {
					t.Fatalf("After %s: %s was first probed after %s", before, d.Probe.Target(), first)
				}
			}
			windows := w.windows(targets, begin, 30*time.Second)
			first := 0
			for _, n := range windows[:10] {
				first += n
			}
			if first > 1200 {
				t.Errorf("After %s: %d attempts in the first second", before, first)
			}
			for i, n := range windows {
				if n > 2*mean {
					t.Errorf("After %s: %d attempts in the 100 ms from %d00 ms on, %d is the mean", before, n, i, mean)
				}
			}
			if s := r.Stats(); s.Lateness > batch || s.Checks != checks+1 || s.Waiting != 0 {
				t.Errorf("Got %+v", s)
			}
			l.Release()
			earlier.Release()
			r.Wait()
		})
	}
}

// TestH04_AFewNewChecksStartAtOnce holds for a hundred, though not for the leases of a hundred server blocks together.
func TestH04_AFewNewChecksStartAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{Workers: 4096})
		all := hosts(10_000)
		l := acquire(t, r, all[:100]...)
		synctest.Wait()
		for _, d := range all[:100] {
			if got := w.startsOf(d.Probe); len(got) != 1 || got[0] != 0 {
				t.Fatalf("%s was probed at %v", d.Probe.Target(), got)
			}
		}
		leases := []*Lease{l}
		for block := range slices.Chunk(all[100:], 100) {
			leases = append(leases, acquire(t, r, block...))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		total, most := 0, 0
		for _, n := range w.windows(all, 0, time.Second) {
			total, most = total+n, max(most, n)
		}
		if total > 6000 || most > 1500 {
			t.Errorf("%d attempts in the first second, %d in 100 ms of it", total, most)
		}
		if r.fresh > 10_000-total+100 || r.fresh < 10_000-total-100 {
			t.Errorf("%d have no result, of %d attempts", r.fresh, total)
		}
		releaseAll(leases)
		r.Wait()
		if r.fresh != 0 || r.running != 0 {
			t.Errorf("%d new checks and %d in all are left", r.fresh, r.running)
		}
	})
}

// TestF02_SilentTargetsDelayNobody allows no more than what the scheduler rests between its rounds: it has two thousand black holes beside a hundred targets that answer.
func TestF02_SilentTargetsDelayNobody(t *testing.T) {
	for _, workers := range []int{4096, 256} {
		synctest.Test(t, func(t *testing.T) {
			healthy := hosts(2100)[2000:]
			answers := map[string]bool{}
			for _, d := range healthy {
				answers[d.Probe.Host()] = true
			}
			w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
				if answers[p.Host] {
					return pass(ctx, p, n)
				}
				return hang(ctx, p, n)
			})
			r := w.registry(Options{Workers: workers})
			var leases []*Lease
			if workers < 2000 {
				// That they are slow must be known: it takes each an attempt to be found out.
				leases = append(leases, acquire(t, r, hosts(2000)...))
				time.Sleep(90 * time.Second)
				leases = append(leases, acquire(t, r, healthy...))
			} else {
				leases = append(leases, acquire(t, r, hosts(2100)...))
			}
			from := time.Since(w.begin)
			time.Sleep(time.Minute)
			synctest.Wait()
			for _, d := range healthy {
				starts := w.startsOf(d.Probe)
				if len(starts) < 6 {
					t.Fatalf("%s was probed only %d times", d.Probe.Target(), len(starts))
				}
				for i := 1; i < len(starts); i++ {
					if gap := starts[i] - starts[i-1]; gap > timing.Interval*102/100+batch {
						t.Errorf("%d workers: %s was probed %s after the time before", workers, d.Probe.Target(), gap)
					}
				}
				if starts[0]-from > 2100*time.Millisecond+batch {
					t.Errorf("%d workers: %s was first probed after %s", workers, d.Probe.Target(), starts[0]-from)
				}
			}
			if s := r.Stats(); workers >= 4096 && s.Lateness > batch {
				t.Errorf("The worst lateness is %s", s.Lateness)
			}
			if w.peak > workers {
				t.Errorf("%d attempts at a time", w.peak)
			}
			releaseAll(leases)
			r.Wait()
		})
	}
}

// TestF17_StuckAttemptsAreBounded has a thousand probers that never return, some of them without end in sight.
func TestF17_StuckAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if p.Host != "192.0.2.1" {
				<-end
			}
			return pass(ctx, p, n)
		})
		r := w.registry(Options{Workers: 64})
		good := check("192.0.2.1")
		targets := hosts(1000)
		leases := []*Lease{acquire(t, r, good), acquire(t, r, targets...)}
		before := runtime.NumGoroutine()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 1010 {
			t.Errorf("%d goroutines more for 1,000 stuck checks", n)
		}
		for _, d := range targets {
			if attempts, results := len(w.startsOf(d.Probe)), w.resultsOf(d); attempts != 1 || len(results) != 1 || results[0].Outcome != probe.Indeterminate {
				t.Fatalf("%d attempts with %+v", attempts, results)
			}
		}
		if s := r.Stats(); s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("Got %+v", s)
		}
		starts := w.startsOf(good.Probe)
		if last := starts[len(starts)-1]; last < 10*time.Minute-timing.Interval*102/100-batch {
			t.Errorf("The last attempt on another target was at %s", last)
		}
		close(end)
		time.Sleep(time.Minute)
		synctest.Wait()
		for i := range targets {
			if s := leases[1].Status(i); s.State != Healthy {
				t.Fatalf("Got %+v", s)
			}
		}
		releaseAll(leases)
		r.Wait()
	})
}

// TestH04_NoMoreAreLaunchedThanBegin has a machine so busy that no attempt gets a processor. What is due then waits in
// the order of its time, and not in that of Go's scheduler.
func TestH04_NoMoreAreLaunchedThanBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		l := acquire(t, r, hosts(200)...)
		defer r.Wait()
		defer l.Release()
		r.schedule.crowd.Add(crowd)
		synctest.Wait()
		begun := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.starts)
		}
		before := begun()
		time.Sleep(time.Second)
		if got := begun(); got != before {
			t.Errorf("Expected nothing to be launched into a crowd, but %d attempts were", got-before)
		}
		for range crowd {
			r.schedule.begun()
		}
		synctest.Wait()
		if got := begun(); got != 200 {
			t.Errorf("Expected all to be launched when the crowd was gone, got %d", got)
		}
	})
}
