package health

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// holding is the default timing with hold 1m 5m.
var holding = func() Timing {
	t := timing
	t.Hold, t.HoldMax = time.Minute, 5*time.Minute
	return t
}()

// at makes the results, written as letters, one each so often from a time on, and gives the time after the last.
func (m Machine) at(t Timing, results string, from, every time.Duration) (Machine, time.Duration) {
	for _, r := range results {
		m = m.Next(t, map[rune]probe.Outcome{'p': probe.Pass, 'f': probe.Fail, 'i': probe.Indeterminate}[r], from)
		from += every
	}
	return m, from
}

func TestH05_StaysUnhealthyForHold(t *testing.T) {
	fallen, _ := Machine{}.at(holding, "pfff", 0, time.Second) // at 3 s
	if got := fallen.HeldUntil(); got != 63*time.Second {
		t.Fatalf("Held until %s", got)
	}
	for _, c := range []struct {
		name          string
		results       string
		from, every   time.Duration
		state         State
		passes        int
		hurriedBefore bool
		hurriedAfter  bool
	}{
		{"rise passes", "pp", 4 * time.Second, time.Second, Unhealthy, 2, false, true},
		{"many passes", strings.Repeat("p", 58), 4 * time.Second, time.Second, Unhealthy, 2, false, true},
		{"one pass", "p", 4 * time.Second, time.Second, Unhealthy, 1, true, true},
		{"passes that a failure ends", "ppf", 4 * time.Second, time.Second, Unhealthy, 0, false, false},
		{"the last pass a moment before", "pp", 62998 * time.Millisecond, time.Millisecond, Unhealthy, 2, false, true},
		{"the last pass when it is over", "pp", 62999 * time.Millisecond, time.Millisecond, Healthy, 0, false, false},
		{"passes from before it is over and one after", strings.Repeat("p", 60), 4 * time.Second, time.Second, Healthy, 0, false, false},
		{"a single pass after it", "fp", 70 * time.Second, time.Second, Unhealthy, 1, true, true},
		{"two after it", "pp", 70 * time.Second, time.Second, Healthy, 0, false, false},
		{"indeterminate after it", "ppiiii", 50 * time.Second, 10 * time.Second, Unhealthy, 2, false, true},
	} {
		m, _ := fallen.at(holding, c.results, c.from, c.every)
		if m.State() != c.state || m.Passes() != c.passes {
			t.Errorf("%s: %s with %d passes, want %s with %d", c.name, m.State(), m.Passes(), c.state, c.passes)
		}
		if m.Streak() != (m.Passes() > 0) {
			t.Errorf("%s: streak %t with %d passes", c.name, m.Streak(), m.Passes())
		}
		if before, after := m.Hurried(holding, 63*time.Second-1), m.Hurried(holding, 63*time.Second); before != c.hurriedBefore || after != c.hurriedAfter {
			t.Errorf("%s: hurried %t before hold is over and %t after, want %t and %t", c.name, before, after, c.hurriedBefore, c.hurriedAfter)
		}
	}
}

// TestH05_HoldDoublesWhileItFlaps gives the times between a rise and the next fall, and the holds that follow.
func TestH05_HoldDoublesWhileItFlaps(t *testing.T) {
	const (
		s = time.Second
		m = time.Minute
	)
	uneven := holding
	uneven.HoldMax = 90 * s
	constant := holding
	constant.HoldMax = constant.Hold
	never := timing
	for _, c := range []struct {
		name   string
		timing Timing
		calm   []time.Duration // from each rise to the next fall
		want   []time.Duration // hold after each fall; one more
	}{
		{"soon each time", holding, []time.Duration{s, s, s, s, s}, []time.Duration{m, 2 * m, 4 * m, 5 * m, 5 * m, 5 * m}},
		{"just within two holds", holding, []time.Duration{2*m - 1, 4*m - 1, 8*m - 1}, []time.Duration{m, 2 * m, 4 * m, 5 * m}},
		{"calm for two holds", holding, []time.Duration{s, 4 * m, s, s, 8 * m}, []time.Duration{m, 2 * m, m, 2 * m, 4 * m, m}},
		{"calm for two of the longest", holding, []time.Duration{s, s, s, 10*m - 1, 10 * m}, []time.Duration{m, 2 * m, 4 * m, 5 * m, 5 * m, m}},
		{"a MAX that is no multiple", uneven, []time.Duration{s, s}, []time.Duration{m, 90 * s, 90 * s}},
		{"MAX is D", constant, []time.Duration{s, s}, []time.Duration{m, m, m}},
		{"no hold", never, []time.Duration{s, s}, []time.Duration{0, 0, 0}},
	} {
		machine, now := Machine{}.at(c.timing, "pfff", time.Hour, 0)
		for i, want := range c.want {
			if got := machine.HeldUntil() - now; machine.State() != Unhealthy || got != want {
				t.Errorf("%s: %s, held for %s after fall %d, want %s", c.name, machine.State(), got, i+1, want)
			}
			if i == len(c.calm) {
				break
			}
			now = machine.HeldUntil()
			machine, _ = machine.at(c.timing, "pp", now, 0)
			now += c.calm[i]
			machine, _ = machine.at(c.timing, "fff", now, 0)
		}
	}
}

