package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// The timing of every check in this file, and what it adds up to (statements H03, H04): a target that breaks right after
// a probe is noticed an interval later, fall failures decide, each after the first fast after the one before.
const (
	interval = time.Second
	timeout  = 400 * time.Millisecond
	fast     = 200 * time.Millisecond
	fall     = 3
	rise     = 2

	timing = "interval 1s timeout 400ms fast 200ms fall 3 rise 2"

	// The same for tests that count probes: a target that a busy machine makes slow has not failed.
	patient = "interval 1s timeout 20s fast 200ms fall 3 rise 2"

	// Probes keep to their schedule within 2 %; the rest is for a busy machine.
	slack = 800 * time.Millisecond
)

// TestH03_AnswerMovesAndMovesBack breaks a primary in each way there is and mends it.
func TestH03_AnswerMovesAndMovesBack(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		name    string
		breakIt func(e *harness.Endpoint)
		mend    func(t *testing.T, e *harness.Endpoint)
		// silent says that a probe is noticed to have failed only by its timeout.
		silent bool
		// counted says that the endpoint sees the probes that fail.
		counted bool
	}{
		{"killed", (*harness.Endpoint).Kill, func(t *testing.T, e *harness.Endpoint) { t.Helper(); e.Revive(t) }, false, false},
		{"hung", func(e *harness.Endpoint) { e.Set(harness.Hang) }, mend, true, true},
		{"answering500", func(e *harness.Endpoint) { e.Set(harness.Fail) }, mend, false, true},
		{"dripping", func(e *harness.Endpoint) { e.Set(harness.Drip) }, mend, true, true},
		{"wrongbody", func(e *harness.Endpoint) { e.Set(harness.Empty) }, mend, false, true},
	}
	endpoints := make([]*harness.Endpoint, len(kinds))
	lines := ""
	for i, kind := range kinds {
		endpoints[i] = harness.Serve(t)
		lines += fmt.Sprintf(`
			check %[1]s %[2]s %[3]s match "status: ok"
			primary   %[1]s 192.0.2.1 check %[1]s
			secondary %[1]s 198.51.100.1`, kind.name, endpoints[i].URL(), timing)
	}
	s := harness.Start(t, harness.Zone(lines))
	for i, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			e := endpoints[i]
			harness.Eventually(t, harness.Soon, "the settled TTL", func() bool {
				return s.TTL(t, kind.name+".example.org.", dns.TypeA) == 60
			})
			if got := s.A(t, kind.name); got != "192.0.2.1" {
				t.Fatalf("Expected the primary at first, got %q", got)
			}

			most := interval + (fall-1)*fast + slack
			if kind.silent {
				most += fall * timeout
			}
			// A probe that began before the target was mended may still run into its timeout.
			back := interval + (rise-1)*fast + timeout + slack
			// Once more if it came late: a busy machine can stop everything for a second.
			for range 2 {
				seen, began := e.Count(), time.Now()
				kind.breakIt(e)
				s.AwaitA(t, time.Minute, kind.name, "198.51.100.1")
				away := time.Since(began)
				if least := (fall - 1) * fast * 9 / 10; away < least {
					t.Errorf("Expected %d failures to take %v at least, but the answer moved after %v", fall, least, away)
				}
				if probes := e.Count() - seen; kind.counted && probes < fall {
					t.Errorf("Expected the answer to move after %d failures, it did after %d probes", fall, probes)
				}

				seen, began = e.Count(), time.Now()
				kind.mend(t, e)
				s.AwaitA(t, time.Minute, kind.name, "192.0.2.1")
				home := time.Since(began)
				if probes := e.Count() - seen; probes < rise {
					t.Errorf("Expected the answer to move back after %d passes, it did after %d probes", rise, probes)
				}
				if away <= most && home <= back {
					return
				}
				t.Logf("Late: the answer moved after %v, expected %v, and back after %v, expected %v", away, most, home, back)
			}
			t.Error("Expected the answer to move in time, it was late twice")
		})
	}
}

func mend(_ *testing.T, e *harness.Endpoint) { e.Set(harness.OK) }

