package test

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestProbingIsSeen holds the metrics about the probing itself against what is known of it, before and after a reload.
func TestProbingIsSeen(t *testing.T) {
	t.Parallel()
	// More checks than may probe one port at a time, and every probe takes its whole timeout.
	const hanging, perPort = 70, 64
	ca := newAuthority(t)
	var known identity
	known.show(ca.issue(t, peerName, time.Hour))
	secure := listen(t, address(t, "127.0.0.1"), known.config())
	e, hung := harness.Serve(t), harness.Serve(t)
	serveWeb(t, secure, e.ServeHTTP, nil)
	hung.Set(harness.Hang)
	names := serveNames(t, address(t, "127.0.0.1"), moodEmpty)
	_, port, _ := strings.Cut(secure.Addr().String(), ":")
	// Equal checks are one, and what counts has the first of their names.
	kept := fmt.Sprintf(`
		check * interval 1s timeout 5s fast 200ms fall 2
		check same %[1]s
		check named https://web.example.com:%[2]s/ resolver %[3]s sni www.example.org tls ca.pem
		answer same  192.0.2.1 check same
		answer named 192.0.2.1 check named`, e.URL(), port, names.at)
	gone := fmt.Sprintf("\ncheck twin %s\nanswer twin 192.0.2.1 check twin", e.URL())
	for n := range hanging {
		gone += fmt.Sprintf("\ncheck hung%[1]d http://127.0.0.1:%[2]d/%[1]d timeout 60s\nanswer hung 192.0.2.%[1]d check hung%[1]d", n, hung.Port)
	}
	began := time.Now()
	const plugin = "prometheus 127.0.0.1:@METRICS@"
	s := harness.Start(t, harness.Zone(kept+gone, plugin), "ca.pem", ca.pem)
	metric := func(name string, labels ...string) float64 { return s.Metric(t, "coredns_failover_"+name, labels...) }

	if got := metric("checks"); got != hanging+2 {
		t.Errorf("Expected %d distinct checks, got %v", hanging+2, got)
	}
	harness.Eventually(t, harness.Soon, "as many probes under way as may be, and the others to wait", func() bool {
		return metric("probes_in_flight") >= perPort && metric("probes_waiting") == hanging-perPort
	})
	if got := metric("isolated"); got != 0 {
		t.Errorf("Expected not to be isolated, got %v", got)
	}
	if got := metric("check_held"); got != -1 {
		t.Errorf("Expected no series of a check that is not held, got %v", got)
	}
	harness.Eventually(t, harness.Soon, "every phase of a probe that has them all", func() bool {
		for _, phase := range []string{"resolve", "connect", "tls", "first_byte"} {
			if metric("probe_phase_seconds_count", "check", "named", "phase", phase) < 3 {
				return false
			}
		}
		return true
	})
	if got := metric("probe_phase_seconds_count", "phase", "tls"); got != metric("probe_phase_seconds_count", "check", "named", "phase", "tls") {
		t.Errorf("Expected no handshakes but of the check over TLS, got %v", got)
	}
	// Waiting for others of the same port is not counted.
	if got := metric("probe_lateness_max_seconds"); got < 0 || got > time.Since(began).Seconds() {
		t.Errorf("Expected to be late by less than the test takes, got %v", got)
	}
	harness.Eventually(t, harness.Soon, "a check to be healthy", func() bool { return metric("check_state", "check", "same") == 1 })
	wantLastProbe(t, s, "same", "pass", "ok", began)
	broke := time.Now()
	e.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "a check to be unhealthy", func() bool { return metric("check_state", "check", "same") == 0 })
	wantLastProbe(t, s, "same", "fail", "status", broke)

	s.SignalReload(t, harness.Zone(kept, plugin), false)
	if got := metric("checks"); got != 2 {
		t.Errorf("Expected 2 checks after the reload, got %v", got)
	}
	harness.Eventually(t, harness.Soon, "no probe to wait, nor to hang", func() bool {
		return metric("probes_in_flight") < 3 && metric("probes_waiting") == 0
	})
	_, page, err := s.Get(t, "@METRICS@", "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if left := regexp.MustCompile(`(?m)^.*check="(twin|hung\d+)".*$`).FindAllString(page, -1); len(left) > 0 {
		t.Errorf("Expected no series of checks that are gone, got %d: %s...", len(left), left[0])
	}
	if got := metric("probes_total", "check", "same", "outcome", "fail"); got < 2 {
		t.Errorf("Expected the counts of a check that stays to stay, got %v", got)
	}
}

