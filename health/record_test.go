package health

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// recordsOf are what the leases' checks would begin with after a restart.
func recordsOf(l *Lease, definitions ...Definition) map[Definition]Record {
	records := make(map[Definition]Record)
	for i, d := range definitions {
		if record, ok := l.Record(i); ok {
			records[d] = record
		}
	}
	return records
}

func TestO02_RecordsAreBelievedForTenIntervals(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	good := Record{State: Unhealthy, Since: now.Add(-time.Hour), Moved: now.Add(-time.Hour), Probed: now.Add(-time.Minute)}
	for name, c := range map[string]struct {
		change func(*Record)
		want   bool
	}{
		"fresh":             {func(*Record) {}, true},
		"of now":            {func(r *Record) { r.Since, r.Moved, r.Probed = now, now, now }, true},
		"never moved":       {func(r *Record) { r.Moved = time.Time{} }, true},
		"ten intervals":     {func(r *Record) { r.Probed = now.Add(-100 * time.Second) }, true},
		"older":             {func(r *Record) { r.Probed = now.Add(-100*time.Second - 1) }, false},
		"probed in future":  {func(r *Record) { r.Probed = now.Add(1) }, false},
		"since the future":  {func(r *Record) { r.Since = now.Add(1) }, false},
		"moved in future":   {func(r *Record) { r.Moved = now.Add(1) }, false},
		"probed at no time": {func(r *Record) { r.Probed = time.Time{} }, false},
	} {
		r := good
		c.change(&r)
		if got := r.Trusted(Timing{Interval: 10 * time.Second}, now); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestO02_RestoredChecksGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
			if p.Host == "192.0.2.1" {
				return fail(ctx, p, n)
			}
			return pass(ctx, p, n)
		})
		down, up, slow := check("192.0.2.1"), check("192.0.2.2"), check("192.0.2.3")
		down.Timing.Hold, down.Timing.HoldMax = time.Minute, time.Hour
		definitions := []Definition{down, up, slow}
		r := w.registry(Options{})
		l := acquire(t, r, definitions...)
		if _, ok := l.Record(0); ok {
			t.Error("There is a record of what nothing is known of")
		}
		time.Sleep(45 * time.Second)
		synctest.Wait()
		records := recordsOf(l, definitions...)
		was := [...]Status{l.Status(0), l.Status(1)}
		l.Release()
		r.Wait()
		if was[0].State != Unhealthy || was[1].State != Healthy || len(records) != 3 {
			t.Fatalf("Got %+v and %v", was, records)
		}

		time.Sleep(5 * time.Second) // the restart
		delete(records, slow)
		again := newWorld(t, pass)
		r = again.registry(Options{})
		r.Restore(records)
		l = acquire(t, r, definitions...)
		r.Restore(nil)
		for i, want := range was {
			if got := l.Status(i); got.State != want.State || !got.Since.Equal(want.Since) || got.Reason != want.Reason {
				t.Errorf("Check %d: got %+v, want %+v", i, got, want)
			}
			d := definitions[i]
			result, probed := l.Last(i)
			if r := records[d]; result != r.Result || !probed.Equal(r.Probed) || time.Since(probed) < 5*time.Second {
				t.Errorf("Check %d: last %+v at %s, want %+v", i, result, probed, r)
			}
			if r, _ := l.Record(i); r != records[d] {
				t.Errorf("Check %d: the record of a record is %+v, want %+v", i, r, records[d])
			}
		}
		if l.Known() {
			t.Error("The check without a record is known")
		}
		synctest.Wait()
		if n := len(again.startsOf(slow.Probe)); n != 1 {
			t.Errorf("%d attempts at what nothing is known of, want one at once", n)
		}
		if n := len(again.startsOf(down.Probe)) + len(again.startsOf(up.Probe)); n != 0 {
			t.Errorf("%d attempts at once, though states are known", n)
		}
		if got := again.transitionsOf(down); len(got) != 0 {
			t.Errorf("Transitions %v before the first attempt", got)
		}
		// Both passes that it takes to rise are there after the interval and a half, but hold is not over.
		fall := was[0].Since
		time.Sleep(time.Until(fall.Add(down.Timing.Hold)) - time.Second)
		if got := l.Status(0); got.State != Unhealthy || !got.Since.Equal(was[0].Since) {
			t.Errorf("Got %+v while hold lasts", got)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := l.Status(0); got.State != Healthy {
			t.Errorf("Got %+v after two passes and the end of hold", got)
		}
		if r, _ := l.Record(0); r.Result.Outcome != probe.Pass || time.Since(r.Probed) > 15*time.Second {
			t.Errorf("Got %+v", r)
		}
		l.Release()
		r.Wait()
		if len(r.restored) != 0 {
			t.Errorf("%d records are left", len(r.restored))
		}
	})
}

func TestO02_OtherTimingOrOldRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		d, other, old := check("192.0.2.1"), check("192.0.2.1"), check("192.0.2.2")
		other.Timing.Rise++
		now := time.Now()
		record := Record{State: Unhealthy, Since: now.Add(-time.Hour), Probed: now.Add(-time.Minute),
			Result: probe.Result{Outcome: probe.Fail, Reason: probe.ReasonRefused}}
		stale := record
		stale.Probed = now.Add(-time.Hour)
		r.Restore(map[Definition]Record{d: record, old: stale})
		l := acquire(t, r, d, old)
		if got := l.Status(0); got.State != Unhealthy {
			t.Errorf("Got %+v", got)
		}
		if got := l.Status(1); got != (Status{}) {
			t.Errorf("An old record gives %+v", got)
		}
		// A reload that changes thresholds before the first attempt takes the record along.
		next := acquire(t, r, other)
		l.Release()
		if got, ok := next.Record(0); !ok || got != record {
			t.Errorf("Got %+v, want %+v", got, record)
		}
		next.Release()
		r.Wait()
	})
}

func TestO02_RestoredChecksAreNoHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5000
		w := newWorld(t, pass)
		r := w.registry(Options{})
		definitions := hosts(n)
		records := make(map[Definition]Record)
		for i := range definitions {
			records[definitions[i]] = Record{State: Healthy, Since: time.Now(), Probed: time.Now()}
		}
		r.Restore(records)
		l := acquire(t, r, definitions...)
		if !l.Known() {
			t.Error("Not all are known")
		}
		fresh := check("198.51.100.1")
		one := acquire(t, r, fresh)
		synctest.Wait()
		if got := len(w.startsOf(fresh.Probe)); got != 1 {
			t.Errorf("%d attempts at a new check, want one: it is the only one", got)
		}
		time.Sleep(2 * definitions[0].Timing.Interval)
		synctest.Wait()
		perSecond := make(map[time.Duration]int)
		for _, d := range definitions {
			starts := w.startsOf(d.Probe)
			if len(starts) == 0 {
				t.Fatalf("%s was never probed", d.Probe.Target())
			}
			perSecond[starts[0]/time.Second]++
		}
		mean := n / int(definitions[0].Timing.Interval/time.Second)
		for second, got := range perSecond {
			if got > 2*mean {
				t.Errorf("%d first attempts in second %d, the mean is %d", got, second, mean)
			}
		}
		l.Release()
		one.Release()
		r.Wait()
	})
}
