//go:build linux

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// The timing of the checks here. A failure is noticed within an interval, and decided by fall probes of which each may
// take its timeout.
const (
	isolationTiming = "interval 1s timeout 300ms fast 300ms fall 3 rise 1"

	decided = time.Second + 2*300*time.Millisecond + 300*time.Millisecond
	// held is how long going unhealthy is held when all targets fail and nothing tells why: 2 * fall * interval.
	held = 6 * time.Second
	// slack is for a busy machine.
	slack = 2 * time.Second
)

// isolated is the metric that says that the server holds on to what it knew, since it is cut off itself.
const isolated = "coredns_failover_isolated"

// island runs a server whose six targets, in three networks, lie in a world, and waits until they are healthy. The words
// are more lines of the stanza, with as many checks more.
func island(t *testing.T, w *world, words string, more int) *harness.Server {
	t.Helper()
	web := serve(t, w, false)
	stanza := fmt.Sprintf("check * %s\ncheck web http://:%d/\n%s\n", isolationTiming, web.port, words)
	for n := range 6 {
		stanza += fmt.Sprintf("answer www %s check web\n", w.address(n*125))
	}
	s := start(t, stanza)
	awaitHealthy(t, s, 6+more)
	return s
}

// awaitFallen waits until the checks that probe by a template, six in all, are unhealthy.
func awaitFallen(t *testing.T, s *harness.Server, within time.Duration) {
	t.Helper()
	harness.Eventually(t, within, "all targets to be unhealthy", func() bool {
		return len(s.Log.Lines("check web", "is unhealthy")) == 6
	})
}

// noTargetFalls is for during. The canaries may fall: nothing is answered by them.
func noTargetFalls(s *harness.Server) func() string {
	return func() string {
		if lines := s.Log.Lines("check web", "is unhealthy"); len(lines) > 0 {
			return "Expected no healthy target to be taken down, got: " + lines[0]
		}
		return ""
	}
}

// TestF06_AllTargetsGone pulls the cable with nothing to tell whether it was ours: going unhealthy is held, and then
// accepted.
func TestF06_AllTargetsGone(t *testing.T) {
	t.Parallel()
	t.Run("held", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := island(t, w, "", 0)
		w.pull(t)
		// Measured from before the first failure, so it cannot be too long.
		during(t, held-200*time.Millisecond, nothingFalls(s))
		awaitFallen(t, s, decided+slack)
	})
	t.Run("back in time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := island(t, w, "", 0)
		w.pull(t)
		during(t, held/2, nothingFalls(s))
		w.plug(t)
		during(t, held, nothingFalls(s))
		awaitHealthy(t, s, 6)
	})
	t.Run("released by another target", func(t *testing.T) {
		t.Parallel()
		// Somewhere else, but not on this machine: that would tell nothing.
		w, elsewhere := newWorld(t), newWorld(t)
		s := island(t, w, fmt.Sprintf("check other http://%s:%d/\nanswer other 192.0.2.1 check other",
			elsewhere.address(0), serve(t, elsewhere, false).port), 1)
		elsewhere.pull(t)
		w.pull(t)
		during(t, decided, nothingFalls(s))
		elsewhere.plug(t)
		// The pass may be a probe away; then nothing is waited for.
		awaitFallen(t, s, held-decided-500*time.Millisecond)
	})
	t.Run("no route", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := island(t, w, "", 0)
		// Our own end: the routes go with it, and that nobody can reach anything is no statement about targets.
		if err := run("ip", "link", "set", w.near(), "down"); err != nil {
			t.Fatal(err)
		}
		during(t, held+decided, nothingFalls(s))
		if got := probes(t, s, "indeterminate", "no_route"); got == 0 {
			t.Error("Expected probes to be indeterminate for want of a route, got none")
		}
	})
}

// TestF07_Isolated pulls the cable to the targets and the canaries: nothing moves, however long it takes.
func TestF07_Isolated(t *testing.T) {
	t.Parallel()
	canaries := func(w *world, port int) string {
		return fmt.Sprintf(`
			check one http://%s:%d/
			check two http://%s:%d/
			canary one two`, w.address(800), port, w.address(900), port)
	}
	t.Run("frozen", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := island(t, w, canaries(w, serve(t, w, false).port), 2)
		w.pull(t)
		harness.Eventually(t, decided+slack, "the server to see that it is isolated", func() bool {
			return s.Metric(t, isolated) == 1
		})
		during(t, held+decided, noTargetFalls(s))
		if lines := s.Log.Lines("[WARNING]", "cut off"); len(lines) != 1 {
			t.Errorf("Expected one line about being cut off, got %q", lines)
		}
		if got := s.A(t, "www"); got == "" {
			t.Error("Expected the answers to go on")
		}
		w.plug(t)
		harness.Eventually(t, decided+slack, "the server to see that it is not isolated any more", func() bool {
			return s.Metric(t, isolated) == 0
		})
		during(t, decided, noTargetFalls(s))
		awaitHealthy(t, s, 6+2)
	})
	t.Run("released by a canary", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := island(t, w, canaries(w, serve(t, w, false).port), 2)
		w.pull(t)
		harness.Eventually(t, decided+slack, "the server to see that it is isolated", func() bool {
			return s.Metric(t, isolated) == 1
		})
		during(t, decided, noTargetFalls(s))
		// The targets have these, the canaries others.
		w.drop(t, fmt.Sprintf("%s-%s", w.address(0), w.address(5*125)))
		w.plug(t)
		awaitFallen(t, s, decided+slack)
	})
}

// TestF08_CanarySings pulls the cable to the targets while the canary passes: it is not our side, and nothing is held.
func TestF08_CanarySings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bird := harness.Serve(t)
	s := island(t, w, fmt.Sprintf("check bird %s\ncanary bird", bird.URL()), 1)
	w.pull(t)
	awaitFallen(t, s, decided+slack)
	if got := s.Metric(t, isolated); got != 0 {
		t.Errorf("Expected not to be isolated, got %v", got)
	}
}
