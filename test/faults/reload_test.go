//go:build linux

package faults

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestF15_Reloads reloads again and again, every fourth time with a broken Corefile: what is known stays, and nothing
// piles up.
func TestF15_Reloads(t *testing.T) {
	reloads := 30
	if full {
		reloads = 1000
	}
	const checks = 40
	web, dead := serve(t, nil, false), harness.Serve(t)
	dead.Set(harness.Fail)
	generation := func(n int) string {
		return harness.Zone(fmt.Sprintf(`
			check * interval 200ms timeout 20s fast 100ms fall 2
			check web  http://:%d/
			check dead %s
			primary   www 192.0.2.1 check dead
			secondary www 198.51.100.1
			static    generation TXT %d
			%s`, web.port, dead.URL(), n, loopbacks(checks, "web")), withMetrics)
	}
	s := harness.Start(t, generation(0))
	awaitHealthy(t, s, checks)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	reload := func(n int) {
		t.Helper()
		corefile := generation(n)
		bad := n%4 == 3
		if bad {
			corefile = strings.Replace(corefile, "interval", "intervall", 1)
		}
		s.SignalReload(t, corefile, bad)
		if got := s.A(t, "www"); got != "198.51.100.1" {
			t.Fatalf("Reload %d: expected the dead target to be remembered, got %s", n, got)
		}
		if got := healthy(t, s); got != checks {
			t.Fatalf("Reload %d: expected %d healthy checks, got %d", n, checks, got)
		}
	}
	// What a first reload allocates for good is no leak.
	for n := range 5 {
		reload(n)
	}
	transitions := s.Log.Count("was ")
	goroutines, files := usage(t, s)
	for n := range reloads {
		reload(5 + n)
	}
	if got := s.Log.Count("was "); got != transitions {
		t.Errorf("Expected no change of a state, got %d", got-transitions)
	}
	// A few probes may be under way at each look.
	const probing = 4
	var g, f int
	harness.Eventually(t, 15*time.Second, fmt.Sprintf("about %d goroutines and %d files", goroutines, files), func() bool {
		g, f = usage(t, s)
		return g <= goroutines+probing && f <= files+probing
	})
	t.Logf("%d reloads: %d goroutines, now %d; %d files, now %d", reloads, goroutines, g, files, f)
}

// usage returns how many goroutines and open files the server has.
func usage(t *testing.T, s *harness.Server) (goroutines, files int) {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return int(s.Metric(t, "go_goroutines")), len(entries)
}
