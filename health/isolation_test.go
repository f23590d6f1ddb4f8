package health

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// acquireWith is acquire with canaries.
func acquireWith(t *testing.T, r *Registry, definitions []Definition, canaries ...int) *Lease {
	t.Helper()
	l, err := r.Acquire(definitions, canaries...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// heldNow counts the statuses that say so.
func heldNow(l *Lease) int {
	n := 0
	for i := range l.monitors {
		if l.Status(i).Held {
			n++
		}
	}
	return n
}

// TestH14_NoCutTakesHealthyTargetsDown cuts this process off for a time, short or long: there is never a reason to
// believe what is seen. Without a canary that holds as long as falls are held at all.
func TestH14_NoCutTakesHealthyTargetsDown(t *testing.T) {
	const s = time.Second
	for _, canary := range []bool{true, false} {
		for _, silent := range []bool{true, false} {
			lengths := []time.Duration{2 * s, 4 * s, 5 * s, 6 * s, 8 * s, 9 * s, 10 * s, 11 * s, 12 * s, 14 * s, 20 * s, 50 * s}
			if canary {
				lengths = append(lengths, 70*s, 300*s)
			}
			for _, length := range lengths {
				synctest.Test(t, func(t *testing.T) {
					n := &network{hang: silent}
					w := newWorld(t, n.answer)
					r := w.registry(Options{})
					targets := acquire(t, r, hosts(20)...)
					leases := []*Lease{targets}
					if canary {
						leases = append(leases, acquireWith(t, r, []Definition{check("192.0.2.1")}, 0))
					}
					time.Sleep(time.Minute)
					n.set(func(n *network) { n.cut = true })
					time.Sleep(length)
					n.set(func(n *network) { n.cut = false })
					time.Sleep(time.Minute)
					synctest.Wait()
					for i := range targets.monitors {
						if got := w.transitionsOf(targets.monitors[i].definition()); len(got) != 1 {
							t.Errorf("Canary %t, silent %t, cut for %s: %+v", canary, silent, length, got)
						}
						if got := targets.Status(i); got.Streak || got.Held {
							t.Errorf("Canary %t, silent %t, cut for %s: a minute later %+v", canary, silent, length, got)
						}
					}
					if got := r.Stats(); got.Held != 0 || got.Isolated {
						t.Errorf("Canary %t, silent %t, cut for %s: a minute later %+v", canary, silent, length, got)
					}
					releaseAll(leases)
					r.Wait()
				})
			}
		}
	}
}

// TestH14_FrozenUntilTheCanaryPasses is a long cut after which the targets are down indeed.
func TestH14_FrozenUntilTheCanaryPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		targets := hosts(20)
		l := acquire(t, r, targets...)
		canary := acquireWith(t, r, []Definition{check("192.0.2.1")}, 0)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if s := r.Stats(); s.Held != 20 || !s.Isolated || heldNow(l) != 20 {
			t.Errorf("Got %+v, and %d say so", s, heldNow(l))
		}
		if s := l.Status(0); s.State != Healthy || !s.Streak || s.Reason != probe.ReasonRefused {
			t.Errorf("Got %+v", s)
		}
		if got := w.eventsOf(); !slices.Equal(got, []EventKind{EventIsolated}) {
			t.Errorf("Got %v", got)
		}
		n.set(func(n *network) {
			n.cut = false
			for _, d := range targets {
				n.down[d.Probe.Host()] = true
			}
		})
		mended := time.Now()
		await(t, canary, Healthy)
		if took := time.Since(mended); took > askAge+heldTick+timing.Fast { // it had fallen, and must rise
			t.Errorf("The canary was healthy %s after it passed again", took)
		}
		time.Sleep(heldTick)
		synctest.Wait()
		if s := r.Stats(); s.Held != 0 || s.Isolated || heldNow(l) != 0 {
			t.Errorf("Got %+v when the canary passed, and %d say so", s, heldNow(l))
		}
		var back time.Time
		for _, e := range r.Events(0) {
			if e.Kind == EventConnected {
				back = e.At
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, d := range targets {
			got := w.transitionsOf(d)
			if len(got) != 2 || got[1].To != Unhealthy {
				t.Fatalf("Got %+v", got)
			}
			// Counting begins anew: of three failures the first may come at once.
			if after := got[1].At.Sub(back); after < 2*timing.Fast || after > 3*timing.Fast {
				t.Errorf("Unhealthy %s after the canary passed", after)
			}
		}
		if got := w.eventsOf(); !slices.Equal(got, []EventKind{EventIsolated, EventConnected}) {
			t.Errorf("Got %v", got)
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}

// TestH14_CanaryThatPassesDelaysNothing has all targets fail at once, and a canary that takes a while to say that it is
// not us.
func TestH14_CanaryThatPassesDelaysNothing(t *testing.T) {
	const answers = 30 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if p.Host == "192.0.2.1" {
				time.Sleep(answers)
				return pass(ctx, p, i)
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		targets := hosts(50)
		quick := check("10.9.9.9") // which falls with the first failure, before anybody has been asked
		quick.Timing.Fall = 1
		targets = append(targets, quick)
		l := acquire(t, r, targets...)
		canary := acquireWith(t, r, []Definition{check("192.0.2.1")}, 0)
		time.Sleep(time.Minute)
		down := time.Since(w.begin)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, d := range targets {
			starts := w.startsOf(d.Probe)
			first, _ := slices.BinarySearch(starts, down)
			decided := starts[first+d.Timing.Fall-1]
			got := w.transitionsOf(d)
			if len(got) != 2 {
				t.Fatalf("%s: got %+v", d.Probe.Target(), got)
			}
			if late := got[1].At.Sub(w.begin) - decided; late < 0 || late > heldTick+answers {
				t.Errorf("%s: unhealthy %s after the failure that decided", d.Probe.Target(), late)
			}
		}
		if got := w.eventsOf(); len(got) != 0 {
			t.Errorf("Got %v", got)
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}

// TestH14_HeldWithoutCanary has every target fail for good with nothing to tell why.
func TestH14_HeldWithoutCanary(t *testing.T) {
	near := []Definition{check("10.0.0.1"), check("10.0.0.2"), check("10.0.0.3"), check("10.0.0.4"), check("10.0.0.5")}
	for _, c := range []struct {
		name    string
		targets []Definition
		held    time.Duration
	}{
		{"enough hosts and networks", append(near[:3:3], check("10.0.1.1")), time.Minute},
		{"three hosts", hosts(3), 0},
		{"one network", near, 0},
		{"many checks of three hosts", func() (all []Definition) {
			for port := range uint16(10) {
				for _, d := range hosts(3) {
					spec := d.Probe.Spec()
					spec.Port = 80 + port
					d.Probe = spec.ID()
					all = append(all, d)
				}
			}
			return all
		}(), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			w := newWorld(t, n.answer)
			r := w.registry(Options{})
			l := acquire(t, r, c.targets...)
			time.Sleep(time.Minute)
			down := time.Since(w.begin)
			n.set(func(n *network) { n.cut = true })
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			for _, d := range c.targets {
				starts := w.startsOf(d.Probe)
				first, _ := slices.BinarySearch(starts, down)
				got := w.transitionsOf(d)
				if len(got) != 2 {
					t.Fatalf("%s: %s: got %+v", c.name, d.Probe.Target(), got)
				}
				late := got[1].At.Sub(w.begin) - starts[first+2]
				// Those that are judged when others have fallen already are not held any more.
				if late < 0 || late > c.held+heldTick || c.held > 0 && late < c.held-timing.Interval {
					t.Errorf("%s: unhealthy %s after the third failure, want %s", c.name, late, c.held)
				}
			}
			if got := w.eventsOf(); (len(got) > 0) != (c.held > 0) {
				t.Errorf("%s: %v", c.name, got)
			}
			l.Release()
			r.Wait()
		})
	}
}

// TestH14_AnotherHostThatPassesReleases ends the hold without a canary: one more failure, at once, and they fall.
func TestH14_AnotherHostThatPassesReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		targets := hosts(8)
		other := check("192.0.2.1")
		l := acquire(t, r, append(targets, other)...)
		time.Sleep(time.Minute)
		n.set(func(n *network) {
			for _, d := range append(targets, other) {
				n.down[d.Probe.Host()] = true
			}
		})
		time.Sleep(20 * time.Second) // all fail, none can fall
		synctest.Wait()
		if s := r.Stats(); s.Held != 9 || !s.Isolated {
			t.Errorf("Got %+v", s)
		}
		// It passes while this is not held to be a cut any more.
		n.set(func(n *network) { n.down[other.Probe.Host()] = false })
		time.Sleep(timing.Fast + heldTick)
		synctest.Wait()
		if s := r.Stats(); s.Held != 0 || s.Isolated {
			t.Errorf("Got %+v", s)
		}
		time.Sleep(2*timing.Fast + heldTick)
		synctest.Wait()
		if got := w.falls(); got != 8 {
			t.Errorf("%d have fallen, want 8", got)
		}
		l.Release()
		r.Wait()
	})
}

// TestH14_SuspicionEndsWithTheNextFailure has most of the targets fail, and those that could tell better slow to be asked.
func TestH14_SuspicionEndsWithTheNextFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if p.Host == "192.0.2.1" && i > 0 {
				time.Sleep(3900 * time.Millisecond)
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		targets := hosts(8)
		witness := check("192.0.2.1")
		witness.Timing.Interval, witness.Timing.Fast = time.Hour, time.Hour
		l := acquire(t, r, append(targets, witness)...)
		time.Sleep(time.Minute)
		n.set(func(n *network) {
			for _, d := range targets {
				n.down[d.Probe.Host()] = true
			}
		})
		for r.Stats().Held == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		held := time.Now()
		for w.falls() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		// Four are asked at a time, and it may not be among the first of them.
		if took := time.Since(held); took > 2*askAge+3900*time.Millisecond+heldTick+20*time.Millisecond {
			t.Errorf("Held for %s", took)
		}
		if r.Stats().Isolated {
			t.Error("One has not failed")
		}
		time.Sleep(20 * time.Second)
		if got := w.falls(); got != 8 {
			t.Errorf("%d have fallen, want 8", got)
		}
		l.Release()
		r.Wait()
	})
}

