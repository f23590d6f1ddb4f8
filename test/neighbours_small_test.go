package test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// mul is a set of three records, all of them in each answer.
const mul = "answer mul 192.0.2.1\n answer mul 192.0.2.2\n answer mul 192.0.2.3\n static www 192.0.2.1\n static mx MX \"10 www\"\n static own CNAME mul"

// TestLoadbalanceShuffles keeps the records, whatever their order, and none that we did not give.
func TestLoadbalanceShuffles(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(mul, "loadbalance"))
	firsts := map[string]bool{}
	for range 64 {
		m := s.Ask(t, "own.example.org.", dns.TypeA)
		want := []string{"A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.3", "CNAME mul.example.org."}
		if got := harness.Answer(m); !slices.Equal(got, want) || m.Answer[0].Header().Rrtype != dns.TypeCNAME {
			t.Fatalf("Expected the CNAME and then all records, got: %v", m)
		}
		firsts[harness.Rdata(m.Answer[1])] = true
	}
	if len(firsts) != 3 {
		t.Errorf("Expected each record to come first now and then, got %v", firsts)
	}
}

// TestAnyComesFirst has the any plugin answer, for names of ours and for those that are not there.
func TestAnyComesFirst(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(mul, "any"))
	for _, name := range []string{"mul", "nope"} {
		m := s.Ask(t, name+".example.org.", dns.TypeANY)
		if hinfo, is := first(m).(*dns.HINFO); !is || hinfo.Cpu != "ANY obsoleted" {
			t.Errorf("%s: expected the HINFO of any, got: %v", name, m)
		}
	}
}

// TestMinimalTakesNothingNeeded leaves answers and denials whole.
func TestMinimalTakesNothingNeeded(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(mul, "minimal"))
	if m := s.Ask(t, "own.example.org.", dns.TypeA); len(m.Answer) != 4 || !m.Authoritative || len(m.Ns)+len(m.Extra) != 0 {
		t.Errorf("Expected the answer section alone, got: %v", m)
	}
	for name, rcode := range map[string]int{"nope": dns.RcodeNameError, "mx": dns.RcodeSuccess} {
		if err := harness.CheckNegative(s.Ask(t, name+".example.org.", dns.TypeA), rcode, "example.org."); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// It takes an empty answer behind a CNAME for a full one, so nobody can tell how long to hold that.
	if m := s.Ask(t, "own.example.org.", dns.TypeMX); len(m.Answer) != 1 || len(m.Ns) != 0 {
		t.Errorf("Expected the CNAME alone, got: %v", m)
	}
	if m := s.Ask(t, "www.example.org.", dns.TypeAXFR); m.Rcode != dns.RcodeRefused {
		t.Errorf("Expected REFUSED, got: %v", m)
	}
}

// TestHeaderHasTheLastWord on the flags that it knows.
func TestHeaderHasTheLastWord(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(mul, "header {\n response set ra\n response clear aa\n query set rd\n }"))
	for _, name := range []string{"www", "own", "nope"} {
		m := s.Ask(t, name+".example.org.", dns.TypeA)
		if !m.RecursionAvailable || m.Authoritative || !m.RecursionDesired {
			t.Errorf("Expected RA and RD without AA, got: %v", m)
		}
	}
}

// TestNSIDNamesTheServer, and leaves nothing of it in the answers to others.
func TestNSIDNamesTheServer(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(mul, "nsid one.example.net"))
	for _, name := range []string{"mul.example.org.", "nope.example.org."} {
		q := harness.Question(name, dns.TypeA)
		q.Extra = []dns.RR{opt(1232, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})}
		m := s.Exchange(t, "udp", q)
		got := m.IsEdns0()
		if got == nil || len(got.Option) != 1 {
			t.Fatalf("Expected one option, got: %v", m)
		}
		if nsid, is := got.Option[0].(*dns.EDNS0_NSID); !is || nsid.Nsid != hex.EncodeToString([]byte("one.example.net")) {
			t.Errorf("Expected the name of the server, got: %v", m)
		}
		if m := s.Ask(t, name, dns.TypeA); len(m.Extra) != 0 {
			t.Errorf("Expected no option that was not asked for, got: %v", m)
		}
	}
}

