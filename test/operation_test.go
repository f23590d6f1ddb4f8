package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestO01_ReadyWaitsForTheFirstRound has a target that hangs for longer than ready may wait.
func TestO01_ReadyWaitsForTheFirstRound(t *testing.T) {
	t.Parallel()
	hung := serve(t)
	hung.set(hang)
	began := time.Now()
	s := start(t, zone(fmt.Sprintf(`
		check hung %s timeout 30s interval 30s
		primary   www 192.0.2.1 check hung
		secondary www 198.51.100.1`, hung.url()), "ready 127.0.0.1:@READY@"))
	ready := func() bool { return s.ready(t) }
	if took := time.Since(began); took < 4*time.Second && ready() {
		t.Errorf("Expected not to be ready %v after the start, with a check unknown", took)
	}
	if got := s.a(t, "www"); got != "192.0.2.1" {
		t.Errorf("Expected an unknown check to count as healthy, got %q", got)
	}
	eventually(t, 10*time.Second, "ready in spite of a check that stays unknown", ready)
	// Process start is part of it, and on a busy machine that can take its time; less than 5 s it cannot be.
	if took := time.Since(began); took < 4900*time.Millisecond {
		t.Errorf("Expected ready no earlier than 5s after the start, got it after %v", took)
	}
}

// TestO01_ReadyWithEverythingDown is ready as soon as all is known, however bad, and stays so.
func TestO01_ReadyWithEverythingDown(t *testing.T) {
	t.Parallel()
	dead := serve(t)
	dead.kill()
	s := start(t, zone(fmt.Sprintf(`
		check dead %s interval 1s timeout 400ms fast 100ms
		primary   www 192.0.2.1 check dead
		secondary www 198.51.100.1 check dead`, dead.url()),
		"ready 127.0.0.1:@READY@ {\n monitor continuously\n }", "prometheus 127.0.0.1:@METRICS@"))
	eventually(t, 4*time.Second, "ready with all targets down", func() bool { return s.ready(t) })
	if got := s.metric(t, "coredns_failover_all_down", "name", "www.example.org.", "type", "A"); got != 1 {
		t.Errorf("Expected everything to be down, got all_down %v", got)
	}
	for range 20 {
		if !s.ready(t) {
			t.Fatal("Expected to stay ready whatever the targets do")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *server) ready(t *testing.T) bool {
	t.Helper()
	code, _, err := s.get(t, "@READY@", "/ready")
	return err == nil && code == http.StatusOK
}

// TestMetadataInTheLog prints, for each kind of set, what the log plugin can say of an answer.
func TestMetadataInTheLog(t *testing.T) {
	t.Parallel()
	e := serve(t)
	s := start(t, zone(fmt.Sprintf(`
		check web %s %s
		primary   www 192.0.2.1 check web id here
		secondary www 198.51.100.1 id there
		weight 1  api 192.0.2.2 id blue
		answer    mul 192.0.2.3
		static    txt TXT hello
		primary   app alias www check web id branch`, e.url(), timing),
		"metadata",
		`log . "SAID {type} {name} record={/failover/record} policy={/failover/policy} id={/failover/id} degraded={/failover/degraded}"`))
	eventually(t, soon, "the settled TTL", func() bool { return s.ttl(t, "www.example.org.", dns.TypeA) == 60 })
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
		s.ask(t, test.name+".example.org.", test.qtype)
		said := append([]string{"SAID " + dns.TypeToString[test.qtype], test.name + ".example.org."}, test.want...)
		eventually(t, 2*time.Second, fmt.Sprintf("a log line with %q", said), func() bool {
			return len(s.log.lines(said...)) > 0
		})
	}
	e.set(fail)
	s.awaitA(t, soon, "www", "198.51.100.1")
	eventually(t, 2*time.Second, "a log line with the secondary, degraded", func() bool {
		return len(s.log.lines("SAID A www.example.org.", "id=there", "degraded=true")) > 0
	})
}

// TestOneLogLineATransition counts what a failure and its end leave in the log.
func TestOneLogLineATransition(t *testing.T) {
	t.Parallel()
	e := serve(t)
	s := start(t, zone(fmt.Sprintf(`
		check webcheck %s?token=secret %s
		primary   www 192.0.2.1 check webcheck
		secondary www 198.51.100.1
		primary   api 192.0.2.1 check webcheck
		secondary api 198.51.100.1`, e.url(), timing)))
	eventually(t, soon, "the settled TTL", func() bool { return s.ttl(t, "www.example.org.", dns.TypeA) == 60 })
	count := func() (down, up int) {
		return len(s.log.lines("webcheck", "is unhealthy")), len(s.log.lines("webcheck", "is healthy"))
	}
	_, first := count()
	e.set(fail)
	s.awaitA(t, soon, "www", "198.51.100.1")
	eventually(t, 2*time.Second, "a line about the failure", func() bool { down, _ := count(); return down > 0 })
	lines := s.log.lines("webcheck", "is unhealthy")
	if len(lines) != 1 || !strings.Contains(lines[0], "500") {
		t.Errorf("Expected one line with the reason, got %q", lines)
	}
	e.set(ok)
	s.awaitA(t, soon, "www", "192.0.2.1")
	eventually(t, 2*time.Second, "a line about the recovery", func() bool {
		down, up := count()
		return down+up == first+2
	})
	if lines := s.log.lines("secret"); len(lines) > 0 {
		t.Errorf("Expected no query string of a target in the log, got %q", lines)
	}
}

// TestWarningsAreLogged starts with what is legal but known to bite.
func TestWarningsAreLogged(t *testing.T) {
	t.Parallel()
	s := start(t, zone(`
		check web http://127.0.0.1:1/ interval 1s timeout 2s
		primary   www 192.0.2.1
		secondary www 198.51.100.1`))
	// The stanza begins in line 4 of the Corefile.
	for _, place := range []string{"Corefile:6", "Corefile:7"} {
		if lines := s.log.lines("[WARNING]", place); len(lines) == 0 {
			t.Errorf("Expected a warning about %s, got:\n%s", place, s.log)
		}
	}
}