// TestH14_ThisMachineIsNeverHeld has targets on this machine fail while the world is cut off.
func TestH14_ThisMachineIsNeverHeld(t *testing.T) {
	for _, canary := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			w := newWorld(t, n.answer)
			r := w.registry(Options{})
			here := []Definition{check("127.0.0.1"), check("::1"), check("localhost"), {Probe: probe.Spec{Scheme: probe.File, File: "/a"}.ID(), Timing: timing}}
			leases := []*Lease{acquire(t, r, hosts(10)...), acquire(t, r, here...)}
			if canary {
				leases = append(leases, acquireWith(t, r, []Definition{check("192.0.2.1")}, 0))
			}
			time.Sleep(time.Minute)
			n.set(func(n *network) { n.cut = true })
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if s := r.Stats(); !s.Isolated || s.Held != 10 {
				t.Errorf("Got %+v", s)
			}
			n.set(func(n *network) {
				n.down["127.0.0.1"], n.down["::1"], n.down["localhost"], n.down[""] = true, true, true, true
			})
			down := time.Now()
			time.Sleep(20 * time.Second)
			synctest.Wait()
			for _, d := range here {
				got := w.transitionsOf(d)
				if len(got) != 2 || got[1].At.Sub(down) > timing.Interval*102/100+2*timing.Fast {
					t.Errorf("%s: got %+v", d.Probe.Target(), got)
				}
			}
			releaseAll(leases)
			r.Wait()
		})
	}
}

