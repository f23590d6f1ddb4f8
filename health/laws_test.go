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

// The laws of a check, as far as they are those of this package. (a) A result that is indeterminate never changes health.
// (b) More passes never make it worse: TestH03_APassNeverHurts. (c) The order of the table means nothing. (d) fall failures
// are needed from healthy and rise passes from unhealthy. (h) A manual state that comes and goes leaves no trace:
// TestH15_AManualStateWinsOverAllElse too. (i) At most one attempt of a check is in flight. (j) Its starts strictly
// increase, without a burst after a stall.
//
// TestLaws has a thousand checks for an hour of random faults, and then counts anew what the Observer was told.

// trouble is what befalls a host for a while.
type trouble struct {
	kind     string
	from, to time.Duration
}

// earth is the truth of TestLaws: what each host does when, and when this process is cut off from all of them.
type earth struct {
	begin    time.Time
	troubles map[string][]trouble
	cuts     []trouble // of kind "own": the canaries are cut off too; else it is the others that fail
	calm     time.Duration
}

func newEarth(random *rand.Rand, definitions []Definition) *earth {
	e := &earth{begin: time.Now(), troubles: map[string][]trouble{}, calm: lawfulTime - 6*time.Minute}
	kinds := []string{"down", "silent", "flapping", "indeterminate", "slow", "panic", "stuck"}
	for _, d := range definitions {
		host := d.Probe.Host()
		if e.troubles[host] != nil {
			continue
		}
		if random.IntN(30) == 0 {
			e.troubles[host] = []trouble{{"down", 0, 1000 * time.Hour}} // for good
			continue
		}
		e.troubles[host] = []trouble{}
		for range random.IntN(5) {
			from := time.Duration(random.Int64N(int64(e.calm)))
			to := min(e.calm, from+time.Duration(random.Int64N(int64(3*time.Minute))))
			e.troubles[host] = append(e.troubles[host], trouble{kinds[random.IntN(len(kinds))], from, to})
		}
	}
	for at := 2 * time.Minute; at < e.calm-2*time.Minute; at += 3 * time.Minute {
		c := trouble{"own", at, at + time.Duration(random.Int64N(int64(90*time.Second)))}
		if random.IntN(3) == 0 {
			c.kind = "theirs"
		}
		e.cuts = append(e.cuts, c)
	}
	return e
}

// isCut tells what happens to all at a time, if anything.
func (e *earth) isCut(at time.Duration) string {
	for _, c := range e.cuts {
		if at >= c.from && at < c.to {
			return c.kind
		}
	}
	return ""
}

// wellSince tells whether nothing was wrong with a host itself between two times.
func (e *earth) wellSince(host string, from, to time.Duration) bool {
	return !slices.ContainsFunc(e.troubles[host], func(t trouble) bool { return t.from <= to && t.to >= from }) &&
		!slices.ContainsFunc(e.cuts, func(c trouble) bool { return c.kind == "theirs" && c.from <= to && c.to >= from })
}

// isCanary tells those who pass unless this process is cut off.
func isCanary(host string) bool { return host == "203.0.113.1" || host == "203.0.113.2" }

func (e *earth) answer(ctx context.Context, p probe.Spec, n int) probe.Result {
	at := time.Since(e.begin)
	cut := e.isCut(at)
	time.Sleep(time.Millisecond)
	switch {
	case cut == "own" && len(p.Host)%2 == 0, cut == "theirs" && !isCanary(p.Host) && p.Port%5 != 0:
		return fail(ctx, p, n)
	case cut == "own":
		return hang(ctx, p, n)
	}
	for _, t := range e.troubles[p.Host] {
		if at < t.from || at >= t.to {
			continue
		}
		switch t.kind {
		case "down":
			return fail(ctx, p, n)
		case "silent":
			return hang(ctx, p, n)
		case "flapping":
			if at/(7*time.Second)%2 == 0 {
				return fail(ctx, p, n)
			}
		case "indeterminate":
			return probe.Result{Reason: probe.ReasonFDLimit}
		case "slow":
			time.Sleep(1900 * time.Millisecond)
		case "panic":
			panic("by chance")
		case "stuck":
			time.Sleep(10 * time.Second) // whatever ctx says
		}
	}
	return pass(ctx, p, n)
}

