package probe

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestC03_Heartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Spec{Scheme: Heartbeat, Name: "job", Every: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var told, otherTold atomic.Int32
		stop, err := p.(Watcher).Watch(func() { told.Add(1) })
		if err != nil {
			t.Fatal(err)
		}
		want := func(what string, outcome Outcome, times int32) {
			t.Helper()
			synctest.Wait()
			if r := p.Probe(t.Context()); r.Outcome != outcome || told.Load() != times {
				t.Errorf("%s: %v (%s), told %d times, want %v, %d times", what, r.Outcome, r.Detail, told.Load(), outcome, times)
			}
		}
		want("at the start", Indeterminate, 0)
		time.Sleep(9 * time.Second)
		want("before its time is over", Indeterminate, 0)
		time.Sleep(time.Second)
		want("when it is over", Fail, 1)
		Beat("another")
		want("after a post for another", Fail, 1)
		Beat("job")
		want("after a post", Pass, 2)
		time.Sleep(7 * time.Second)
		Beat("job")
		want("after a post in time", Pass, 2)
		time.Sleep(7 * time.Second)
		want("as that counts", Pass, 2)
		time.Sleep(3 * time.Second)
		want("when that is over", Fail, 3)

		// A reload makes another one before it ends this one; what was posted counts for both.
		Beat("job")
		other, err := New(Spec{Scheme: Heartbeat, Name: "job", Every: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		otherStop, err := other.(Watcher).Watch(func() { otherTold.Add(1) })
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if r := other.Probe(t.Context()); r.Outcome != Pass {
			t.Errorf("After a reload: %v", r)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if told.Load() != 4 || otherTold.Load() != 1 {
			t.Errorf("The old one was told %d times, want 4, and the new one %d times, want once", told.Load(), otherTold.Load())
		}
		otherStop()
		if len(hearts.byName) != 0 {
			t.Errorf("What is posted for nobody is kept: %v", hearts.byName)
		}
		Beat("job")
	})
}

func TestHeartbeatSpec(t *testing.T) {
	for _, s := range []Spec{
		{Scheme: Heartbeat, Every: time.Minute}, {Scheme: Heartbeat, Name: "job"},
		{Scheme: Heartbeat, Name: "job", Every: time.Minute, Host: "192.0.2.1"},
	} {
		if s.Validate() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	if got := (Spec{Scheme: Heartbeat, Name: "job", Every: 90 * time.Second}).Target(); got != "heartbeat 1m30s" {
		t.Errorf("The target is %q", got)
	}
}