// TestH14_SilenceIsBelievedInTheEnd has targets that are being probed nearly without a pause while they are held: none
// of them was ever found idle to be let fall.
func TestH14_SilenceIsBelievedInTheEnd(t *testing.T) {
	quick := Timing{Interval: time.Second, Timeout: 300 * time.Millisecond, Fast: 100 * time.Millisecond, Fall: 3, Rise: 1}
	for _, tm := range []Timing{timing, quick} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{hang: true}
			w := newWorld(t, n.answer)
			r := w.registry(Options{})
			targets := hosts(6)
			for i := range targets {
				targets[i].Timing = tm
			}
			l := acquire(t, r, targets...)
			time.Sleep(time.Minute)
			n.set(func(n *network) { n.cut = true })
			time.Sleep(patience(tm) + tm.Interval + time.Duration(tm.Fall+2)*max(tm.Fast, tm.Timeout) + tick)
			synctest.Wait()
			if got := w.falls(); got != len(targets) {
				t.Errorf("By %+v %d of %d have fallen", tm, got, len(targets))
			}
			l.Release()
			r.Wait()
		})
	}
}

// TestH14_OwnAddressesAreNoWitness has a target on this machine, by an address that others use too: it passes whatever is
// cut off.
func TestH14_OwnAddressesAreNoWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if p.Host == "192.0.2.7" {
				return pass(ctx, p, i)
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		r.ownAddrs = func() map[netip.Addr]bool { return map[netip.Addr]bool{netip.MustParseAddr("192.0.2.7"): true} }
		l := acquire(t, r, append(hosts(20), check("192.0.2.7"))...)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(25 * time.Second)
		n.set(func(n *network) { n.cut = false })
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.falls(); got != 0 {
			t.Errorf("%d have fallen", got)
		}
		l.Release()
		r.Wait()
	})
}

