package health

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

func TestH13_F16_PanicIsIndeterminateAndHurtsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if p.Host == "192.0.2.2" {
				return pass(ctx, p, n)
			}
			switch n {
			case 0:
				return pass(ctx, p, n)
			case 1:
				panic(errors.New("a secret"))
			default:
				outcomes := make([]probe.Outcome, n-2)
				return probe.Result{Outcome: outcomes[n]}
			}
		})
		r := w.registry(Options{Workers: 1})
		bad, good := check("192.0.2.1"), check("192.0.2.2")
		l := acquire(t, r, bad, good)
		time.Sleep(time.Minute)
		l.Release()
		r.Wait()
		if s := l.Status(0); s.State != Healthy || s.Streak || s.Reason != probe.ReasonOK {
			t.Errorf("Got %+v", s)
		}
		results := w.resultsOf(bad)
		for i, want := range []string{"*errors.errorString at worker_test.go:", "index out of range [2] with length 0 at worker_test.go:"} {
			got := results[i+1]
			if got.Outcome != probe.Indeterminate || got.Reason != probe.ReasonPanic || !strings.Contains(got.Detail, want) || strings.Contains(got.Detail, "secret") {
				t.Errorf("Got %+v, want %q", got, want)
			}
		}
		if n := len(w.resultsOf(good)); n < 6 {
			t.Errorf("Only %d results of the other check", n)
		}
	})
}

func TestH12_AttemptEndsAtItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hang)
		r := w.registry(Options{})
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		await(t, l, Unhealthy)
		if took, want := time.Since(w.begin), 3*timing.Timeout; took != want {
			t.Errorf("Unhealthy after %s, want %s", took, want)
		}
		synctest.Wait() // the Observer is told after the lease
		for _, result := range w.resultsOf(d) {
			if result.Outcome != probe.Fail || result.Reason != probe.ReasonTimeout || result.Duration != timing.Timeout {
				t.Errorf("Got %+v", result)
			}
		}
		l.Release()
		r.Wait()
	})
}

// TestH12_AttemptThatNeverEndsIsGivenUp has a prober that ignores its context for ever, and nothing but one worker.
func TestH12_AttemptThatNeverEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if p.Host == "192.0.2.1" && n == 1 {
				<-end
			}
			return pass(ctx, p, n)
		})
		r := w.registry(Options{Workers: 1})
		bad, good := check("192.0.2.1"), check("192.0.2.2")
		l := acquire(t, r, bad, good)
		time.Sleep(10 * time.Minute)
		if n := len(w.startsOf(bad.Probe)); n != 2 {
			t.Errorf("%d attempts, want no third while the second has not returned", n)
		}
		results := w.resultsOf(bad)
		if len(results) != 2 || results[1].Outcome != probe.Indeterminate || results[1].Reason != probe.ReasonOverrun || results[1].Duration != timing.Timeout+grace {
			t.Errorf("Got %+v", results)
		}
		if n := len(w.startsOf(good.Probe)); n < 59 {
			t.Errorf("The other check was probed only %d times", n)
		}
		close(end)
		time.Sleep(time.Minute)
		if n := len(w.startsOf(bad.Probe)); n < 7 {
			t.Errorf("%d attempts, want it to go on after the second has returned", n)
		}
		if counted, started := len(w.resultsOf(bad)), len(w.startsOf(bad.Probe)); counted != started {
			t.Errorf("%d results of %d attempts", counted, started)
		}
		if n := len(w.transitionsOf(bad)); n != 1 {
			t.Errorf("%d transitions, want 1", n)
		}
		l.Release()
		r.Wait()
	})
}

func TestH12_ReleaseDoesNotWaitForAStuckAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		w := newWorld(t, func(context.Context, probe.Spec, int) probe.Result {
			<-end
			return probe.Result{Outcome: probe.Fail}
		})
		r := w.registry(Options{Workers: 1})
		for range 3 {
			l := acquire(t, r, check("192.0.2.1"))
			synctest.Wait()
			l.Release()
		}
		if r.gates.all.free != 1 {
			t.Error("A released check keeps its place")
		}
		close(end)
		r.Wait()
		if n := len(w.results); n != 0 {
			t.Errorf("%d checks reported", n)
		}
	})
}

func TestH16_OwnLatenessIsIndeterminate(t *testing.T) {
	for _, c := range []struct {
		name   string
		waited time.Duration
		result probe.Result
		want   probe.Reason
	}{
		{"in time", 0, probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout, Duration: 4 * time.Second}, probe.ReasonTimeout},
		{"a little late", 0, probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout, Duration: 6 * time.Second}, probe.ReasonTimeout},
		{"late", 0, probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout, Duration: 6001 * time.Millisecond}, probe.ReasonOverrun},
		{"late with another reason", 0, probe.Result{Outcome: probe.Fail, Reason: probe.ReasonReset, Duration: 7 * time.Second}, probe.ReasonOverrun},
		{"late pass", 0, probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK, Duration: 7 * time.Second}, probe.ReasonOK},
		{"began late, timed out", 3 * time.Second, probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout, Duration: time.Second}, probe.ReasonOverrun},
		{"began late, refused", 3 * time.Second, probe.Result{Outcome: probe.Fail, Reason: probe.ReasonRefused, Duration: time.Second}, probe.ReasonRefused},
	} {
		got := timing.onTime(c.result, c.waited)
		if got.Reason != c.want || (got.Outcome == probe.Indeterminate) != (c.want == probe.ReasonOverrun) || got.Duration != c.result.Duration {
			t.Errorf("%s: got %+v, want %s", c.name, got, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(context.Context, probe.Spec, int) probe.Result {
			time.Sleep(1600 * time.Millisecond) // as if the machine had been stopped
			return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout}
		})
		r := w.registry(Options{})
		d := check("192.0.2.1")
		d.Timing.Timeout = time.Second
		l := acquire(t, r, d)
		time.Sleep(time.Minute)
		if s := l.Status(0); s.State != Unknown || s.Streak {
			t.Errorf("Got %+v", s)
		}
		l.Release()
		r.Wait()
		if got := w.resultsOf(d)[0]; got.Outcome != probe.Indeterminate || got.Reason != probe.ReasonOverrun {
			t.Errorf("Got %+v", got)
		}
	})
}

func TestH16_IndeterminateIsReportedAndMovesNoState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			switch {
			case n == 0:
				return pass(ctx, p, n)
			case n%3 == 0:
				return fail(ctx, p, n)
			default:
				return probe.Result{Reason: probe.ReasonFDLimit}
			}
		})
		r := w.registry(Options{})
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		await(t, l, Unhealthy)
		if n := len(w.startsOf(d.Probe)); n != 10 {
			t.Errorf("Unhealthy after %d attempts, want the third failure, which is the tenth", n)
		}
		synctest.Wait()
		if got := w.resultsOf(d)[1]; got.Outcome != probe.Indeterminate || got.Reason != probe.ReasonFDLimit {
			t.Errorf("Got %+v", got)
		}
		l.Release()
		r.Wait()
	})
}