// TestH05_FailuresBetweenDoNotBreakTheCalm holds since only a fall is a flip.
func TestH05_FailuresBetweenDoNotBreakTheCalm(t *testing.T) {
	m, now := Machine{}.at(holding, "pfff", 0, 0)
	m, now = m.at(holding, "pp", now+time.Minute, 0)
	m, now = m.at(holding, strings.Repeat("ffp", 40), now, time.Second) // two minutes
	m, _ = m.at(holding, "fff", now, 0)
	if got := m.HeldUntil() - now; got != time.Minute {
		t.Errorf("Held for %s", got)
	}
}

// TestH05_HoldOverReload covers a change of timing on a reload while unhealthy and while healthy again.
func TestH05_HoldOverReload(t *testing.T) {
	const m = time.Minute
	shorter, longer, none := holding, holding, timing
	shorter.Hold, shorter.HoldMax = 10*time.Second, 20*time.Second
	longer.Hold, longer.HoldMax = 10*m, 20*m
	for _, c := range []struct {
		name         string
		timing       Timing
		now, flapped time.Duration // of an unhealthy one, and after a rise and a fall soon after
	}{
		{"the same", holding, m, 2 * m},
		{"shorter", shorter, 20 * time.Second, 20 * time.Second},
		{"longer", longer, m, 10 * m}, // never less than D
		{"none", none, 0, 0},
	} {
		fallen, at := Machine{}.at(holding, "fff", time.Hour, 0)
		if got := fallen.Seed(c.timing); got.HeldUntil()-at != c.now || got.State() != Unhealthy {
			t.Errorf("%s: %s, held for %s, want %s", c.name, got.State(), got.HeldUntil()-at, c.now)
		}
		risen, at := fallen.at(holding, "pp", fallen.HeldUntil(), 0)
		again, _ := risen.Seed(c.timing).at(c.timing, "fff", at+1, 0)
		if got := again.HeldUntil() - at - 1; got != c.flapped {
			t.Errorf("%s: held for %s after it flapped, want %s", c.name, got, c.flapped)
		}
	}
}

// TestH05_FirstFallIsNotAFlip holds however soon it comes.
func TestH05_FirstFallIsNotAFlip(t *testing.T) {
	for _, results := range []string{"fff", "pfff", "ffpfff"} {
		m, _ := Machine{}.at(holding, results, 0, 0)
		if m.HeldUntil() != holding.Hold {
			t.Errorf("After %q: held until %s", results, m.HeldUntil())
		}
	}
}

// TestH05_NextAttemptComesWhenHoldIsOver holds for one that has only that to wait for.
func TestH05_NextAttemptComesWhenHoldIsOver(t *testing.T) {
	const s = time.Second
	fallen, _ := Machine{}.at(holding, "fff", 0, 0)
	ready, _ := fallen.at(holding, "pp", 4*s, s)
	for _, c := range []struct {
		name         string
		machine      Machine
		started, now time.Duration
		from, to     time.Duration
	}{
		{"long before", ready, 23 * s, 23 * s, 33 * s, 33200 * time.Millisecond},
		{"within the interval", ready, 53 * s, 53 * s, 60 * s, 60 * s},
		{"a moment before", ready, 59 * s, 59 * s, 60 * s, 60 * s},
		{"over during the attempt", ready, 59 * s, 60 * s, 61 * s, 61 * s},
		{"too few passes", fallen, 53 * s, 53 * s, 63 * s, 63200 * time.Millisecond},
	} {
		m := &monitor{timing: &holding, machine: c.machine, started: c.started, phase: 3 * s}
		for range 20 {
			if next := m.next(c.now); next < c.from || next > c.to {
				t.Errorf("%s: %s, want %s to %s", c.name, next, c.from, c.to)
			}
		}
	}
}