// entry is something that the Observer was told of a check, or its end and new beginning.
type entry struct {
	outcome probe.Outcome
	to      State // of a transition
	from    State
	what    byte          // 'r'esult, 't'ransition, 'n'ew
	at      time.Duration // by the clock of the checks, which goes on while the process is stopped
	real    time.Duration // by the clock of the earth
}

// chronicle is an Observer that writes everything down.
type chronicle struct {
	t       *testing.T
	begin   time.Time
	mu      sync.Mutex
	stopped time.Duration
	entries map[Definition][]entry
	telling map[Definition]int
	events  []Event
}

func (c *chronicle) add(d Definition, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.real = time.Since(c.begin)
	e.at = e.real + c.stopped
	c.entries[d] = append(c.entries[d], e)
}

// exclusive finds two calls for one check at a time.
func (c *chronicle) exclusive(d Definition, tell func()) {
	c.mu.Lock()
	if c.telling[d]++; c.telling[d] > 1 {
		c.t.Error("The Observer is told two things of a check at a time")
	}
	c.mu.Unlock()
	tell()
	c.mu.Lock()
	c.telling[d]--
	c.mu.Unlock()
}

func (c *chronicle) Probed(d Definition, r probe.Result) {
	c.exclusive(d, func() { c.add(d, entry{what: 'r', outcome: r.Outcome}) })
}

func (c *chronicle) Transition(d Definition, t Transition) {
	c.exclusive(d, func() { c.add(d, entry{what: 't', from: t.From, to: t.To}) })
}

