package health

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// timing is the default one.
var timing = Timing{Interval: 10 * time.Second, Timeout: 4 * time.Second, Fast: 2 * time.Second, Fall: 3, Rise: 2}

// feed writes results as letters: p passes, f fails, i is indeterminate.
func feed(m Machine, t Timing, results string) Machine {
	for _, r := range results {
		m = m.Next(t, map[rune]probe.Outcome{'p': probe.Pass, 'f': probe.Fail, 'i': probe.Indeterminate}[r], 0)
	}
	return m
}

type machineCase struct {
	results string
	state   State
	streak  bool
}

func runMachineCases(t *testing.T, tm Timing, cases []machineCase) {
	t.Helper()
	for _, c := range cases {
		m := feed(Machine{}, tm, c.results)
		if m.State() != c.state || m.Streak() != c.streak {
			t.Errorf("After %q: got %s, streak %t; want %s, streak %t", c.results, m.State(), m.Streak(), c.state, c.streak)
		}
	}
}

func TestH01_NewCheckIsUnknown(t *testing.T) {
	runMachineCases(t, timing, []machineCase{{"", Unknown, false}})
	if !(Machine{}).Hurried(timing, 0) {
		t.Error("A new check is not probed fast")
	}
	for state, text := range map[State]string{Unknown: "unknown", Healthy: "healthy", Unhealthy: "unhealthy"} {
		if state.String() != text {
			t.Errorf("Got %q, want %q", state, text)
		}
	}
}

func TestH02_FirstPassDecidesAndFirstFailureDoesNot(t *testing.T) {
	runMachineCases(t, timing, []machineCase{
		{"p", Healthy, false},
		{"f", Unknown, true},
		{"ff", Unknown, true},
		{"fff", Unhealthy, false},
		{"ffp", Healthy, false},
		{"ffpff", Healthy, true},
		{"ffpfff", Unhealthy, false},
	})
	windowed := timing
	windowed.FallOf = 5
	runMachineCases(t, windowed, []machineCase{
		{"p", Healthy, false},
		{"ff", Unknown, true},
		{"fff", Unhealthy, false},
		{"ffp", Healthy, true},
		{"ffpf", Unhealthy, false},
	})
}

func TestH03_FallInARowMakesUnhealthy(t *testing.T) {
	runMachineCases(t, timing, []machineCase{
		{"pf", Healthy, true},
		{"pff", Healthy, true},
		{"pffp", Healthy, false},
		{"pffpff", Healthy, true},
		{"pfff", Unhealthy, false},
		{"pffffff", Unhealthy, false},
	})
	once := timing
	once.Fall, once.Rise = 1, 1
	runMachineCases(t, once, []machineCase{{"f", Unhealthy, false}, {"pf", Unhealthy, false}, {"pfp", Healthy, false}})
}

func TestH03_RiseInARowMakesHealthy(t *testing.T) {
	runMachineCases(t, timing, []machineCase{
		{"fffp", Unhealthy, true},
		{"fffpf", Unhealthy, false},
		{"fffpfp", Unhealthy, true},
		{"fffpp", Healthy, false},
		{"fffppff", Healthy, true},
		{"fffppfff", Unhealthy, false},
	})
}

func TestH03_FallNOfM(t *testing.T) {
	windowed := timing
	windowed.FallOf = 5
	runMachineCases(t, windowed, []machineCase{
		{"pfpfp", Healthy, true},
		{"pfpfpf", Unhealthy, false},
		{"pfppfp", Healthy, true},
		{"pfpppppf", Healthy, true}, // the first failure is forgotten
		{"pfppppp", Healthy, false},
		{"pfffpp", Healthy, false}, // the window was cleared
		{"pfffppff", Healthy, true},
		{"pfffppfff", Unhealthy, false},
	})
	widest := timing
	widest.Fall, widest.FallOf = 64, 64
	m := feed(Machine{}, widest, "p")
	for range 63 {
		m = m.Next(widest, probe.Fail, 0)
	}
	if m.State() != Healthy || m.Failures() != 63 {
		t.Errorf("After 63 of 64 failures: %s, %d failures", m.State(), m.Failures())
	}
	if m = m.Next(widest, probe.Fail, 0); m.State() != Unhealthy {
		t.Errorf("After 64 of 64 failures: %s", m.State())
	}
}

func TestH04_OpenStreakIsProbedFast(t *testing.T) {
	windowed := timing
	windowed.FallOf = 4
	for _, c := range []struct {
		timing  Timing
		results string
		delay   time.Duration
	}{
		{timing, "", timing.Fast},
		{timing, "i", timing.Fast},
		{timing, "f", timing.Fast},
		{timing, "p", timing.Interval},
		{timing, "pf", timing.Fast},
		{timing, "pfi", timing.Fast},
		{timing, "pfp", timing.Interval},
		{timing, "fff", timing.Interval},
		{timing, "fffp", timing.Fast},
		{timing, "fffpf", timing.Interval},
		{timing, "fffpp", timing.Interval},
		{windowed, "pfppp", timing.Fast},
		{windowed, "pfpppp", timing.Interval},
	} {
		if got := feed(Machine{}, c.timing, c.results).Hurried(c.timing, 0); got != (c.delay == c.timing.Fast) {
			t.Errorf("After %q: hurried %t, want a delay of %s", c.results, got, c.delay)
		}
	}
}