// wantLastProbe wants the one series of a check about its last probe, which ended after a time.
func wantLastProbe(t *testing.T, s *harness.Server, check, outcome, reason string, after time.Time) {
	t.Helper()
	const metric = "coredns_failover_check_last_probe_timestamp_seconds"
	if all := s.Values(t, metric, "check", check); len(all) != 1 {
		t.Errorf("Expected one series about the last probe of %s, got %d", check, len(all))
	}
	got := s.Metric(t, metric, "check", check, "outcome", outcome, "reason", reason)
	// It is given in milliseconds, and the clock is that of the same machine.
	if least, most := float64(after.UnixMilli())/1000-0.001, float64(time.Now().UnixMilli())/1000+0.001; got < least || got > most {
		t.Errorf("Expected the last probe of %s to be a %s (%s) between %f and %f, got %f", check, outcome, reason, least, most, got)
	}
}

// TestSeriesAreAsManyAsDocumented counts the series of a check with several targets: the README gives the numbers.
func TestSeriesAreAsManyAsDocumented(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t, "127.0.0.1", "127.0.0.2", "127.0.0.3")
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web http://:%d/ interval 500ms timeout 5s fast 200ms fall 2
		answer www 127.0.0.1 check web
		answer www 127.0.0.2 check web
		answer www 127.0.0.3 check web`, e.Port), "prometheus 127.0.0.1:@METRICS@"))
	const targets = 3
	line := regexp.MustCompile(`(?m)^coredns_failover_\w+\{[^}]*check="web"[^}]*\}`)
	count := func() (perTarget, perName int) {
		_, page, err := s.Get(t, "@METRICS@", "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		for _, series := range line.FindAllString(page, -1) {
			if strings.Contains(series, "target=") {
				perTarget++
			} else {
				perName++
			}
		}
		return perTarget, perName
	}
	// A histogram has 10 buckets, a sum and a count.
	const histogram = 12
	for _, step := range []struct {
		mode    harness.Mode
		state   float64
		reasons int // for which the check has ever gone to a state, and with which probes have ended
	}{
		{harness.OK, 1, 1}, {harness.Fail, 0, 2}, {harness.OK, 1, 2}, {harness.Fail, 0, 2},
	} {
		e.Set(step.mode)
		harness.Eventually(t, harness.Soon, fmt.Sprintf("all checks in the state %v", step.state), func() bool {
			states := s.Values(t, "coredns_failover_check_state")
			for _, state := range states {
				if state != step.state {
					return false
				}
			}
			return len(states) == targets
		})
		// State and last probe, and how long probes took, connecting and the first byte.
		perTarget, perName := targets*(2+step.reasons), 3*histogram+step.reasons
		what := fmt.Sprintf("%d series with a target and %d without, in state %v", perTarget, perName, step.state)
		harness.Eventually(t, harness.Soon, what, func() bool {
			gotTarget, gotName := count()
			return gotTarget == perTarget && gotName == perName
		})
	}
}

// TestH14_H17_CutOff breaks all that a server looks at, its canary too: what fails is held back, and shown, until the
// canary is back; what comes back is believed all the while. To the server these names are hosts elsewhere.
func TestH14_H17_CutOff(t *testing.T) {
	t.Parallel()
	world, bird, late := harness.Serve(t), harness.Serve(t), harness.Serve(t)
	late.Set(harness.Fail)
	names := serveNames(t, address(t, "127.0.0.1"), moodEmpty)
	lines := fmt.Sprintf(`
		canary bird
		check *    interval 1s timeout 5s fast 200ms fall 2 resolver %s
		check bird http://bird.example.com:%d/
		check late http://late.example.com:%d/
		answer late 192.0.2.9 check late`, names.at, bird.Port, late.Port)
	const hosts = 4
	for n := range hosts {
		lines += fmt.Sprintf("\ncheck web%[1]d http://web%[1]d.example.com:%[2]d/\nprimary web%[1]d 192.0.2.1 check web%[1]d\nsecondary web%[1]d 198.51.100.1",
			n, world.Port)
	}
	s := harness.Start(t, harness.Zone(lines, "prometheus 127.0.0.1:@METRICS@"))
	metric := func(name string, labels ...string) float64 { return s.Metric(t, "coredns_failover_"+name, labels...) }
	harness.Eventually(t, harness.Soon, "what is well to be healthy, and what is not unhealthy", func() bool {
		return s.TTL(t, "web0.example.org.", dns.TypeA) == 60 && metric("check_state") == hosts+1 &&
			metric("check_state", "check", "late") == 0
	})

	bird.Kill()
	world.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "the server to see that it is cut off", func() bool {
		return metric("isolated") == 1 && metric("check_held") == hosts
	})
	if got := metric("check_held", "check", "web0", "target", fmt.Sprintf("http://web0.example.com:%d/", world.Port)); got != 1 {
		t.Errorf("Expected the check and its target as labels of what is held, got %v", got)
	}
	wantEvents(t, s, 1, 0)
	late.Set(harness.OK)
	harness.Eventually(t, harness.Soon, "what comes back to be believed", func() bool { return metric("check_state", "check", "late") == 1 })
	if got := metric("isolated"); got != 1 {
		t.Errorf("Expected one host that is back to prove nothing, got isolated %v", got)
	}
	if got := s.A(t, "web0"); got != "192.0.2.1" {
		t.Errorf("Expected the answer to stay, got %q", got)
	}
	if lines := s.Log.Lines("check web", "is unhealthy"); len(lines) > 0 {
		t.Errorf("Expected nothing to become unhealthy, got %q", lines)
	}

	bird.Revive(t)
	s.AwaitA(t, harness.Soon, "web0", "198.51.100.1")
	harness.Eventually(t, harness.Soon, "nothing to be held any more", func() bool {
		return metric("isolated") == 0 && metric("check_held") == -1
	})
	wantEvents(t, s, 1, 1)
}

// wantEvents wants so many events, and a line of the log for each.
func wantEvents(t *testing.T, s *harness.Server, isolated, connected int) {
	t.Helper()
	for _, want := range []struct {
		event, level, text string
		times              int
	}{
		{"isolated", "[WARNING]", "this server seems to be cut off", isolated},
		{"connected", "[INFO]", "this server is not cut off any more", connected},
	} {
		// The event comes after the gauge.
		harness.Eventually(t, harness.Soon, fmt.Sprintf("%d events %s", want.times, want.event), func() bool {
			return max(0, s.Metric(t, "coredns_failover_events_total", "event", want.event)) == float64(want.times) &&
				len(s.Log.Lines(want.level, want.text)) == want.times
		})
	}
}

// TestH18_StopIsSeen stops the process while its target dies, and has another target that takes its time: until that has
// been probed again, what fails is held.
func TestH18_StopIsSeen(t *testing.T) {
	t.Parallel()
	const stopped = 4500 * time.Millisecond // three seconds from when something was to be done are noticed
	e, slow := harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web  %s interval 1s timeout 1s fast 100ms fall 3
		check slow %s interval 1s timeout 3s fast 100ms fall 3
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1
		answer    slow 192.0.2.2 check slow`, e.URL(), slow.URL()), "prometheus 127.0.0.1:@METRICS@"))
	metric := func(name string, labels ...string) float64 { return s.Metric(t, "coredns_failover_"+name, labels...) }
	harness.Eventually(t, harness.Soon, "both checks to be healthy", func() bool { return metric("check_state") == 2 })
	s.Signal(t, syscall.SIGSTOP)
	t.Cleanup(func() { _ = s.Cmd.Process.Signal(syscall.SIGCONT) }) // a stopped process does not end
	e.Set(harness.Fail)
	slow.Set(harness.Hang)
	<-time.After(stopped)
	s.Signal(t, syscall.SIGCONT)
	harness.Eventually(t, harness.Soon, "failures to be held until the other target has been probed", func() bool {
		return metric("check_held", "check", "web") == 1
	})
	if got := s.A(t, "www"); got != "192.0.2.1" {
		t.Errorf("Expected the primary while its failures are held, got %q", got)
	}
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	if got := metric("events_total", "event", "resumed"); got != 1 {
		t.Errorf("Expected one event, got %v", got)
	}
	if lines := s.Log.Lines("[WARNING]", "this process was stopped for "); len(lines) != 1 {
		t.Errorf("Expected one line about the stop, got:\n%s", s.Log)
	}
}
