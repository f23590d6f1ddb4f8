package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
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
		breakIt func(e *endpoint)
		mend    func(t *testing.T, e *endpoint)
		// silent says that a probe is noticed to have failed only by its timeout.
		silent bool
		// counted says that the endpoint sees the probes that fail.
		counted bool
	}{
		{"killed", (*endpoint).kill, func(t *testing.T, e *endpoint) { t.Helper(); e.revive(t) }, false, false},
		{"hung", func(e *endpoint) { e.set(hang) }, mend, true, true},
		{"answering500", func(e *endpoint) { e.set(fail) }, mend, false, true},
		{"dripping", func(e *endpoint) { e.set(drip) }, mend, true, true},
		{"wrongbody", func(e *endpoint) { e.set(empty) }, mend, false, true},
	}
	endpoints := make([]*endpoint, len(kinds))
	lines := ""
	for i, kind := range kinds {
		endpoints[i] = serve(t)
		lines += fmt.Sprintf(`
			check %[1]s %[2]s %[3]s match "status: ok"
			primary   %[1]s 192.0.2.1 check %[1]s
			secondary %[1]s 198.51.100.1`, kind.name, endpoints[i].url(), timing)
	}
	s := start(t, zone(lines))
	for i, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			e := endpoints[i]
			eventually(t, soon, "the settled TTL", func() bool {
				return s.ttl(t, kind.name+".example.org.", dns.TypeA) == 60
			})
			if got := s.a(t, kind.name); got != "192.0.2.1" {
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
				seen, began := e.count(), time.Now()
				kind.breakIt(e)
				s.awaitA(t, time.Minute, kind.name, "198.51.100.1")
				away := time.Since(began)
				if least := (fall - 1) * fast * 9 / 10; away < least {
					t.Errorf("Expected %d failures to take %v at least, but the answer moved after %v", fall, least, away)
				}
				if probes := e.count() - seen; kind.counted && probes < fall {
					t.Errorf("Expected the answer to move after %d failures, it did after %d probes", fall, probes)
				}

				seen, began = e.count(), time.Now()
				kind.mend(t, e)
				s.awaitA(t, time.Minute, kind.name, "192.0.2.1")
				home := time.Since(began)
				if probes := e.count() - seen; probes < rise {
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

func mend(_ *testing.T, e *endpoint) { e.set(ok) }

// TestR06_BothDownServesPrimary also holds the other ways of all_down against each other on the same targets.
func TestR06_BothDownServesPrimary(t *testing.T) {
	t.Parallel()
	first, second := serve(t), serve(t)
	lines := fmt.Sprintf("check one %s %s\n check two %s %s\n", first.url(), timing, second.url(), timing)
	for _, name := range []string{"serve", "nodata", "servfail", "refuse", "next", "fixed", "last"} {
		lines += fmt.Sprintf(" primary %[1]s 192.0.2.1 check one\n secondary %[1]s 198.51.100.1 check two\n", name)
	}
	for _, way := range []string{"nodata", "servfail", "refuse", "next", "last"} {
		lines += fmt.Sprintf(" set %[1]s all_down %[1]s\n", way)
	}
	lines += " set fixed all_down answer 203.0.113.7\n"
	s := start(t, zone(lines, "hosts {\n 203.0.113.99 next.example.org\n }"))
	rcode := func(label string) string {
		return dns.RcodeToString[s.ask(t, label+".example.org.", dns.TypeA).Rcode]
	}

	first.set(fail)
	s.awaitA(t, soon, "last", "198.51.100.1")
	second.set(fail)
	s.awaitA(t, soon, "fixed", "203.0.113.7")
	for label, want := range map[string]string{
		"serve": "192.0.2.1", "last": "198.51.100.1", "next": "203.0.113.99",
		"nodata": "", "servfail": "", "refuse": "",
	} {
		s.awaitA(t, time.Second, label, want)
	}
	for label, want := range map[string]string{"nodata": "NOERROR", "servfail": "SERVFAIL", "refuse": "REFUSED"} {
		if got := rcode(label); got != want {
			t.Errorf("Expected %s for %s, got %s", want, label, got)
		}
	}
	if err := checkNegative(s.ask(t, "nodata.example.org.", dns.TypeA), dns.RcodeSuccess, "example.org."); err != nil {
		t.Error(err)
	}

	second.set(ok)
	for _, label := range []string{"serve", "nodata", "servfail", "refuse", "next", "fixed", "last"} {
		s.awaitA(t, soon, label, "198.51.100.1")
	}
	first.set(ok)
	for _, label := range []string{"serve", "last", "next"} {
		s.awaitA(t, soon, label, "192.0.2.1")
	}
}

// TestR11_SecondaryWithoutCheck answers as long as it has to, and tiers are tried in the order of their lines.
func TestR11_SecondaryWithoutCheck(t *testing.T) {
	t.Parallel()
	first, second := serve(t), serve(t)
	s := start(t, zone(fmt.Sprintf(`
		check *   %s
		check one %s
		check two %s
		primary   www 192.0.2.1 check one
		secondary www 192.0.2.2 check two
		secondary www 192.0.2.3
		secondary www 192.0.2.4`, timing, first.url(), second.url())))
	first.set(fail)
	s.awaitA(t, soon, "www", "192.0.2.2")
	second.kill()
	s.awaitA(t, soon, "www", "192.0.2.3")
	second.revive(t)
	s.awaitA(t, soon, "www", "192.0.2.2")
	first.set(ok)
	s.awaitA(t, soon, "www", "192.0.2.1")
}

// TestR18_FamiliesMoveTogether has a primary of both families behind one template, of which only IPv6 breaks.
func TestR18_FamiliesMoveTogether(t *testing.T) {
	t.Parallel()
	four := serve(t)
	six := &endpoint{hosts: []string{"::1"}, port: four.port}
	six.revive(t)
	t.Cleanup(six.kill)
	s := start(t, zone(fmt.Sprintf(`
		check web http://:%d/ %s
		primary   www 127.0.0.1 ::1 check web
		secondary www 192.0.2.1 2001:db8::1
		primary   four 127.0.0.1 check web
		secondary four 192.0.2.1 2001:db8::1`, four.port, timing)))
	both := func() string {
		return s.a(t, "www") + " " + s.addresses(t, "www.example.org.", dns.TypeAAAA)
	}
	eventually(t, soon, "both families of the primary", func() bool { return both() == "127.0.0.1 ::1" })
	if err := checkNegative(s.ask(t, "four.example.org.", dns.TypeAAAA), dns.RcodeSuccess, "example.org."); err != nil {
		t.Errorf("A tier without IPv6: %v", err)
	}

	six.kill()
	eventually(t, soon, "both families of the secondary", func() bool { return both() == "192.0.2.1 2001:db8::1" })
	if got := s.a(t, "four"); got != "127.0.0.1" {
		t.Errorf("Expected IPv6's trouble to leave a set without IPv6 alone, got %q", got)
	}
	six.revive(t)
	eventually(t, soon, "both families of the primary", func() bool { return both() == "127.0.0.1 ::1" })
}

// TestR21_FailbackManual stays on the secondary when the primary is back, and leaves it when the secondary fails.
func TestR21_FailbackManual(t *testing.T) {
	t.Parallel()
	first, second := serve(t), serve(t)
	s := start(t, zone(fmt.Sprintf(`
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
		secondary auto 198.51.100.1 check two`, timing, first.url(), second.url())))
	first.set(fail)
	for _, name := range []string{"stay", "late", "auto"} {
		s.awaitA(t, soon, name, "198.51.100.1")
	}
	back := time.Now()
	first.set(ok)
	s.awaitA(t, soon, "auto", "192.0.2.1")
	if got := s.a(t, "late"); got != "198.51.100.1" {
		t.Errorf("Expected failback 3s to hold the secondary for now, got %q", got)
	}
	s.awaitA(t, soon, "late", "192.0.2.1")
	if took := time.Since(back); took < 3*time.Second {
		t.Errorf("Expected failback after 3s, got it after %v", took)
	}
	if got := s.a(t, "stay"); got != "198.51.100.1" {
		t.Errorf("Expected failback manual to stay on the secondary, got %q", got)
	}
	second.set(fail)
	s.awaitA(t, soon, "stay", "192.0.2.1")
}

// zone is a Corefile of one server block for example.org on the loopback: the lines inside the stanza, and other
// plugins beside it.
func zone(stanza string, plugins ...string) string {
	text := "example.org:@DNS@ {\n bind 127.0.0.1\n errors\n"
	for _, plugin := range plugins {
		text += " " + plugin + "\n"
	}
	return text + " failover {\n" + stanza + "\n }\n}\n"
}