// TestH14_OwnAddressesPassForOthersWithoutAny is somebody's trial on one machine.
func TestH14_OwnAddressesPassForOthersWithoutAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		mine := map[netip.Addr]bool{}
		for _, d := range hosts(5) {
			mine[netip.MustParseAddr(d.Probe.Host())] = true
		}
		r.ownAddrs = func() map[netip.Addr]bool { return mine }
		l := acquire(t, r, hosts(5)...)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if s := r.Stats(); !s.Isolated || w.falls() != 0 {
			t.Errorf("Got %+v", s)
		}
		l.Release()
		r.Wait()
	})
}

// TestH14_ProgramsAreHeldWhileCanariesFail holds look-ups too, and does not hold files: what an operator writes has to do with no network.
func TestH14_ProgramsAreHeldWhileCanariesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		local := []Definition{
			{Probe: probe.Spec{Scheme: probe.Exec, Command: "/a\x00"}.ID(), Timing: timing},
			{Probe: probe.Spec{Scheme: probe.File, File: "/a"}.ID(), Timing: timing},
			{Probe: probe.Spec{Scheme: probe.Lookup, Name: "a.example.net.", Via: "b"}.ID(), Timing: timing},
		}
		canary := acquireWith(t, r, []Definition{check("192.0.2.1")}, 0)
		l := acquire(t, r, append(hosts(3), local...)...)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut, n.down[""] = true, true })
		time.Sleep(time.Minute)
		synctest.Wait()
		if program, file := l.Status(3), l.Status(4); program.State != Healthy || !program.Held || file.State != Unhealthy {
			t.Errorf("The program is %+v, the file %+v", program, file)
		}
		if name := l.Status(5); name.State != Healthy || !name.Held {
			t.Errorf("The look-up is %+v", name)
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}