// TestR06_BothDownServesPrimary also holds the other ways of all_down against each other on the same targets.
func TestR06_BothDownServesPrimary(t *testing.T) {
	t.Parallel()
	first, second := harness.Serve(t), harness.Serve(t)
	lines := fmt.Sprintf("check one %s %s\n check two %s %s\n", first.URL(), timing, second.URL(), timing)
	for _, name := range []string{"serve", "nodata", "servfail", "refuse", "next", "fixed", "last"} {
		lines += fmt.Sprintf(" primary %[1]s 192.0.2.1 check one\n secondary %[1]s 198.51.100.1 check two\n", name)
	}
	for _, way := range []string{"nodata", "servfail", "refuse", "next", "last"} {
		lines += fmt.Sprintf(" set %[1]s all_down %[1]s\n", way)
	}
	lines += " set fixed all_down answer 203.0.113.7\n"
	s := harness.Start(t, harness.Zone(lines, "hosts {\n 203.0.113.99 next.example.org\n }"))
	rcode := func(label string) string {
		return dns.RcodeToString[s.Ask(t, label+".example.org.", dns.TypeA).Rcode]
	}

	first.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "last", "198.51.100.1")
	second.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "fixed", "203.0.113.7")
	for label, want := range map[string]string{
		"serve": "192.0.2.1", "last": "198.51.100.1", "next": "203.0.113.99",
		"nodata": "", "servfail": "", "refuse": "",
	} {
		s.AwaitA(t, time.Second, label, want)
	}
	for label, want := range map[string]string{"nodata": "NOERROR", "servfail": "SERVFAIL", "refuse": "REFUSED"} {
		if got := rcode(label); got != want {
			t.Errorf("Expected %s for %s, got %s", want, label, got)
		}
	}
	if err := harness.CheckNegative(s.Ask(t, "nodata.example.org.", dns.TypeA), dns.RcodeSuccess, "example.org."); err != nil {
		t.Error(err)
	}

	second.Set(harness.OK)
	for _, label := range []string{"serve", "nodata", "servfail", "refuse", "next", "fixed", "last"} {
		s.AwaitA(t, harness.Soon, label, "198.51.100.1")
	}
	first.Set(harness.OK)
	for _, label := range []string{"serve", "last", "next"} {
		s.AwaitA(t, harness.Soon, label, "192.0.2.1")
	}
}

// TestR11_SecondaryWithoutCheck answers as long as it has to, and tiers are tried in the order of their lines.
func TestR11_SecondaryWithoutCheck(t *testing.T) {
	t.Parallel()
	first, second := harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check *   %s
		check one %s
		check two %s
		primary   www 192.0.2.1 check one
		secondary www 192.0.2.2 check two
		secondary www 192.0.2.3
		secondary www 192.0.2.4`, timing, first.URL(), second.URL())))
	first.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.2")
	second.Kill()
	s.AwaitA(t, harness.Soon, "www", "192.0.2.3")
	second.Revive(t)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.2")
	first.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
}

// TestR18_FamiliesMoveTogether has a primary of both families behind one template, of which only IPv6 breaks.
func TestR18_FamiliesMoveTogether(t *testing.T) {
	t.Parallel()
	four := harness.Serve(t)
	six := harness.ServeOn(t, four.Port, "::1")
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web http://:%d/ %s
		primary   www 127.0.0.1 ::1 check web
		secondary www 192.0.2.1 2001:db8::1
		primary   four 127.0.0.1 check web
		secondary four 192.0.2.1 2001:db8::1`, four.Port, timing)))
	both := func() string {
		return s.A(t, "www") + " " + s.Addresses(t, "www.example.org.", dns.TypeAAAA)
	}
	harness.Eventually(t, harness.Soon, "both families of the primary", func() bool { return both() == "127.0.0.1 ::1" })
	if err := harness.CheckNegative(s.Ask(t, "four.example.org.", dns.TypeAAAA), dns.RcodeSuccess, "example.org."); err != nil {
		t.Errorf("A tier without IPv6: %v", err)
	}

	six.Kill()
	harness.Eventually(t, harness.Soon, "both families of the secondary", func() bool { return both() == "192.0.2.1 2001:db8::1" })
	if got := s.A(t, "four"); got != "127.0.0.1" {
		t.Errorf("Expected IPv6's trouble to leave a set without IPv6 alone, got %q", got)
	}
	six.Revive(t)
	harness.Eventually(t, harness.Soon, "both families of the primary", func() bool { return both() == "127.0.0.1 ::1" })
}

// TestR21_FailbackManual stays on the secondary when the primary is back, and leaves it when the secondary fails.
func TestR21_FailbackManual(t *testing.T) {
	t.Parallel()
	first, second := harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check *   %s
		check one %s
		check two %s
		primary   stay 192.0.2.1 check one
		secondary stay 198.51.100.1 check two
		set       stay failback manual
		primary   late 192.0.2.1 check one
		secondary late 198.51.100.1 check two
		set       late failback 3s
		primary   auto 192.0.2.1 check one
		secondary auto 198.51.100.1 check two`, timing, first.URL(), second.URL())))
	first.Set(harness.Fail)
	for _, name := range []string{"stay", "late", "auto"} {
		s.AwaitA(t, harness.Soon, name, "198.51.100.1")
	}
	back := time.Now()
	first.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "auto", "192.0.2.1")
	if got := s.A(t, "late"); got != "198.51.100.1" {
		t.Errorf("Expected failback 3s to hold the secondary for now, got %q", got)
	}
	s.AwaitA(t, harness.Soon, "late", "192.0.2.1")
	if took := time.Since(back); took < 3*time.Second {
		t.Errorf("Expected failback after 3s, got it after %v", took)
	}
	if got := s.A(t, "stay"); got != "198.51.100.1" {
		t.Errorf("Expected failback manual to stay on the secondary, got %q", got)
	}
	second.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "stay", "192.0.2.1")
}