// TestChaosIsAnotherClass, with which queries of every class get as far as us.
func TestChaosIsAnotherClass(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		chaos one.example.net
		failover example.org bind {
			static www 192.0.2.1
			static version TXT "ours"
		}
	}`)
	ask := func(name string, qtype, class uint16) *dns.Msg {
		q := harness.Question(name, qtype)
		q.Question[0].Qclass = class
		return s.Exchange(t, "udp", q)
	}
	if got := harness.Answer(ask("version.bind.", dns.TypeTXT, dns.ClassCHAOS)); len(got) != 1 || strings.Contains(got[0], "ours") {
		t.Errorf("Expected the answer of chaos, got %q", got)
	}
	if got := harness.Answer(ask("version.bind.", dns.TypeTXT, dns.ClassINET)); !slices.Equal(got, []string{`TXT "ours"`}) {
		t.Errorf("Expected ours in our class, got %q", got)
	}
	for _, class := range []uint16{dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 0, 65535} {
		if m := ask("www.example.org.", dns.TypeA, class); m.Rcode != dns.RcodeRefused || len(m.Answer) != 0 {
			t.Errorf("Class %d: expected REFUSED, got: %v", class, m)
		}
		stillServes(t, s, dns.Class(class).String())
	}
}

// TestBufsizeCutsEarlier gives no client more than so much.
func TestBufsizeCutsEarlier(t *testing.T) {
	t.Parallel()
	s := small(t, "bufsize 1232")
	q := harness.Question("big.example.org.", dns.TypeTXT)
	q.SetEdns0(4096, false)
	if wire := s.Wire(t, q); len(wire) > 1232 || wire[2]&2 == 0 {
		t.Errorf("Expected TC and 1,232 octets at most, got %d", len(wire))
	}
	if m := s.Exchange(t, "tcp", q); len(m.Answer) != 16 {
		t.Errorf("Expected all over TCP, got %d records", len(m.Answer))
	}
}

// TestLocalTakesItsNames before us, those of ours with the label localhost in front too.
func TestLocalTakesItsNames(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		local
		failover example.org localhost 127.in-addr.arpa {
			static www 192.0.2.1
			static localhost.example.org. 192.0.2.2
			static www.localhost. 192.0.2.3
		}
	}`)
	for name, want := range map[string]string{
		"www.example.org.": "192.0.2.1", "localhost.example.org.": "127.0.0.1", "www.localhost.": "127.0.0.1",
	} {
		if got := s.Addresses(t, name, dns.TypeA); got != want {
			t.Errorf("%s: expected %s, got %q", name, want, got)
		}
	}
}

// TestLoopFindsNone: its probe is a random name, which falls through to forward; that leads to another server.
func TestLoopFindsNone(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		log . "SAID {type} {rcode}"
		loop
		failover example.org {
			fallthrough
			static www 192.0.2.1
		}
		forward . 127.0.0.1:@UP@
	}
	.:@UP@ {
		bind 127.0.0.1
		failover example.org example.com {
			static up 192.0.2.2
		}
	}`)
	harness.Eventually(t, harness.Soon, "the probe of loop, refused by the other server", func() bool {
		return len(s.Log.Lines("SAID HINFO REFUSED")) > 0
	})
	stillServes(t, s, "loop's probe")
	if got := s.A(t, "up"); got != "192.0.2.2" {
		t.Errorf("Expected the answer of the other server, got %q", got)
	}
	if lines := s.Log.Lines("Loop"); len(lines) > 0 {
		t.Errorf("Expected no loop, got %q", lines)
	}
}

// TestDNS64MakesIPv6 of what has IPv4 only.
func TestDNS64MakesIPv6(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web %s %s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1`, e.URL(), timing), "dns64 {\n allow_ipv4\n }"))
	aaaa := func() string { return s.Addresses(t, "www.example.org.", dns.TypeAAAA) }
	if got := aaaa(); got != "64:ff9b::c000:201" {
		t.Errorf("Expected the primary in IPv6, got %q", got)
	}
	e.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "the secondary in IPv6", func() bool { return aaaa() == "64:ff9b::c633:6401" })
}