// TestH14_ACanaryHereSpeaksForTargetsHere is what somebody sees who tries it on one machine.
func TestH14_ACanaryHereSpeaksForTargetsHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		canary := acquireWith(t, r, []Definition{check("127.0.0.1")}, 0)
		l := acquire(t, r, check("127.0.0.2"), check("127.0.0.3"))
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.down["127.0.0.1"], n.down["127.0.0.2"], n.down["127.0.0.3"] = true, true, true })
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.Stats(); !s.Isolated || s.Held != 2 {
			t.Errorf("Got %+v", s)
		}
		n.set(func(n *network) { delete(n.down, "127.0.0.1") })
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := l.Status(0).State; got != Unhealthy || r.Stats().Isolated {
			t.Errorf("The canary is back, and the target is %s", got)
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}

// TestH17_RisingIsNeverHeld has an unhealthy target pass while everything else is frozen.
func TestH17_RisingIsNeverHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up bool
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			n.mu.Lock()
			risen := up && p.Host == "10.0.0.1"
			n.mu.Unlock()
			if risen {
				return pass(ctx, p, i)
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		n.set(func(n *network) { n.down["10.0.0.1"] = true })
		l := acquire(t, r, hosts(20)...)
		canary := acquireWith(t, r, []Definition{check("192.0.2.1")}, 0)
		await(t, l, Unhealthy)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(time.Minute)
		if s := r.Stats(); !s.Isolated || s.Held != 19 {
			t.Errorf("Got %+v", s)
		}
		n.set(func(*network) { up = true })
		rose := time.Now()
		await(t, l, Healthy)
		if took := time.Since(rose); took > timing.Interval*102/100+timing.Fast {
			t.Errorf("It took %s to rise", took)
		}
		if s := r.Stats(); !s.Isolated || s.Held != 19 {
			t.Errorf("One of 20 released the others: %+v", s)
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}

// TestH14_ReloadWhileIsolated keeps what is frozen, however the canary and the timing are named anew.
func TestH14_ReloadWhileIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, n.answer)
		r := w.registry(Options{})
		targets := append(hosts(10), check("192.0.2.1"))
		l := acquireWith(t, r, targets, 10)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(2 * time.Minute)
		for i := range 5 {
			for j := range targets[:10] {
				targets[j].Timing.Rise = i%2 + 1
			}
			next := acquireWith(t, r, targets, 10)
			l.Release()
			l = next
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if s := r.Stats(); s.Held != 10 || !s.Isolated || len(r.vantage.canaries) != 1 || s.Checks != 11 {
				t.Errorf("After reload %d: %+v with %d canaries", i, s, len(r.vantage.canaries))
			}
			for j := range targets[:10] {
				if s := l.Status(j); s.State != Healthy || !s.Held {
					t.Errorf("After reload %d: %+v", i, s)
				}
			}
		}
		// Without the canary it is the rule for those who have none.
		next := acquire(t, r, targets...)
		l.Release()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if s := r.Stats(); s.Held != 0 || w.falls() < 10 || len(r.vantage.canaries) != 0 {
			t.Errorf("Without canary: %+v with %d canaries", s, len(r.vantage.canaries))
		}
		next.Release()
		r.Wait()
	})
}

// TestH14_CanaryOfManyLeases is one until the last of them goes. There may be more than fit a byte.
func TestH14_CanaryOfManyLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		leases := make([]*Lease, 0, 300)
		for range 300 {
			leases = append(leases, acquireWith(t, r, []Definition{check("192.0.2.1")}, 0, 0))
		}
		for i, l := range leases {
			if len(r.vantage.canaries) != 1 {
				t.Fatalf("%d canaries with %d leases", len(r.vantage.canaries), 300-i)
			}
			if i == 299 {
				acquire(t, r, check("192.0.2.1")).Release()
			}
			l.Release()
		}
		r.Wait()
		if len(r.vantage.canaries) != 0 {
			t.Errorf("%d canaries are left", len(r.vantage.canaries))
		}
	})
}

