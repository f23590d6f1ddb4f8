package health

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// watched is a prober that can be told that something has changed.
type watched struct {
	*fakeProber
	err error

	mu      sync.Mutex
	changed func()
	stops   int
}

func (w *watched) Watch(changed func()) (func(), error) {
	if w.err != nil {
		return nil, w.err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed = changed
	return func() {
		changed() // as a Watcher may
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stops++
	}, nil
}

// watching makes a Registry whose probers all are watched, and gives them in the order in which they were made.
func (w *world) watching(err error) (*Registry, *[]*watched) {
	r := w.registry(Options{})
	var made []*watched
	r.newProber = func(p probe.Spec) (probe.Prober, error) {
		made = append(made, &watched{fakeProber: &fakeProber{w, p}, err: err})
		return made[len(made)-1], nil
	}
	return r, &made
}

func TestWatch_ChangeIsProbedAtOnce(t *testing.T) {
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if n == 3 {
				time.Sleep(2 * s)
			}
			return pass(ctx, p, n)
		})
		r, made := w.watching(nil)
		d := check("192.0.2.1")
		d.Timing.Interval, d.Timing.Fast = time.Hour, time.Hour
		l := acquire(t, r, d, d)
		p, probers := (*made)[0], len(*made)
		for _, at := range []time.Duration{1 * s, 5 * s, 6 * s, 7 * s, 20 * s} { // that at 7 s is during an attempt
			time.Sleep(at - time.Since(w.begin))
			p.changed()
			if at == 7*s {
				p.changed()
				p.changed()
			}
		}
		time.Sleep(s)
		synctest.Wait()
		want := []time.Duration{0, 1 * s, 5 * s, 6 * s, 8 * s, 20 * s}
		if got := w.startsOf(d.Probe); !slices.Equal(got, want) {
			t.Errorf("Attempts at %v, want %v", got, want)
		}
		joined := acquire(t, r, d)
		l.Release()
		if p.stops != 0 || len(*made) != probers {
			t.Errorf("Stopped %d times while in use, %d probers more", p.stops, len(*made)-probers)
		}
		joined.Release()
		joined.Release()
		if p.stops != 1 {
			t.Errorf("Stopped %d times, want once", p.stops)
		}
		p.changed() // comes late
		r.Wait()
		if got := w.startsOf(d.Probe); len(got) != len(want) {
			t.Errorf("Attempts at %v", got)
		}
	})
}

// TestWatch_ErrorMeansPolling holds for one that cannot watch now.
func TestWatch_ErrorMeansPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r, made := w.watching(errors.New("too many watches"))
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		time.Sleep(time.Minute)
		if n := len(w.startsOf(d.Probe)); n < 6 || (*made)[0].changed != nil {
			t.Errorf("%d attempts", n)
		}
		if got := w.events; len(got) != 1 || got[0].Kind != EventUnwatched || got[0].Definition != d || got[0].Cause != "too many watches" {
			t.Errorf("Told %+v", got)
		}
		l.Release()
		r.Wait()
		if (*made)[0].stops != 0 {
			t.Error("There was nothing to stop")
		}
	})
}

// TestWatch_ChangeWhileWaitingForItsTurn is seen by the attempt that is to come.
func TestWatch_ChangeWhileWaitingForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			time.Sleep(time.Second)
			return pass(ctx, p, n)
		})
		r, made := w.watching(nil)
		r.gates = newGates(1, 1)
		first, second := check("192.0.2.1"), check("192.0.2.2")
		first.Timing.Interval, second.Timing.Interval = time.Hour, time.Hour
		l := acquire(t, r, first, second)
		time.Sleep(time.Second / 2)
		(*made)[1].changed()
		time.Sleep(time.Minute)
		if got := w.startsOf(second.Probe); !slices.Equal(got, []time.Duration{time.Second}) {
			t.Errorf("Attempts at %v", got)
		}
		l.Release()
		r.Wait()
	})
}

// TestWatch_ChangedTimingIsWatchedAnew has two running checks for a moment, each with its own watch.
func TestWatch_ChangedTimingIsWatchedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r, made := w.watching(nil)
		d := check("192.0.2.1")
		old := acquire(t, r, d)
		synctest.Wait()
		d.Timing.Rise = 5
		l := acquire(t, r, d)
		old.Release()
		before := len(w.startsOf(d.Probe))
		(*made)[0].changed()
		synctest.Wait()
		if n := len(w.startsOf(d.Probe)); n != before || (*made)[0].stops != 1 {
			t.Errorf("The old one was probed again, or not stopped: %d", (*made)[0].stops)
		}
		(*made)[1].changed()
		synctest.Wait()
		if n := len(w.startsOf(d.Probe)); n != before+1 {
			t.Errorf("%d attempts, want %d", n, before+1)
		}
		l.Release()
		r.Wait()
	})
}
