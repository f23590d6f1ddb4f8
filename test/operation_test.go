package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestO01_ReadyWaitsForTheFirstRound has a target that hangs for longer than ready may wait.
func TestO01_ReadyWaitsForTheFirstRound(t *testing.T) {
	t.Parallel()
	hung := harness.Serve(t)
	hung.Set(harness.Hang)
	began := time.Now()
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check hung %s timeout 30s interval 30s
		primary   www 192.0.2.1 check hung
		secondary www 198.51.100.1`, hung.URL()), "ready 127.0.0.1:@READY@"))
	ready := func() bool { return isReady(t, s) }
	if took := time.Since(began); took < 4*time.Second && ready() {
		t.Errorf("Expected not to be ready %v after the start, with a check unknown", took)
	}
	if got := s.A(t, "www"); got != "192.0.2.1" {
		t.Errorf("Expected an unknown check to count as healthy, got %q", got)
	}
	harness.Eventually(t, 10*time.Second, "ready in spite of a check that stays unknown", ready)
	// Process start is part of it, and on a busy machine that can take its time; less than 5 s it cannot be.
	if took := time.Since(began); took < 4900*time.Millisecond {
		t.Errorf("Expected ready no earlier than 5s after the start, got it after %v", took)
	}
}

// TestO01_ReadyWithEverythingDown is ready as soon as all is known, however bad, and stays so.
func TestO01_ReadyWithEverythingDown(t *testing.T) {
	t.Parallel()
	dead := harness.Serve(t)
	dead.Kill()
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check dead %s interval 1s timeout 400ms fast 100ms
		primary   www 192.0.2.1 check dead
		secondary www 198.51.100.1 check dead`, dead.URL()),
		"ready 127.0.0.1:@READY@ {\n monitor continuously\n }", "prometheus 127.0.0.1:@METRICS@"))
	harness.Eventually(t, 4*time.Second, "ready with all targets down", func() bool { return isReady(t, s) })
	if got := s.Metric(t, "coredns_failover_all_down", "name", "www.example.org.", "type", "A"); got != 1 {
		t.Errorf("Expected everything to be down, got all_down %v", got)
	}
	for range 20 {
		if !isReady(t, s) {
			t.Fatal("Expected to stay ready whatever the targets do")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func isReady(t *testing.T, s *harness.Server) bool {
	t.Helper()
	code, _, err := s.Get(t, "@READY@", "/ready")
	return err == nil && code == http.StatusOK
}

// TestMetadataInTheLog prints, for each kind of set, what the log plugin can say of an answer.
func TestMetadataInTheLog(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web %s %s
		primary   www 192.0.2.1 check web id here
		secondary www 198.51.100.1 id there
		weight 1  api 192.0.2.2 id blue
		answer    mul 192.0.2.3
		static    txt TXT hello
		primary   app alias www check web id branch`, e.URL(), timing),
		"metadata",
		`log . "SAID {type} {name} record={/failover/record} policy={/failover/policy} id={/failover/id} degraded={/failover/degraded}"`))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 60 })
	tests := []struct {
		name  string
		qtype uint16
		want  []string
	}{
		{"www", dns.TypeA, []string{"record=www.example.org. A", "policy=failover", "id=here", "degraded=false"}},
		{"api", dns.TypeA, []string{"record=api.example.org. A", "policy=weighted", "id=blue", "degraded=false"}},
		{"mul", dns.TypeA, []string{"record=mul.example.org. A", "policy=multivalue", "degraded=false"}},
		{"txt", dns.TypeTXT, []string{"record=txt.example.org. TXT", "policy=simple", "degraded=false"}},
		{"app", dns.TypeA, []string{"record=app.example.org. A", "policy=failover", "id=branch/here", "degraded=false"}},
	}
	for _, test := range tests {
		s.Ask(t, test.name+".example.org.", test.qtype)
		said := append([]string{"SAID " + dns.TypeToString[test.qtype], test.name + ".example.org."}, test.want...)
		harness.Eventually(t, 2*time.Second, fmt.Sprintf("a log line with %q", said), func() bool {
			return len(s.Log.Lines(said...)) > 0
		})
	}
	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	harness.Eventually(t, 2*time.Second, "a log line with the secondary, degraded", func() bool {
		return len(s.Log.Lines("SAID A www.example.org.", "id=there", "degraded=true")) > 0
	})
}

// TestOneLogLineATransition counts what a failure and its end leave in the log.
func TestOneLogLineATransition(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check webcheck %s?token=secret %s
		primary   www 192.0.2.1 check webcheck
		secondary www 198.51.100.1
		primary   api 192.0.2.1 check webcheck
		secondary api 198.51.100.1`, e.URL(), timing)))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 60 })
	count := func() (down, up int) {
		return len(s.Log.Lines("webcheck", "is unhealthy")), len(s.Log.Lines("webcheck", "is healthy"))
	}
	_, first := count()
	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	harness.Eventually(t, 2*time.Second, "a line about the failure", func() bool { down, _ := count(); return down > 0 })
	lines := s.Log.Lines("webcheck", "is unhealthy")
	if len(lines) != 1 || !strings.Contains(lines[0], "500") {
		t.Errorf("Expected one line with the reason, got %q", lines)
	}
	e.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	harness.Eventually(t, 2*time.Second, "a line about the recovery", func() bool {
		down, up := count()
		return down+up == first+2
	})
	if lines := s.Log.Lines("secret"); len(lines) > 0 {
		t.Errorf("Expected no query string of a target in the log, got %q", lines)
	}
}

// TestWarningsAreLogged starts with what is legal but known to bite.
func TestWarningsAreLogged(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(`
		check web http://127.0.0.1:1/ interval 1s timeout 2s
		primary   www 192.0.2.1
		secondary www 198.51.100.1`))
	// The stanza begins in line 4 of the Corefile.
	for _, place := range []string{"Corefile:6", "Corefile:7"} {
		if lines := s.Log.Lines("[WARNING]", place); len(lines) == 0 {
			t.Errorf("Expected a warning about %s, got:\n%s", place, s.Log)
		}
	}
}
