//go:build linux

package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestF02_BlackHole has thousands of targets vanish without a word. Each of their attempts then takes its whole
// timeout; the checks of other targets must not notice.
func TestF02_BlackHole(t *testing.T) {
	const holes = 2000
	// As many attempts as the limit on probes lets run at a time, or fewer: then nothing at all may be late.
	t.Run("within the limit", func(t *testing.T) {
		machine := stalls(t)
		s, failed := blackHole(t, holes, "interval 4s timeout 1s fast 4s")
		if failed < holes {
			t.Errorf("Expected all of %d targets to time out, got %d failures", holes, failed)
		}
		wantPunctual(t, s.Metric(t, lateness), 50*time.Millisecond+2*machine())
	})
	// More than that: the vanished ones have to wait for each other, and for them alone.
	t.Run("beyond the limit", func(t *testing.T) {
		if _, failed := blackHole(t, holes, "interval 4s timeout 3s fast 3s"); failed == 0 {
			t.Error("Expected targets to time out, got no failures")
		}
	})
}

// blackHole has targets vanish whose check has the timing given, and watches others meanwhile. It returns the server and
// how many probes timed out.
func blackHole(t *testing.T, holes int, timing string) (s *harness.Server, failed int) {
	t.Helper()
	const (
		others  = 20
		perLine = 10
	)
	// The others are elsewhere, but not on this machine: all that is outside would have vanished then.
	w, elsewhere := newWorld(t), newWorld(t)
	gone, there := serve(t, w, false), serve(t, elsewhere, false)
	var stanza strings.Builder
	fmt.Fprintf(&stanza, "check hole  tcp://:%d %s\n", gone.port, timing)
	fmt.Fprintf(&stanza, "check other tcp://:%d interval 1s timeout 500ms fast 1s\n", there.port)
	for n := 0; n < holes; n += perLine {
		fmt.Fprintf(&stanza, "answer hole%d", n)
		for i := range perLine {
			stanza.WriteString(" " + w.address(n+i))
		}
		stanza.WriteString(" check hole\n")
	}
	for n := range others {
		fmt.Fprintf(&stanza, "answer other%d %s check other\n", n, elsewhere.address(n))
	}
	s = start(t, stanza.String())
	awaitHealthy(t, s, holes+others)

	machine := stalls(t)
	quiet := spread(t, there, others, 2*time.Second)
	before := probes(t, s, "fail", "timeout")
	w.drop(t, w.prefix())
	// While the first of them are on their way down, and on.
	loud := spread(t, there, others, 6*time.Second)
	// Their jitter is 2 % of the interval at either end; the rest is for this process, which has to accept them.
	most := max(quiet, 40*time.Millisecond) + 60*time.Millisecond + 2*machine()
	if loud > most {
		// Once more: a busy machine can stop everything for a moment.
		loud = spread(t, there, others, 6*time.Second)
	}
	if lines := s.Log.Lines("check other", "is unhealthy"); len(lines) > 0 {
		t.Errorf("Expected the other targets to stay healthy, got: %s", lines[0])
	}
	t.Logf("Other targets' probes were off their interval by %v before, by %v in the black hole", quiet, loud)
	if loud > most {
		t.Errorf("Expected other targets' probes to keep their time within %v, they were off by %v", most, loud)
	}
	return s, int(probes(t, s, "fail", "timeout") - before)
}

// lateness is the metric for how late probes are at worst.
const lateness = "coredns_failover_probe_lateness_max_seconds"

func wantPunctual(t *testing.T, got float64, most time.Duration) {
	t.Helper()
	switch {
	case got < 0:
		t.Errorf("Expected the metric %s, got none", lateness)
	case got > most.Seconds():
		t.Errorf("Expected no probe to begin more than %v late, got %v s", most, got)
	}
}

// spread watches a target that n checks probe, for a time, and returns how far the 99th percentile of the probes was
// off its interval of one second; the whole time, if they were too few.
func spread(t *testing.T, g *target, n int, d time.Duration) time.Duration {
	t.Helper()
	from := g.count()
	during(t, d, func() string { return "" })
	times := g.times(from)
	if rounds := len(times) / n; rounds < max(2, int(d.Seconds())-2) {
		t.Logf("%d checks were to be probed every second, but got %d probes in %v", n, len(times), d)
		return d
	}
	// With equal phases the nth probe after another is the same check's.
	var off []time.Duration
	for i := n; i < len(times); i++ {
		off = append(off, (times[i].Sub(times[i-n]) - time.Second).Abs())
	}
	slices.Sort(off)
	return off[len(off)*99/100]
}
