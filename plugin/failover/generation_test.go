package failover

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

// fakeProber answers at once with the outcome that stands in it.
type fakeProber struct {
	outcome *atomic.Int32
	probes  *atomic.Int32
}

func (p fakeProber) Probe(context.Context) probe.Result {
	p.probes.Add(1)
	return probe.Result{Outcome: probe.Outcome(p.outcome.Load()), Reason: probe.ReasonRefused}
}

// pretend puts a registry of fake checks in the place of the process's for one test, all of which pass at first.
func pretend(t *testing.T) fakeProber {
	t.Helper()
	fake := fakeProber{outcome: new(atomic.Int32), probes: new(atomic.Int32)}
	fake.outcome.Store(int32(probe.Pass))
	genuine := checks
	checks = health.NewRegistry(health.Options{
		Observer: observer{},
		NewProber: func(s probe.Spec) (probe.Prober, error) {
			if s.Scheme == probe.Lookup {
				return newProber(s) // through plugins, which are as fake as a test has them
			}
			return fake, nil
		},
	})
	t.Cleanup(func() { checks = genuine })
	return fake
}

const oneCheck = `failover {
	check web http://:80/ interval 10s fast 1s
	primary   www 192.0.2.1 check web
	secondary www 192.0.2.2
}`

func parsed(t *testing.T, text string) *corefile.Config {
	t.Helper()
	return load(t, text).f.config
}

// generated is a generation as setup would make it, with one server block.
func generated(config *corefile.Config) (*generation, *Failover) {
	f := &Failover{config: config}
	g := &generation{running: new(running)}
	g.add(blockOf(f))
	return g, f
}

func blockOf(f *Failover) block {
	return block{
		handler: f, key: "example.org.", listens: func() []listener { return nil },
		notify: func() func(string) error { return nil },
	}
}

func mustStart(t *testing.T, g *generation) {
	t.Helper()
	if err := g.start(); err != nil {
		t.Fatal(err)
	}
}

func TestO03_AReloadKeepsWhatRuns(t *testing.T) {
	config := parsed(t, oneCheck)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		old, _ := generated(config)
		mustStart(t, old)
		time.Sleep(time.Second)
		fake.outcome.Store(int32(probe.Fail))
		time.Sleep(20 * time.Second)
		if got := old.running.runners[0].lease.Status(0).State; got != health.Unhealthy {
			t.Fatalf("The check is %v, want unhealthy", got)
		}
		before := fake.probes.Load()

		for range 100 {
			next, f := generated(config)
			mustStart(t, next) // OnStartup of the new, then OnShutdown of the old
			old.running.release()
			r := new(dns.Msg)
			r.SetQuestion("www.example.org.", dns.TypeA)
			fx := &fixture{t: t, f: f}
			fx.want("www.example.org.", dns.TypeA, "192.0.2.2")
			old = next
		}
		synctest.Wait()
		if got := fake.probes.Load(); got != before {
			t.Errorf("100 reloads made %d probes", got-before)
		}
		if got := len(liveRunners()); got != 1 {
			t.Errorf("%d server blocks are live, want 1", got)
		}
		old.running.release()
		checks.Wait()
	})
}

// The table over type generation, event by event.
func TestO03_AFailedReloadLeavesNothing(t *testing.T) {
	config := parsed(t, oneCheck)
	other := parsed(t, "failover {\ncheck other tcp://:25\nprimary www 192.0.2.9 check other\n}")
	synctest.Test(t, func(t *testing.T) {
		pretend(t)
		old, _ := generated(config)
		mustStart(t, old)
		failed, _ := generated(other)
		mustStart(t, failed) // and then another plugin's OnStartup fails: the new one hears nothing
		releaseNewer(old.running)
		if got := liveRunners(); len(got) != 1 || got[0] != old.running.runners[0] {
			t.Errorf("%d server blocks are live, want the old one alone", len(got))
		}
		failed.running.release() // what the garbage collector may do later must do no harm
		old.running.release()
		old.running.release()
		checks.Wait()
		if len(liveRunners()) != 0 {
			t.Error("Something outlived the final shutdown")
		}
	})
}

// collected waits until the garbage collector has released what nobody points at.
func collected(t *testing.T) {
	t.Helper()
	for range 1000 {
		runtime.GC()
		if len(liveRunners()) == 0 {
			checks.Wait()
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Error("A generation that nobody points at still runs")
}

func TestO01_ReadySpeaksForTheWholeProcess(t *testing.T) {
	checked, plain := parsed(t, oneCheck), parsed(t, "failover {\nstatic www 192.0.2.1\n}")
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		fake.outcome.Store(int32(probe.Indeterminate)) // never known
		slow, f := generated(checked)
		if f.Ready() {
			t.Error("Ready before the start")
		}
		mustStart(t, slow)
		quick, g := generated(plain)
		mustStart(t, quick)
		time.Sleep(patience - time.Millisecond)
		if f.Ready() || g.Ready() {
			t.Error("Ready though a check of another server block is unknown")
		}
		time.Sleep(time.Millisecond)
		if !f.Ready() || !g.Ready() {
			t.Error("Not ready after 5 s")
		}
		slow.running.release()
		quick.running.release()
		checks.Wait()
	})
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		fake.outcome.Store(int32(probe.Fail))
		down, f := generated(checked)
		mustStart(t, down)
		time.Sleep(2*time.Second + time.Millisecond) // three failures, a second apart
		if !f.Ready() {
			t.Error("Not ready though every check is known; it must not matter that it is unhealthy")
		}
		down.running.release()
		checks.Wait()
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