// TestErrorsStaysEmpty whatever our record sets answer, for that is no error of the server.
func TestErrorsStaysEmpty(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone(`
		check never manual invert
		primary fail 192.0.2.1 check never
		set     fail all_down servfail
		primary refuse 192.0.2.1 check never
		set     refuse all_down refuse
		primary next 192.0.2.1 check never
		set     next all_down next
		static  gone CNAME nowhere.example.net.
		static  round CNAME about
		static  about CNAME round`, "log . \"SAID {name} {rcode} {rflags}\"", "prometheus 127.0.0.1:@METRICS@"))
	for name, want := range map[string]string{
		"fail": "SERVFAIL", "refuse": "REFUSED", "next": "REFUSED", "gone": "NOERROR", "round": "SERVFAIL", "nope": "NXDOMAIN",
	} {
		m := s.Ask(t, name+".example.org.", dns.TypeA)
		if dns.RcodeToString[m.Rcode] != want {
			t.Errorf("%s: expected %s, got: %v", name, want, m)
		}
		// What is logged is what was sent.
		harness.Eventually(t, harness.Soon, "the log of "+name, func() bool {
			return len(s.Log.Lines("SAID "+name+".example.org.", want)) == 1
		})
	}
	if lines := s.Log.Lines("[ERROR]"); len(lines) > 0 {
		t.Errorf("Expected no error in the log, got %q", lines)
	}
}

// TestALookedUpTargetIsNoQuery has the target of a CNAME looked up in the background: of that, no plugin hears that counts
// and logs queries.
func TestALookedUpTargetIsNoQuery(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		log . "SAID {name} {rcode}"
		failover example.org {
			static out CNAME host.example.net.
		}
		hosts {
			203.0.113.1 host.example.net
		}
	}`)
	harness.Eventually(t, harness.Soon, "the target's address", func() bool {
		got := harness.Answer(s.Ask(t, "out.example.org.", dns.TypeA))
		return slices.Equal(got, []string{"A 203.0.113.1", "CNAME host.example.net."})
	})
	harness.Eventually(t, harness.Soon, "the query in the log", func() bool {
		return s.Log.Count("SAID out.example.org. NOERROR") > 0
	})
	if n := s.Log.Count("SAID host.example.net."); n != 0 {
		t.Errorf("Expected no query for the target in the log, got %d", n)
	}
}

// TestATargetIsNotForThoseWhomACLKeepsAway hands out nothing beside a CNAME where clients are kept from names: who looks up
// in the background is nobody whom *acl* could keep away.
func TestATargetIsNotForThoseWhomACLKeepsAway(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		errors
		log . "SAID {name} {rcode}"
		acl secret.example.net {
			block
		}
		failover example.org {
			static www 192.0.2.1
			static out CNAME host.example.net.
			static own CNAME www
			primary told alias secret.example.net.
			secondary told 192.0.2.2
			static shy CNAME secret.example.net.
		}
		hosts {
			203.0.113.1 host.example.net secret.example.net
		}
	}`)
	harness.Eventually(t, harness.Soon, "the look-ups to be done", func() bool {
		return harness.Answer(s.Ask(t, "told.example.org.", dns.TypeA))[0] == "A 203.0.113.1"
	})
	for name, want := range map[string][]string{
		"out": {"CNAME host.example.net."},
		"own": {"A 192.0.2.1", "CNAME www.example.org."},
		"shy": {"CNAME secret.example.net."}, // what nobody may ask for directly
	} {
		if got := harness.Answer(s.Ask(t, name+".example.org.", dns.TypeA)); !slices.Equal(got, want) {
			t.Errorf("%s: expected %q, got %q", name, want, got)
		}
	}
	if m := s.Ask(t, "secret.example.net.", dns.TypeA); m.Rcode != dns.RcodeRefused {
		t.Errorf("Expected acl to refuse the name, got %v", m)
	}
}
