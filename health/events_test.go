package health

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestEventsAreBoundedAndNumbered goes around the ring several times.
func TestEventsAreBoundedAndNumbered(t *testing.T) {
	var e events
	if got := e.after(0); len(got) != 0 {
		t.Errorf("At first: %v", got)
	}
	for n := range uint64(5 * eventsKept / 2) {
		seq := n + 1
		if got := e.add(Event{Lasted: time.Duration(seq)}); got.Seq != seq {
			t.Fatalf("Event %d got the number %d", seq, got.Seq)
		}
		if n%97 != 0 && (n < eventsKept-2 || n > eventsKept+2) {
			continue
		}
		for _, after := range []uint64{0, seq / 2, seq - 1, seq, seq + 1} {
			got := e.after(after)
			first := max(after, seq-min(seq, eventsKept)) + 1
			if want := int(seq) - int(first) + 1; len(got) != max(0, want) {
				t.Fatalf("After %d of %d: %d events, want %d", after, seq, len(got), want)
			}
			for i, event := range got {
				if event.Seq != first+uint64(i) || event.Lasted != time.Duration(event.Seq) {
					t.Fatalf("After %d of %d: event %d is %+v", after, seq, i, event)
				}
			}
		}
	}
	if len(e.ring) != eventsKept {
		t.Errorf("%d events are kept, want %d", len(e.ring), eventsKept)
	}
}

func TestEventsTellTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, fail)
		r := w.registry(Options{})
		d := check("192.0.2.1")
		l := acquire(t, r, d)
		await(t, l, Unhealthy)
		synctest.Wait()
		got := r.Events(0)
		if len(got) != 1 || got[0].Kind != EventTransition || got[0].Definition != d || got[0].Transition != w.transitionsOf(d)[0] ||
			!got[0].At.Equal(l.Status(0).Since) {
			t.Errorf("Got %+v", got)
		}
		if got := r.Events(1); len(got) != 0 {
			t.Errorf("After the last one: %+v", got)
		}
		l.Release()
		r.Wait()
		if len(r.Events(0)) != 1 {
			t.Error("The end of all checks is no reason to forget")
		}
	})
}