// TestH14_FallIsHeldUntilReleased is what the guard does to a machine.
func TestH14_FallIsHeldUntilReleased(t *testing.T) {
	count := func(m Machine, tm Timing, results string) Machine {
		for _, r := range results {
			m = m.Count(tm, map[rune]probe.Outcome{'p': probe.Pass, 'f': probe.Fail, 'i': probe.Indeterminate}[r], time.Minute)
		}
		return m
	}
	windowed := holding
	windowed.FallOf = 5
	for _, c := range []struct {
		timing   Timing
		results  string
		state    State
		falling  bool
		failures int
	}{
		{holding, "ff", Unknown, false, 2},
		{holding, "fff", Unknown, true, 3},
		{holding, "pfff", Healthy, true, 3},
		{holding, "pffffffi", Healthy, true, 3},
		{holding, "pffffp", Healthy, false, 0},
		{holding, "ffffp", Healthy, false, 0},
		{windowed, "pfff", Healthy, true, 3},
		{windowed, "pfffff", Healthy, true, 5},
		{windowed, "pffffp", Healthy, false, 4}, // it passes: not now
		{windowed, "pffffpi", Healthy, false, 4},
		{windowed, "pffffpf", Healthy, true, 4},
		{windowed, "pffffpppf", Healthy, false, 2},
	} {
		m := count(Machine{}, c.timing, c.results)
		if m.State() != c.state || m.Falling(c.timing) != c.falling || m.Failures() != c.failures {
			t.Errorf("After %q: %s, falling %t, %d failures; want %s, %t, %d", c.results, m.State(), m.Falling(c.timing), m.Failures(), c.state, c.falling, c.failures)
		}
		if m.Falling(c.timing) {
			if !m.Streak() || !m.Hurried(c.timing, time.Hour) {
				t.Errorf("After %q: a held check is probed fast", c.results)
			}
			if fallen := m.Release(c.timing, time.Minute); fallen != (Machine{state: Unhealthy, hold: c.timing.Hold, moved: time.Minute}) {
				t.Errorf("After %q: released to %+v", c.results, fallen)
			}
		}
		if f := m.Forgive(); f.State() != c.state || f.Streak() || f.Failures() != 0 || f.Falling(c.timing) {
			t.Errorf("After %q: forgiven to %+v", c.results, f)
		}
	}
	rising, _ := Machine{}.at(holding, "fffp", 0, 0)
	if f := rising.Forgive(); f != rising {
		t.Errorf("What speaks for the target was forgotten: %+v", f)
	}
	risen, _ := rising.at(holding, "pff", time.Hour, 0)
	if f := risen.Forgive(); f.hold != risen.hold || f.moved != risen.moved {
		t.Errorf("How long it was held was forgotten: %+v", f)
	}
}

// naive is a second machine: it keeps everything that has happened, and looks back over it each time.
type naive struct {
	timing  Timing
	results []naiveResult // the decisive ones
	changes []naiveChange // to and from unhealthy
}

type naiveResult struct {
	pass bool
	at   time.Duration
}

type naiveChange struct {
	to    State
	at    time.Duration
	hold  time.Duration // of a fall
	after int           // results before it, and the one that decided
}

func (n *naive) state() State {
	if len(n.changes) > 0 {
		return n.changes[len(n.changes)-1].to
	}
	for _, r := range n.results {
		if r.pass {
			return Healthy
		}
	}
	return Unknown
}

// since gives the results since the last change, no more than the last so many.
func (n *naive) since(most int) []naiveResult {
	from := 0
	if len(n.changes) > 0 {
		from = n.changes[len(n.changes)-1].after
	}
	return n.results[max(from, len(n.results)-most):]
}