func drawTiming(t *rapid.T) Timing {
	tm := timing
	tm.Fall = rapid.IntRange(1, 64).Draw(t, "fall")
	tm.Rise = rapid.IntRange(1, 64).Draw(t, "rise")
	if rapid.Bool().Draw(t, "windowed") {
		tm.FallOf = rapid.IntRange(tm.Fall, 64).Draw(t, "of")
	}
	return tm
}

// drawOutcomes favours runs, so that high thresholds are reached.
func drawOutcomes(t *rapid.T) []probe.Outcome {
	var outcomes []probe.Outcome
	for _, run := range rapid.SliceOfN(rapid.IntRange(0, 3*80-1), 0, 12).Draw(t, "runs") {
		for range run/3 + 1 {
			outcomes = append(outcomes, probe.Outcome(run%3))
		}
	}
	return outcomes
}

// TestH03_AgreesWithHistory compares the machine with one that keeps all results and counts them anew each time.
func TestH03_AgreesWithHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tm := drawTiming(t)
		var (
			m       Machine
			state   State
			history []probe.Outcome // since the last change to or from unhealthy
		)
		last := func(n int, o probe.Outcome) int {
			count := 0
			for _, h := range history[max(0, len(history)-n):] {
				if h == o {
					count++
				}
			}
			return count
		}
		for _, o := range drawOutcomes(t) {
			m = m.Next(tm, o, 0)
			if o != probe.Indeterminate {
				history = append(history, o)
				window := tm.Fall
				if tm.FallOf > 0 {
					window = tm.FallOf
				}
				switch {
				case state == Unhealthy && last(tm.Rise, probe.Pass) == tm.Rise:
					state, history = Healthy, nil
				case state != Unhealthy && last(window, probe.Fail) >= tm.Fall:
					state, history = Unhealthy, nil
				case state == Unknown && o == probe.Pass:
					state = Healthy
				}
			}
			if m.State() != state {
				t.Fatalf("After %v: %s, want %s", history, m.State(), state)
			}
		}
	})
}

// TestH16_IndeterminateChangesNothing: such results may be left out anywhere.
func TestH16_IndeterminateChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tm := drawTiming(t)
		var with, without Machine
		for _, o := range drawOutcomes(t) {
			if after := with.Next(tm, probe.Indeterminate, 0); after != with {
				t.Fatalf("Indeterminate made %+v of %+v", after, with)
			}
			with = with.Next(tm, o, 0)
			if o != probe.Indeterminate {
				without = without.Next(tm, o, 0)
			}
			if with != without {
				t.Fatalf("Got %+v with and %+v without indeterminate results", with, without)
			}
		}
	})
	if m := (Machine{}).Next(timing, probe.Outcome(77), 0); m != (Machine{}) {
		t.Errorf("An outcome that is none of the three made %+v", m)
	}
}

// TestH03_ThresholdsAreExact holds from every state with clean counters.
func TestH03_ThresholdsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tm := drawTiming(t)
		m := Machine{}.Next(tm, probe.Pass, 0)
		for i := 1; i <= tm.Fall; i++ {
			if m.State() != Healthy || m.Failures() != i-1 {
				t.Fatalf("Before failure %d of %d: %s, %d failures", i, tm.Fall, m.State(), m.Failures())
			}
			m = m.Next(tm, probe.Fail, 0)
		}
		for i := 1; i <= tm.Rise; i++ {
			if m.State() != Unhealthy || m.Passes() != i-1 {
				t.Fatalf("Before pass %d of %d: %s, %d passes", i, tm.Rise, m.State(), m.Passes())
			}
			m = m.Next(tm, probe.Pass, 0)
		}
		if m.State() != Healthy || m.Streak() {
			t.Fatalf("After %d passes: %s, streak %t", tm.Rise, m.State(), m.Streak())
		}
	})
}

// TestO03_SeedKeepsStateOnly covers a change of timing on a reload.
func TestO03_SeedKeepsStateOnly(t *testing.T) {
	for _, results := range []string{"", "f", "p", "pff", "fff", "fffp"} {
		m := feed(Machine{}, timing, results)
		s := m.Seed(timing)
		if s.State() != m.State() || s.Streak() || s.Failures() != 0 || s.Passes() != 0 {
			t.Errorf("Seed of the machine after %q is %+v", results, s)
		}
	}
}

func TestAllocMachineNext(t *testing.T) {
	var m Machine
	if n := testing.AllocsPerRun(100, func() { m = m.Next(timing, probe.Fail, 0) }); n != 0 {
		t.Errorf("Next allocates %v times", n)
	}
}