// TestH14_StuckCheckIsReleasedToo has no other failure to come.
func TestH14_StuckCheckIsReleasedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if p.Host == "10.0.0.1" && i > 14 {
				<-end
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		l := acquire(t, r, hosts(4)...)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s := r.Stats(); s.Held != 0 || w.falls() != 4 {
			t.Errorf("%d have fallen and %d are held", w.falls(), s.Held)
		}
		close(end)
		n.set(func(n *network) { n.cut = false })
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := l.Status(0); s.State != Healthy {
			t.Errorf("Got %+v", s)
		}
		l.Release()
		r.Wait()
	})
}

// TestH14_ReasonIsThatOfTheLastFailure holds though the last attempt before the release says nothing of the target.
func TestH14_ReasonIsThatOfTheLastFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if got := n.answer(ctx, p, i); got.Outcome == probe.Pass || i%2 == 0 {
				return got
			}
			return probe.Result{Reason: probe.ReasonFDLimit, Detail: "too many open files"}
		})
		r := w.registry(Options{})
		l := acquire(t, r, hosts(4)...)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		for i, d := range hosts(4) {
			got := w.transitionsOf(d)
			if len(got) != 2 || got[1].Reason != probe.ReasonRefused || got[1].Detail != "" || got[1].Failures != 3 {
				t.Errorf("Got %+v", got)
			}
			if s := l.Status(i); s.Reason != probe.ReasonRefused || s.Detail != "" {
				t.Errorf("Got %+v", s)
			}
		}
		l.Release()
		r.Wait()
	})
}

// TestH14_EventsAreToldInOrder has an Observer that is slow.
func TestH14_EventsAreToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		r.observer = slowObserver{w}
		l := acquire(t, r, check("192.0.2.1"))
		synctest.Wait()
		r.mu.Lock()
		for i := range 20 {
			r.post(report{event: r.event(Event{Kind: EventKind(fmt.Sprint(i))})})
			r.mu.Unlock()
			time.Sleep(time.Duration(i) * time.Second)
			r.mu.Lock()
		}
		r.mu.Unlock()
		l.Release()
		r.Wait()
		for i, e := range w.events {
			if e.Seq != r.Events(0)[i+1].Seq {
				t.Errorf("Event %d was told as number %d", e.Seq, i)
			}
		}
	})
}

// slowObserver takes longest for the first of the events.
type slowObserver struct{ *world }

func (s slowObserver) Happened(e Event) {
	time.Sleep(max(0, 30*time.Second-time.Duration(e.Seq)*time.Second))
	s.world.Happened(e)
}

// TestH14_NoLongerIsolatedIsSuspectAnew has a long cut end for less than half of the hosts and not for the canary: that is
// neither us for sure nor them, and all the time to find out is still to come.
func TestH14_NoLongerIsolatedIsSuspectAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := newWorld(t, func(ctx context.Context, p probe.Spec, i int) probe.Result {
			if p.Host == "10.0.19.1" {
				return probe.Result{} // neither passes nor fails
			}
			return n.answer(ctx, p, i)
		})
		r := w.registry(Options{})
		targets := hosts(20)
		l := acquire(t, r, targets...)
		canary := acquireWith(t, r, []Definition{check("192.0.2.1")}, 0)
		time.Sleep(time.Minute)
		n.set(func(n *network) { n.cut = true })
		time.Sleep(5 * time.Minute)
		n.set(func(n *network) {
			n.cut = false
			n.down["192.0.2.1"] = true
			for _, d := range targets[9:] {
				n.down[d.Probe.Host()] = true
			}
		})
		falls := func() int { // but of the canary
			synctest.Wait()
			return w.falls() - 1
		}
		time.Sleep(50 * time.Second)
		if got := falls(); got != 0 || r.Stats().Held != 10 {
			t.Errorf("%d have fallen, %d are held", got, r.Stats().Held)
		}
		time.Sleep(20 * time.Second)
		if got := falls(); got != 10 || r.Stats().Held != 0 || r.Stats().Isolated {
			t.Errorf("%d have fallen in the end, %+v", got, r.Stats())
		}
		l.Release()
		canary.Release()
		r.Wait()
	})
}