func (n *naive) add(pass bool, now time.Duration) {
	n.results = append(n.results, naiveResult{pass, now})
	window, enough, counts := n.timing.Fall, n.timing.Fall, false
	if n.timing.FallOf > 0 {
		window = n.timing.FallOf
	}
	if n.state() == Unhealthy {
		window, enough, counts = n.timing.Rise, n.timing.Rise, true
	}
	found := 0
	for _, r := range n.since(window) {
		if r.pass == counts {
			found++
		}
	}
	if found < enough || pass != counts {
		return
	}
	if !counts {
		n.changes = append(n.changes, naiveChange{Unhealthy, now, n.holdAt(now), len(n.results)})
	} else if last := n.changes[len(n.changes)-1]; now >= last.at+last.hold {
		n.changes = append(n.changes, naiveChange{to: Healthy, at: now, after: len(n.results)})
	}
}

// holdAt is how long a fall now is held.
func (n *naive) holdAt(now time.Duration) time.Duration {
	if len(n.changes) < 2 {
		return n.timing.Hold
	}
	rise, before := n.changes[len(n.changes)-1], n.changes[len(n.changes)-2]
	if now-rise.at >= 2*before.hold {
		return n.timing.Hold
	}
	return min(2*before.hold, n.timing.HoldMax)
}

// TestH03_H05_AgreesWithHistoryAndHold compares the machine with the naive one, by the clock.
func TestH03_H05_AgreesWithHistoryAndHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tm := timing
		tm.Fall, tm.Rise = rapid.IntRange(1, 4).Draw(t, "fall"), rapid.IntRange(1, 4).Draw(t, "rise")
		if rapid.Bool().Draw(t, "windowed") {
			tm.FallOf = rapid.IntRange(tm.Fall, 8).Draw(t, "of")
		}
		tm.Hold = time.Duration(rapid.IntRange(0, 20).Draw(t, "hold"))
		tm.HoldMax = tm.Hold + time.Duration(rapid.IntRange(0, 100).Draw(t, "more"))
		var (
			m   Machine
			n   = naive{timing: tm}
			now time.Duration
		)
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 3*12-1), 0, 200).Draw(t, "steps") {
			now += time.Duration(step / 3)
			o := probe.Outcome(step % 3)
			if o != probe.Indeterminate {
				n.add(o == probe.Pass, now)
			}
			m = m.Next(tm, o, now)
			if m.State() != n.state() {
				t.Fatalf("At %d: %s, want %s; %+v", now, m.State(), n.state(), n)
			}
			if m.State() == Unhealthy {
				if last := n.changes[len(n.changes)-1]; m.HeldUntil() != last.at+last.hold {
					t.Fatalf("At %d: held until %d, want %d", now, m.HeldUntil(), last.at+last.hold)
				}
			}
			if m.Failures() > 0 && m.Passes() > 0 || m.Streak() != (m.Failures() > 0 || m.Passes() > 0) {
				t.Fatalf("At %d: streak %t with %d failures and %d passes", now, m.Streak(), m.Failures(), m.Passes())
			}
		}
	})
}

// TestH03_APassNeverHurts is the law (b): a check that passes where another fails does not fall before that one. In a row
// and without hold it is not even unhealthy while that one is not.
func TestH03_APassNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tm := drawTiming(t)
		if rapid.Bool().Draw(t, "held") {
			tm.Hold = time.Duration(rapid.IntRange(1, 20).Draw(t, "hold"))
			tm.HoldMax = tm.Hold + time.Duration(rapid.IntRange(0, 100).Draw(t, "more"))
		}
		outcomes := drawOutcomes(t)
		if len(outcomes) == 0 {
			return
		}
		better := append([]probe.Outcome(nil), outcomes...)
		for range rapid.IntRange(1, 5).Draw(t, "turned") {
			if i := rapid.IntRange(0, len(outcomes)-1).Draw(t, "at"); better[i] == probe.Fail {
				better[i] = probe.Pass
			}
		}
		var one, other Machine
		fallen := false
		for i := range outcomes {
			one, other = one.Next(tm, outcomes[i], time.Duration(i)), other.Next(tm, better[i], time.Duration(i))
			fallen = fallen || one.State() == Unhealthy
			always := tm.FallOf == 0 && tm.Hold == 0
			if other.State() == Unhealthy && (!fallen || always && one.State() != Unhealthy) {
				t.Fatalf("At %d: %s with more passes, %s without", i, other.State(), one.State())
			}
		}
	})
}
