package failover

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"github.com/miekg/dns"
)

// byHand makes a manual state that must be in order.
func byHand(t *testing.T, pattern string, state health.State, until time.Time) health.Manual {
	t.Helper()
	m, err := manuals.create(health.Manual{
		Checks: health.Pattern(pattern), State: state, Reason: "maintenance", Author: "ops", Until: until,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// since gives the kinds of the events after a number.
func since(seq uint64) []api.EventKind {
	kinds := make([]api.EventKind, 0, journalKept)
	found, _ := events.after(seq)
	for _, e := range found {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

const byName = `failover {
	check web http://:80/ interval 10s fast 1s
	check gate manual
	check both all web gate
	check closed not gate
	check off http://:81/ disabled
	primary   www 192.0.2.1 check web
	secondary www 192.0.2.2
	primary   app 192.0.2.3 check both
	secondary app 192.0.2.4
	primary   back 192.0.2.5 check closed
	secondary back 192.0.2.6
	primary   idle 192.0.2.7 check off
	secondary idle 192.0.2.8
}`

func TestH15_ManualStates(t *testing.T) {
	config := parsed(t, byName)
	synctest.Test(t, func(t *testing.T) {
		pretend(t)
		g, f := generated(config)
		mustStart(t, g)
		time.Sleep(time.Minute)
		fx := &fixture{t: t, f: f}
		want := func(www, app, back, idle string) {
			t.Helper()
			synctest.Wait()
			for name, last := range map[string]string{"www": www, "app": app, "back": back, "idle": idle} {
				fx.want(name+".example.org.", dns.TypeA, "192.0.2."+last)
			}
		}
		want("1", "3", "6", "7")
		_, seq := events.after(0)

		web := byHand(t, "web", health.Unhealthy, time.Time{})
		want("2", "4", "6", "7")
		one := byHand(t, "web@*192.0.2.1:*", health.Healthy, time.Time{})
		want("1", "4", "6", "7")
		gate := byHand(t, "gate", health.Unhealthy, time.Now().Add(time.Hour))
		want("1", "4", "5", "7")
		off := byHand(t, "of?", health.Unhealthy, time.Time{})
		want("1", "4", "5", "8")

		// A reload changes nothing, and what it brings is under them from the start.
		next, other := generated(config)
		mustStart(t, next)
		g.running.release()
		g, fx.f = next, other
		want("1", "4", "5", "8")

		manuals.end("ops", func(m *health.Manual) bool { return m.ID == web.ID || m.ID == off.ID })
		want("1", "4", "5", "7")
		time.Sleep(time.Hour - time.Minute)
		want("1", "4", "5", "7")
		time.Sleep(time.Minute)
		want("1", "3", "6", "7")
		if left := manuals.list(); len(left) != 1 || left[0].ID != one.ID || gate.ID <= one.ID {
			t.Errorf("Left are %+v", left)
		}
		manuals.end("ops", func(*health.Manual) bool { return true })
		want("1", "3", "6", "7")
		got := since(seq)
		for kind, times := range map[api.EventKind]int{
			api.EventManual: 4, api.EventRestored: 4, api.EventFailover: 3, api.EventFailback: 4,
		} {
			n := 0
			for _, k := range got {
				if k == kind {
					n++
				}
			}
			if n < times {
				t.Errorf("%d events %s, want %d: %s", n, kind, times, got)
			}
		}
		g.running.release()
		checks.Wait()
	})
}

func TestH15_TheShortTTLUnderAManualState(t *testing.T) {
	config := parsed(t, oneCheck)
	synctest.Test(t, func(t *testing.T) {
		pretend(t)
		g, f := generated(config)
		mustStart(t, g)
		time.Sleep(time.Minute)
		fx := &fixture{t: t, f: f}
		ttl := func() uint32 {
			m, _ := fx.ask("www.example.org.", dns.TypeA)
			return m.Answer[0].Header().Ttl
		}
		if ttl() != 60 {
			t.Errorf("TTL %d, want 60", ttl())
		}
		byHand(t, "web", health.Healthy, time.Time{})
		synctest.Wait()
		if ttl() != 10 {
			t.Errorf("TTL %d, want 10", ttl())
		}
		manuals.end("ops", func(*health.Manual) bool { return true })
		g.running.release()
		checks.Wait()
	})
}

func TestH15_AManualStateHasAReasonAndAnAuthor(t *testing.T) {
	good := health.Manual{Checks: "web", State: health.Unhealthy, Reason: "maintenance", Author: "ops"}
	long := strings.Repeat("x", 501)
	for want, change := range map[string]func(*health.Manual){
		"state: it must be healthy or unhealthy":                          func(m *health.Manual) { m.State = health.Unknown },
		"reason: it is empty; those who come after you will want to know": func(m *health.Manual) { m.Reason = "" },
		"reason: it is longer than 500 octets":                            func(m *health.Manual) { m.Reason = long },
		"author: it is empty":                                             func(m *health.Manual) { m.Author = "" },
		"author: it is longer than 500 octets":                            func(m *health.Manual) { m.Author = long },
		"until: it is over already":                                       func(m *health.Manual) { m.Until = time.Now() },
		"checks: the pattern is empty":                                    func(m *health.Manual) { m.Checks = "" },
		`checks: the pattern "@x" has no name before the @`:               func(m *health.Manual) { m.Checks = "@x" },
	} {
		bad := good
		change(&bad)
		if _, err := manuals.create(bad); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if left := manuals.list(); len(left) != 0 {
		t.Errorf("Left are %+v", left)
	}
}

func TestAllDownAndRecoveryAreTold(t *testing.T) {
	config := parsed(t, `failover {
		check web http://:80/ interval 10s fast 1s
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2 check web
		weight 1  api A 192.0.2.3 check web
		answer    both 192.0.2.4 check web
		answer    both 2001:db8::4
	}`)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		g, _ := generated(config)
		mustStart(t, g)
		time.Sleep(time.Minute)
		_, seq := events.after(0)
		fake.outcome.Store(int32(probe.Fail))
		time.Sleep(10 * time.Minute)
		fake.outcome.Store(int32(probe.Pass))
		time.Sleep(10 * time.Minute)
		texts := make(map[string]bool)
		found, _ := events.after(seq)
		for _, e := range found {
			before, _, _ := strings.Cut(e.Text, " again: ") // whichever is the first
			texts[before] = true
		}
		for _, want := range []string{
			"no record of www.example.org. A/AAAA is healthy", "no record of api.example.org. A is healthy",
			"www.example.org. A/AAAA has a healthy record", "api.example.org. A has a healthy record again",
			"no record of both.example.org. A is healthy", "both.example.org. A/AAAA has a healthy record again",
		} {
			if !texts[want] {
				t.Errorf("%q was not told, but %v", want, texts)
			}
		}
		if got := series(t, "switches_total"); len(got) < 4 {
			t.Errorf("Counted are %v", got)
		}
		g.running.release()
		checks.Wait()
		if got := series(t, "switches_total"); len(got) != 0 {
			t.Errorf("Afterwards counted are %v", got)
		}
	})
}

// Somebody may end a drill's manual states before the drill itself is known.
func TestADrillWithoutManualStatesIsOver(t *testing.T) {
	m := byHand(t, "web", health.Unhealthy, time.Time{})
	before := events.seq()
	d := api.Drill{Name: "www.example.org.", Type: "A/AAAA", Manual: []api.Manual{shownManual(m)}}
	if manuals.begin(d); len(drills.list()) != 1 {
		t.Errorf("Under way: %+v", drills.list())
	}
	manuals.end("ops", func(*health.Manual) bool { return true })
	if manuals.begin(d); len(drills.list()) != 0 {
		t.Errorf("Under way: %+v", drills.list())
	}
	want := []api.EventKind{api.EventDrill, api.EventRestored, api.EventDrillEnd, api.EventDrill, api.EventDrillEnd}
	if got := since(before); !slices.Equal(got, want) {
		t.Errorf("Told %v, want %v", got, want)
	}
}