func (c *chronicle) Happened(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

// recount holds what was told of a check against the laws (a) and (d), and H05 and H17.
func (c *chronicle) recount(d Definition) error {
	tm := d.Timing
	n := naive{timing: tm} // only for its eyes: results since the last change
	state := Unknown
	for i, e := range c.entries[d] {
		switch e.what {
		case 'n':
			n, state = naive{timing: tm}, Unknown
		case 'r':
			if e.outcome != probe.Indeterminate {
				n.results = append(n.results, naiveResult{e.outcome == probe.Pass, e.at})
			}
			next := entry{}
			if i+1 < len(c.entries[d]) {
				next = c.entries[d][i+1]
			}
			moved := next.what == 't' && next.real == e.real
			passes := 0
			for _, r := range n.since(tm.Rise) {
				if r.pass {
					passes++
				}
			}
			must := e.outcome == probe.Pass && (state == Unknown ||
				state == Unhealthy && passes == tm.Rise && e.at >= n.changes[len(n.changes)-1].at+n.changes[len(n.changes)-1].hold)
			if must != (moved && next.to == Healthy) {
				return fmt.Errorf("becomes healthy %t at %s, entry %d, want %t", !must, e.real, i, must)
			}
			if e.outcome != probe.Fail && moved && next.to == Unhealthy {
				return fmt.Errorf("unhealthy at %s, entry %d, with outcome %s", e.real, i, e.outcome) // (a)
			}
		case 't':
			if e.from != state {
				return fmt.Errorf("from %s at %s, want %s", e.from, e.real, state)
			}
			state = e.to
			switch {
			case state == Unhealthy:
				failures := 0
				seen := n.since(max(tm.Fall, tm.FallOf))
				for _, r := range seen {
					if !r.pass {
						failures++
					}
				}
				if failures < tm.Fall || seen[len(seen)-1].pass {
					return fmt.Errorf("unhealthy at %s after %d failures, the last result passed: %t", e.real, failures, seen[len(seen)-1].pass)
				}
				n.changes = append(n.changes, naiveChange{Unhealthy, e.at, n.holdAt(e.at), len(n.results)})
			case e.from == Unhealthy:
				n.changes = append(n.changes, naiveChange{to: Healthy, at: e.at, after: len(n.results)})
			}
		}
	}
	return nil
}

// lawful gives a thousand checks of several hundred hosts with all kinds of timings.
func lawful(random *rand.Rand) []Definition {
	definitions := make([]Definition, 0, 1000)
	for i := range cap(definitions) {
		d := check(fmt.Sprintf("10.%d.%d.%d", i%7, i%40, i%17))
		spec := d.Probe.Spec()
		spec.Port = uint16(i)
		d.Probe = spec.ID()
		d.Timing = Timing{
			Interval: time.Duration(15+random.IntN(20)) * time.Second, Timeout: time.Duration(2+random.IntN(3)) * time.Second,
			Fall: 2 + random.IntN(3), Rise: 1 + random.IntN(3),
		}
		d.Timing.Fast = d.Timing.Interval / 5
		if random.IntN(3) == 0 {
			d.Timing.FallOf = d.Timing.Fall + random.IntN(5)
		}
		if random.IntN(3) == 0 {
			d.Timing.Hold = time.Duration(random.IntN(20)) * time.Second
			d.Timing.HoldMax = d.Timing.Hold + time.Duration(random.IntN(60))*time.Second
		}
		definitions = append(definitions, d)
	}
	return definitions
}

func TestLaws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(36, 1))
		definitions := lawful(random)
		canaries := []Definition{check("203.0.113.1"), check("203.0.113.2")}
		e := newEarth(random, definitions)
		w := newWorld(t, nil)
		w.answer = func(ctx context.Context, p probe.Spec, n int) probe.Result {
			w.mu.Lock()
			// One that ignored the end of its check may be beside the first of the same check's next life.
			if w.inFlight[p.ID()] != 1 && p.Port < 900 {
				t.Errorf("%d attempts of %s in flight", w.inFlight[p.ID()], p.Target()) // (i)
			}
			w.mu.Unlock()
			return e.answer(ctx, p, n)
		}
		r := w.registry(Options{Workers: 512})
		c := &chronicle{t: t, begin: e.begin, entries: map[Definition][]entry{}, telling: map[Definition]int{}}
		r.observer = c
		clocks := newClocks(r)

		// Most are held all the time, by two leases in turn, as over reloads; the last hundred come and go.
		stay, come := definitions[:900], definitions[900:]
		l := acquireWith(t, r, append(slices.Clone(stay), canaries...), 900, 901)
		guest := acquire(t, r, come...)
		var stops []time.Duration
		for round := 0; time.Since(e.begin) < e.calm; round++ {
			time.Sleep(25 * time.Second)
			manual := map[int]State{} // of a tenth of all, each round others (h)
			for i := range 900 {
				if random.IntN(10) == 0 {
					manual[i] = State(1 + random.IntN(2))
				}
			}
			l.Force(manual)
			for i := range 900 {
				if s := l.Status(i); s.Manual != manual[i] {
					t.Errorf("%s: manual state %s, want %s", definitions[i].Probe.Target(), s.Manual, manual[i])
				}
			}
			time.Sleep(25 * time.Second)
			switch round % 3 {
			case 0:
				table := append(slices.Clone(stay), canaries...)
				next := acquireWith(t, r, table, 900, 901)
				l.Release()
				l = next
			case 1:
				synctest.Wait()
				guest.Release()
				synctest.Wait()
				for _, d := range come {
					c.add(d, entry{what: 'n'})
				}
				guest = acquire(t, r, come...)
			case 2:
				stops = append(stops, time.Since(e.begin))
				c.mu.Lock()
				clocks.stop(40 * time.Second)
				c.stopped += 40 * time.Second
				c.mu.Unlock()
			}
		}
		l.Force(nil)
		time.Sleep(lawfulTime - time.Since(e.begin))
		synctest.Wait()

		attempts := 0
		for i, d := range definitions {
			if err := c.recount(d); err != nil {
				t.Errorf("%s, %+v: %v", d.Probe.Target(), d.Timing, err)
			}
			lease, at := l, i
			if i >= len(stay) {
				lease, at = guest, i-len(stay)
			}
			want := Healthy
			if !e.wellSince(d.Probe.Host(), lawfulTime-time.Second, lawfulTime) {
				want = Unhealthy
			}
			if s := lease.Status(at); s.State != want || s.Streak || s.Held || s.Manual != Unknown {
				t.Errorf("%s, %+v: after the calm %+v, want %s", d.Probe.Target(), d.Timing, s, want)
			}
			starts := w.startsOf(d.Probe)
			attempts += len(starts)
			for j := 1; j < len(starts); j++ {
				if starts[j] <= starts[j-1] || j >= 4 && starts[j]-starts[j-4] < d.Timing.Fast { // (j)
					t.Errorf("%s: attempts at %v", d.Probe.Target(), starts[max(0, j-4):j+1])
				}
			}
			for _, entry := range c.entries[d] {
				// Never fooled: while this process is cut off, and until it has seen everything again, those fall only
				// with whom something is wrong.
				if entry.what == 't' && entry.to == Unhealthy && e.wellSince(d.Probe.Host(), entry.real-3*time.Minute, entry.real) {
					t.Errorf("%s, %+v: fell at %s, cuts %v", d.Probe.Target(), d.Timing, entry.real, e.cuts)
				}
			}
		}
		kinds := map[EventKind]int{}
		for i, event := range c.events {
			kinds[event.Kind]++
			if i > 0 && event.Seq <= c.events[i-1].Seq {
				t.Errorf("Event %d was told after %d", event.Seq, c.events[i-1].Seq)
			}
		}
		if kinds[EventResumed] != len(stops) || kinds[EventIsolated] == 0 || kinds[EventIsolated] != kinds[EventConnected] {
			t.Errorf("%d stops, events %v", len(stops), kinds)
		}
		if s := r.Stats(); s.Held != 0 || s.Isolated || s.Checks != 1002 || r.vantage.unverified != 0 {
			t.Errorf("In the end: %+v, %d unverified", s, r.vantage.unverified)
		}
		t.Logf("%d attempts, %v", attempts, kinds)
		l.Release()
		guest.Release()
		r.Wait()
		if len(r.monitors) != 0 || len(r.due) != 0 || r.gates.all.free != 512 || r.gates.slow.free != 256 || len(r.gates.targets) != 0 || r.gates.waiting != 0 {
			t.Errorf("Something is left: %d monitors, %d due, gates %+v", len(r.monitors), len(r.due), r.gates)
		}
	})
}

// TestLawOrderOfTheTableMeansNothing is (c): what each check makes of what it finds is the same wherever it stands.
func TestLawOrderOfTheTableMeansNothing(t *testing.T) {
	states := func(order []int) (found map[Definition][]State) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(ctx context.Context, p probe.Spec, n int) probe.Result {
				// What the n-th attempt finds is fixed. Few fail at a time.
				kind := rand.New(rand.NewPCG(uint64(p.Port), 5)).IntN(8)
				if kind > 0 || n/4%3 == 0 {
					return pass(ctx, p, n)
				}
				return probe.Result{Outcome: probe.Outcome(rand.New(rand.NewPCG(uint64(p.Port), uint64(n))).IntN(3))}
			})
			r := w.registry(Options{})
			table := make([]Definition, 0, len(order))
			for _, i := range order {
				d := check("192.0.2.1")
				spec := d.Probe.Spec()
				spec.Port = uint16(i + 1)
				d.Probe = spec.ID()
				table = append(table, d)
			}
			l := acquire(t, r, table...)
			time.Sleep(10 * time.Minute)
			l.Release()
			r.Wait()
			found = map[Definition][]State{}
			for _, d := range table {
				var (
					m       Machine
					states  []State // after each result
					changes []State
				)
				for _, result := range w.resultsOf(d) {
					before := m.State()
					if m = m.Next(d.Timing, result.Outcome, 0); m.State() != before {
						changes = append(changes, m.State())
					}
					states = append(states, m.State())
				}
				told := make([]State, 0, len(changes))
				for _, transition := range w.transitionsOf(d) {
					told = append(told, transition.To)
				}
				if !slices.Equal(told, changes) {
					t.Errorf("%s became %v, want %v", d.Probe.Target(), told, changes)
				}
				states = states[:50]
				found[d] = states
			}
		})
		return found
	}
	order := rand.New(rand.NewPCG(8, 8)).Perm(64)
	one := states(order)
	slices.Reverse(order)
	other := states(order)
	slices.Sort(order)
	third := states(order)
	for d, want := range one {
		if !slices.Equal(other[d], want) || !slices.Equal(third[d], want) {
			t.Errorf("%s: %v, %v and %v", d.Probe.Target(), want, other[d], third[d])
		}
	}
}
