package failover

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

const basic = `failover {
	ttl 60s 10s
	ns ns1 ns2.example.net.
	check web http://:80/healthz
	check gate http://198.51.100.200/switch
	primary   www 192.0.2.1 2001:db8::1 check web
	secondary www 198.51.100.1          check web
	weight 10 api 192.0.2.11 check web id blue
	weight 20 api 192.0.2.12 check web id green
	primary   @ MX "10 mx1" check gate
	secondary @ MX "20 mx2"
	static deep.er.txt TXT "hello world"
	static *.wild 203.0.113.7
	static here.wild TXT x
	primary   app alias www check gate
	secondary app 203.0.113.9
	primary   alias-only alias www
	secondary alias-only 203.0.113.9
	static cn CNAME www
	static out CNAME www.example.net.
	static cnloop1 CNAME cnloop2
	static cnloop2 CNAME cnloop1
	static gone CNAME nowhere
	static maildown CNAME broken
	check never manual invert
	primary broken 192.0.2.66 check never
	set     broken all_down servfail
	static x.deep TXT x
}`

func TestR01_AQueryReadsTheLastKnownState(t *testing.T) {
	fx := load(t, basic)
	fx.want("www.example.org.", dns.TypeA, "192.0.2.1")
	fx.down("192.0.2.1", "2001:db8::1")
	fx.want("www.example.org.", dns.TypeA, "198.51.100.1")
	fx.want("www.example.org.", dns.TypeAAAA, "NODATA")
	fx.up("192.0.2.1", "2001:db8::1")
	fx.want("www.example.org.", dns.TypeA, "192.0.2.1")
	fx.want("www.example.org.", dns.TypeAAAA, "2001:db8::1")
}

func TestR10_FailoverOfAnyType(t *testing.T) {
	fx := load(t, basic)
	fx.want("example.org.", dns.TypeMX, "10 mx1.example.org.")
	fx.down("198.51.100.200")
	fx.want("example.org.", dns.TypeMX, "20 mx2.example.org.")
}

func TestA06_AnAliasAnswersWithTheAskedNameAndTheLowerTTL(t *testing.T) {
	fx := load(t, `failover {
		ttl 60s 20s
		check web http://:80/healthz
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2
		set       www ttl 30s 5s
		primary   app alias www
		primary   low alias www
		set       low ttl 7s 3s
	}`)
	for _, tc := range []struct {
		name          string
		settled, then uint32
	}{{"app.example.org.", 30, 5}, {"low.example.org.", 7, 3}, {"www.example.org.", 30, 5}} {
		for _, ttl := range []uint32{tc.settled, tc.then} {
			m, _ := fx.ask(tc.name, dns.TypeA)
			if h := m.Answer[0].Header(); h.Name != tc.name || h.Ttl != ttl {
				t.Errorf("%s: got %s with TTL %d, want TTL %d", tc.name, h.Name, h.Ttl, ttl)
			}
			fx.down("192.0.2.1")
		}
		fx.up("192.0.2.1")
	}
}

func TestA06_AnEmptyAnswerThroughAnAliasLivesAsLongAsTheTargetsWould(t *testing.T) {
	fx := load(t, `failover example.org example.net {
		ttl 30s 20s
		check web http://:80/healthz
		primary   www 192.0.2.1 check web
		set       www ttl 5s 2s all_down nodata
		primary   app alias www
		answer    any alias www.example.net.
	}`)
	fx.down("192.0.2.1")
	for _, name := range []string{"www.example.org.", "app.example.org.", "any.example.org."} {
		m, _ := fx.ask(name, dns.TypeA)
		if len(m.Ns) != 1 || m.Ns[0].Header().Ttl != 2 {
			t.Errorf("%s: got %v, want an SOA with TTL 2", name, m.Ns)
		}
	}
}

func TestA06_OneOfSeveralBranchesHasItsOwnTTL(t *testing.T) {
	fx := load(t, `failover {
		ttl 60s
		static low 192.0.2.1
		set    low ttl 5s
		answer one alias low
		answer one 192.0.2.2
		set    one max 1
		answer two alias low
		answer two 192.0.2.2
	}`)
	for range 50 {
		m, _ := fx.ask("one.example.org.", dns.TypeA)
		want := map[string]uint32{"192.0.2.1": 5, "192.0.2.2": 60}[m.Answer[0].(*dns.A).A.String()]
		if got := m.Answer[0].Header().Ttl; got != want {
			t.Fatalf("Got TTL %d, want %d: %v", got, want, m.Answer[0])
		}
		m, _ = fx.ask("two.example.org.", dns.TypeA) // an RRset has one TTL (RFC 2181, section 5.2)
		if a, b := m.Answer[0].Header().Ttl, m.Answer[1].Header().Ttl; a != 5 || b != 5 {
			t.Fatalf("Got TTLs %d and %d, want 5 for both", a, b)
		}
	}
}

func TestA04_AnAliasNeedsItsOwnCheckToo(t *testing.T) {
	fx := load(t, basic)
	fx.want("app.example.org.", dns.TypeA, "192.0.2.1")
	fx.down("198.51.100.200")
	fx.want("app.example.org.", dns.TypeA, "203.0.113.9")
	fx.up("198.51.100.200")
	fx.down("192.0.2.1", "2001:db8::1")
	fx.want("app.example.org.", dns.TypeA, "198.51.100.1")
	fx.down("198.51.100.1")
	fx.want("app.example.org.", dns.TypeA, "203.0.113.9")
}

func TestD01_AuthoritativeAndWithTheLettersAsAsked(t *testing.T) {
	fx := load(t, basic)
	m, rcode := fx.ask("WwW.eXample.ORG.", dns.TypeA)
	if rcode != dns.RcodeSuccess || !m.Authoritative || !m.Response || m.RecursionAvailable {
		t.Errorf("Got rcode %d, header %v", rcode, m.MsgHdr)
	}
	if m.Question[0].Name != "WwW.eXample.ORG." || m.Answer[0].Header().Name != "WwW.eXample.ORG." {
		t.Errorf("Letters were changed: %v", m)
	}
	if ttl := m.Answer[0].Header().Ttl; ttl != 60 {
		t.Errorf("Got TTL %d, want 60", ttl)
	}
	// The shared record still has its own name.
	if m, _ = fx.ask("www.example.org.", dns.TypeA); m.Answer[0].Header().Name != "www.example.org." {
		t.Errorf("The shared record was changed: %v", m.Answer[0])
	}
}

func TestD02_NegativeAnswers(t *testing.T) {
	fx := load(t, basic)
	for _, tc := range []struct {
		name  string
		qtype uint16
		rcode int
	}{
		{"www.example.org.", dns.TypeTXT, dns.RcodeSuccess},
		{"www.example.org.", dns.TypeHTTPS, dns.RcodeSuccess},
		{"api.example.org.", dns.TypeAAAA, dns.RcodeSuccess}, // no value of the family anywhere
		{"er.txt.example.org.", dns.TypeA, dns.RcodeSuccess}, // empty non-terminals
		{"txt.example.org.", dns.TypeTXT, dns.RcodeSuccess},
		{"example.org.", dns.TypeA, dns.RcodeSuccess},
		{"nope.example.org.", dns.TypeA, dns.RcodeNameError},
		{"a.www.example.org.", dns.TypeA, dns.RcodeNameError},
		{"x.deep.er.txt.example.org.", dns.TypeA, dns.RcodeNameError},
	} {
		m, rcode := fx.ask(tc.name, tc.qtype)
		if rcode != dns.RcodeSuccess || m.Rcode != tc.rcode || len(m.Answer) != 0 || !m.Authoritative {
			t.Errorf("%s %s: got %v", tc.name, dns.Type(tc.qtype), m)
		}
		if len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA || m.Ns[0].Header().Name != "example.org." {
			t.Errorf("%s %s: authority is %v, want one SOA", tc.name, dns.Type(tc.qtype), m.Ns)
		}
	}
}

func TestD02_Wildcards(t *testing.T) {
	fx := load(t, basic)
	fx.want("any.wild.example.org.", dns.TypeA, "203.0.113.7")
	fx.want("a.b.wild.example.org.", dns.TypeA, "203.0.113.7")
	fx.want("*.wild.example.org.", dns.TypeA, "203.0.113.7")
	fx.want("any.wild.example.org.", dns.TypeMX, "NODATA")
	// What exists is not covered (RFC 4592): neither the name itself, nor names below it, nor the wildcard's parent.
	fx.want("here.wild.example.org.", dns.TypeA, "NODATA")
	fx.want("below.here.wild.example.org.", dns.TypeA, "NXDOMAIN")
	fx.want("wild.example.org.", dns.TypeA, "NODATA")
	m, _ := fx.ask("Any.WILD.example.org.", dns.TypeA)
	if got := m.Answer[0].Header().Name; got != "Any.WILD.example.org." {
		t.Errorf("Owner is %s, want the name asked", got)
	}
}

func TestD02_FallthroughOnlyOnANameError(t *testing.T) {
	fx := load(t, `failover {
		fallthrough sub.example.org
		check web http://192.0.2.1/
		primary www.sub 192.0.2.1 check web
		set     www.sub all_down nodata
	}`)
	fx.want("nope.sub.example.org.", dns.TypeA, "unwritten REFUSED")
	fx.want("nope.example.org.", dns.TypeA, "NXDOMAIN")
	fx.want("www.sub.example.org.", dns.TypeMX, "NODATA")
	fx.want("sub.example.org.", dns.TypeA, "NODATA")
	fx.down("192.0.2.1")
	fx.want("www.sub.example.org.", dns.TypeA, "NODATA")
}

func TestD03_CNAME(t *testing.T) {
	fx := load(t, basic)
	fx.want("cn.example.org.", dns.TypeCNAME, "www.example.org.")
	fx.want("cn.example.org.", dns.TypeA, "192.0.2.1 www.example.org.")
	fx.want("cn.example.org.", dns.TypeANY, "www.example.org.")
	fx.down("192.0.2.1", "2001:db8::1")
	fx.want("cn.example.org.", dns.TypeA, "198.51.100.1 www.example.org.")
	m, _ := fx.ask("cn.example.org.", dns.TypeTXT)
	if len(m.Answer) != 1 || len(m.Ns) != 1 || m.Rcode != dns.RcodeSuccess {
		t.Errorf("CNAME to a name without the type: got %v", m)
	}
	fx.want("maildown.example.org.", dns.TypeA, "SERVFAIL")
	fx.want("deep.example.org.", dns.TypeANY, "NODATA") // nothing is there, so nothing stands for it
	m, _ = fx.ask("gone.example.org.", dns.TypeA)
	if len(m.Answer) != 1 || len(m.Ns) != 1 || m.Rcode != dns.RcodeNameError {
		t.Errorf("CNAME to a name that does not exist: got %v", m)
	}
	// Without a server there is nobody to look the target up.
	fx.want("out.example.org.", dns.TypeA, "www.example.net.")
	fx.want("cnloop1.example.org.", dns.TypeA, "SERVFAIL")
}

func TestD04_TheLongestZoneAtLabelBoundaries(t *testing.T) {
	fx := load(t, `failover example.org {
		static www 192.0.2.1
	}
	failover sub.example.org 2.0.192.in-addr.arpa {
		static @ TXT "${zone}"
		static www 192.0.2.2
	}`)
	fx.want("www.example.org.", dns.TypeA, "192.0.2.1")
	fx.want("WWW.SUB.EXAMPLE.ORG.", dns.TypeA, "192.0.2.2")
	fx.want("www.2.0.192.in-addr.arpa.", dns.TypeA, "192.0.2.2")
	fx.want("www.notexample.org.", dns.TypeA, "unwritten REFUSED")
	fx.want("org.", dns.TypeA, "unwritten REFUSED")
	fx.want(".", dns.TypeNS, "unwritten REFUSED")
	m, _ := fx.ask("x.sub.example.org.", dns.TypeA)
	if m.Rcode != dns.RcodeNameError || m.Ns[0].Header().Name != "sub.example.org." {
		t.Errorf("Name error came from the wrong zone: %v", m)
	}
}

func TestD05_ApexAndRisingSerial(t *testing.T) {
	fx := load(t, basic)
	fx.want("example.org.", dns.TypeNS, "ns1.example.org. ns2.example.net.")
	serial := func() uint32 {
		m, _ := fx.ask("example.org.", dns.TypeSOA)
		return m.Answer[0].(*dns.SOA).Serial
	}
	last := serial()
	if last < uint32(fx.now.Unix()) {
		t.Errorf("The serial %d began before the clock", last)
	}
	for i := range 5 {
		fx.now = fx.now.Add(time.Second)
		if i%2 == 0 {
			fx.down("192.0.2.11")
		} else {
			fx.up("192.0.2.11")
		}
		next := serial()
		if int32(next-last) <= 0 {
			t.Errorf("Serial went from %d to %d on a change of an answer", last, next)
		}
		last = next
	}
	// No answer changes: nothing to tell.
	fx.up("192.0.2.11")
	last = serial()
	fx.up("192.0.2.11")
	if got := serial(); got != last {
		t.Errorf("Serial went from %d to %d though no answer changed", last, got)
	}
	// Another generation of the same zone never falls behind, even with a clock that stands still.
	if again := load(t, basic); int32(func() uint32 {
		m, _ := again.ask("example.org.", dns.TypeSOA)
		return m.Answer[0].(*dns.SOA).Serial
	}()-last) <= 0 {
		t.Error("The serial fell on a reload")
	}
}

func TestD06_ANYIsMinimal(t *testing.T) {
	fx := load(t, basic)
	m, _ := fx.ask("www.example.org.", dns.TypeANY)
	if len(m.Answer) != 1 || m.Answer[0].(*dns.HINFO).Cpu != "RFC8482" || m.Answer[0].Header().Name != "www.example.org." {
		t.Errorf("Got %v", m.Answer)
	}
	fx.want("nope.example.org.", dns.TypeANY, "NXDOMAIN")
	fx.want("er.txt.example.org.", dns.TypeANY, "NODATA") // there are names below it only
	if m, _ = fx.ask("cn.example.org.", dns.TypeANY); len(m.Answer) != 1 || m.Answer[0].Header().Rrtype != dns.TypeCNAME {
		t.Errorf("Got %v", m.Answer)
	}
}

func TestD10_TTLSettledAndUnsettled(t *testing.T) {
	fx := load(t, basic)
	ttl := func(name string, qtype uint16) uint32 {
		m, _ := fx.ask(name, qtype)
		if len(m.Answer) > 0 {
			return m.Answer[0].Header().Ttl
		}
		return m.Ns[0].Header().Ttl
	}
	check := func(what string, want uint32) {
		t.Helper()
		for _, name := range []string{"www.example.org.", "alias-only.example.org."} {
			if got := ttl(name, dns.TypeA); got != want {
				t.Errorf("%s, %s: got TTL %d, want %d", what, name, got, want)
			}
		}
	}
	check("all well", 60)
	fx.put(health.Status{State: health.Healthy, Streak: true}, "198.51.100.1:")
	check("an open streak on the secondary", 10)
	fx.up("198.51.100.1:")
	check("streak over", 60)
	fx.put(health.Status{}, "192.0.2.1:")
	check("unknown", 10)
	fx.down("192.0.2.1:", "2001:db8::1")
	check("primary down", 10)
	if got := ttl("www.example.org.", dns.TypeAAAA); got != 10 {
		t.Errorf("NODATA of an unsettled set has TTL %d, want 10", got)
	}
	if got := ttl("www.example.org.", dns.TypeTXT); got != 60 {
		t.Errorf("NODATA that no health can change has TTL %d, want 60", got)
	}
	fx.up("192.0.2.1:", "2001:db8::1")
	check("all well again", 60)
}

func TestR19_AllDownInAllItsForms(t *testing.T) {
	for word, want := range map[string]string{
		"serve":              "192.0.2.1",
		"last":               "192.0.2.2",
		"nodata":             "NODATA",
		"servfail":           "SERVFAIL",
		"refuse":             "REFUSED",
		"next":               "unwritten REFUSED",
		"answer 203.0.113.1": "203.0.113.1",
	} {
		fx := load(t, `failover {
			check web http://:80/
			primary   www 192.0.2.1 check web
			secondary www 192.0.2.2 check web
			set www all_down `+word+`
		}`)
		fx.down("192.0.2.1:")
		fx.want("www.example.org.", dns.TypeA, "192.0.2.2")
		fx.down("192.0.2.2:")
		if got := fx.values("www.example.org.", dns.TypeA); got != want {
			t.Errorf("all_down %s: got %s, want %s", word, got, want)
		}
		fx.up("192.0.2.2:")
		fx.want("www.example.org.", dns.TypeA, "192.0.2.2")
	}
}

func TestR19_AllDownSpeaksForTheFamilyThatNoRecordHas(t *testing.T) {
	fx := load(t, `failover {
		ttl 60s 10s
		check web http://:80/
		primary four 192.0.2.1 check web
		set four all_down answer 203.0.113.1 2001:db8::1
		weight 1 heavy 192.0.2.1 check web
		set heavy all_down servfail
		primary plain 192.0.2.1 check web
	}`)
	for _, name := range []string{"four.example.org.", "heavy.example.org.", "plain.example.org."} {
		fx.want(name, dns.TypeAAAA, "NODATA")
	}
	fx.down("192.0.2.1:")
	fx.want("four.example.org.", dns.TypeA, "203.0.113.1")
	fx.want("four.example.org.", dns.TypeAAAA, "2001:db8::1")
	fx.want("heavy.example.org.", dns.TypeAAAA, "SERVFAIL")
	fx.want("plain.example.org.", dns.TypeAAAA, "NODATA")
	fx.up("192.0.2.1:")
	fx.want("four.example.org.", dns.TypeAAAA, "NODATA")
}

func TestR19_AllDownSpeaksForTheFamilyThatIsNotThereNow(t *testing.T) {
	fx := load(t, `failover {
		check web http://192.0.2.200/
		primary   in 192.0.2.1 check web
		secondary in 192.0.2.2 2001:db8::2 check web
		weight 1 fail alias in
		set      fail all_down servfail
		answer   sorry alias in
		set      sorry all_down answer 203.0.113.1 2001:db8::1
	}`)
	fx.want("fail.example.org.", dns.TypeAAAA, "NODATA")
	fx.want("sorry.example.org.", dns.TypeAAAA, "NODATA")
	fx.down("192.0.2.200")
	fx.want("fail.example.org.", dns.TypeA, "SERVFAIL")
	fx.want("fail.example.org.", dns.TypeAAAA, "SERVFAIL")
	fx.want("sorry.example.org.", dns.TypeA, "203.0.113.1")
	fx.want("sorry.example.org.", dns.TypeAAAA, "2001:db8::1")
}

func TestR19_LastIsNotWhatMerelyWasUnknown(t *testing.T) {
	fx := load(t, `failover {
		check web http://:80/
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2 check web
		set www all_down last
		primary   app alias www
		set app all_down last
		primary pair 192.0.2.3 192.0.2.4 check web
		set pair min 2 all_down last
	}`)
	want := func(value string) {
		t.Helper()
		fx.want("www.example.org.", dns.TypeA, value)
		fx.want("app.example.org.", dns.TypeA, value)
	}
	// As after a start: the secondary only takes longer to fail.
	fx.put(health.Status{}, "192.0.2.1:", "192.0.2.2:", "192.0.2.4:")
	fx = &fixture{t: t, f: &Failover{config: fx.f.config}, states: fx.states, now: fx.now}
	fx.f.index = zone.New(fx.f.config, uncounted)
	fx.f.index.Start(fx.status, fx.now)
	fx.down("192.0.2.1:")
	want("192.0.2.2")
	fx.down("192.0.2.2:")
	want("192.0.2.1") // nothing was ever healthy: as serve
	fx.up("192.0.2.2:")
	fx.down("192.0.2.2:")
	want("192.0.2.2")
	// With min 2 one known value is not enough, however many pass for healthy.
	fx.put(health.Status{}, "192.0.2.4:")
	fx.down("192.0.2.4:")
	fx.want("pair.example.org.", dns.TypeA, "192.0.2.3")
	// A changed definition is unknown for a while.
	fx.put(health.Status{}, "192.0.2.1:")
	want("192.0.2.1")
	fx.down("192.0.2.1:")
	want("192.0.2.2")
}

func TestR21_FailbackAfterATimeAndAcrossAReload(t *testing.T) {
	text := `failover {
		check web http://:80/
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2 check web
		set www failback 5m
	}`
	fx := load(t, text)
	fx.down("192.0.2.1:")
	fx.now = fx.now.Add(time.Minute)
	fx.up("192.0.2.1:")
	fx.want("www.example.org.", dns.TypeA, "192.0.2.2")

	// A reload in the middle of the wait neither ends nor restarts it.
	fx.now = fx.now.Add(4 * time.Minute)
	after := load(t, text)
	zone.Adopt([]zone.Block{{Index: after.f.index}}, []zone.Block{{Index: fx.f.index}})
	after.now = fx.now
	if wake := after.f.index.Start(after.status, after.now); !wake.Equal(fx.now.Add(time.Minute)) {
		t.Errorf("Wakes at %v, want a minute after %v", wake, fx.now)
	}
	after.want("www.example.org.", dns.TypeA, "192.0.2.2")
	after.now = after.now.Add(time.Minute)
	after.f.index.Update(nil, after.now)
	after.want("www.example.org.", dns.TypeA, "192.0.2.1")
}

func TestShuffledAnswersHoldEveryRecordOnce(t *testing.T) {
	fx := load(t, `failover {
		static all 192.0.2.1 192.0.2.2 192.0.2.3
		answer one 192.0.2.1 192.0.2.2
		answer one 192.0.2.3
		answer two alias one
		answer two alias all
		answer two 192.0.2.4
	}`)
	orders := make(map[string]bool)
	for range 200 {
		fx.want("all.example.org.", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.3")
		fx.want("one.example.org.", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.3")
		fx.want("two.example.org.", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4")
		m, _ := fx.ask("all.example.org.", dns.TypeA)
		order := make([]string, 0, len(m.Answer))
		for _, rr := range m.Answer {
			order = append(order, rr.(*dns.A).A.String())
		}
		orders[strings.Join(order, " ")] = true
	}
	if len(orders) != 6 {
		t.Errorf("200 answers came in %d orders, want all 6", len(orders))
	}
}

// Letters' case makes no other record of a name, and does of a text (RFC 4343, section 3, and RFC 2181, section 5).
func TestAnswersHoldNoNameInTwoSpellings(t *testing.T) {
	fx := load(t, `failover {
		static all MX "10 mx1" "20 mx2"
		static all MX "10 MX1"
		answer one MX "10 MX2"
		answer two MX alias all
		answer two MX alias one
		answer two MX "20 mx2"
		static txt TXT a A
		static txt TXT a
	}`)
	for name, want := range map[string]int{"all": 2, "two": 3} {
		if m, _ := fx.ask(name+".example.org.", dns.TypeMX); len(m.Answer) != want {
			t.Errorf("%s: got %d records, want %d: %v", name, len(m.Answer), want, m.Answer)
		}
	}
	if m, _ := fx.ask("txt.example.org.", dns.TypeTXT); len(m.Answer) != 2 {
		t.Errorf("txt: got %d records, want 2: %v", len(m.Answer), m.Answer)
	}
}

// The dnssec plugin keeps signatures by the text of what it signed: what it signs must not differ for no reason.
func TestSignedAnswersHaveOneOrderAndSmallLetters(t *testing.T) {
	fx := load(t, `failover {
		static all 192.0.2.1 192.0.2.2 192.0.2.3
		answer one 192.0.2.1
		answer one 192.0.2.2 192.0.2.3
	}`)
	ask := func(name string) string {
		r := new(dns.Msg)
		r.SetQuestion(name, dns.TypeA)
		r.SetEdns0(1232, true)
		m, _ := fx.send(r)
		var text strings.Builder
		for _, rr := range m.Answer {
			text.WriteString(rr.String())
		}
		return text.String()
	}
	texts := func(name string) map[string]bool {
		seen := make(map[string]bool)
		for range 200 { // fewer miss one of six orders now and then
			seen[ask(name)] = true
		}
		return seen
	}
	for _, name := range []string{"All.Example.org.", "ONE.example.org."} {
		if got := ask(name); !strings.HasPrefix(got, name) {
			t.Errorf("Without the dnssec plugin the letters were not kept: %s", got)
		}
		if got := texts(name); len(got) != 6 {
			t.Errorf("Without the dnssec plugin %s came in %d orders, want 6", name, len(got))
		}
	}
	fx.f.signed = true
	for _, name := range []string{"All.Example.org.", "ONE.example.org."} {
		if got := texts(name); len(got) != 1 || !strings.HasPrefix(ask(name), strings.ToLower(name)) {
			t.Errorf("With the dnssec plugin %s came as %v", name, got)
		}
	}
}

// Names below a wildcard, and ANY, are where the owner comes from the question.
func TestSignedOwnersFromTheQuestionHaveSmallLetters(t *testing.T) {
	fx := load(t, `failover {
		static *.wild 192.0.2.1
		static *.wild TXT text
		static all 192.0.2.1
		static *.cn CNAME all
	}`)
	tests := []struct {
		name  string
		qtype uint16
	}{
		{"X.Wild.example.org.", dns.TypeA},
		{"X.Wild.example.org.", dns.TypeTXT},
		{"X.CN.example.org.", dns.TypeA},
		{"X.CN.example.org.", dns.TypeCNAME},
		{"All.example.org.", dns.TypeANY},
	}
	for _, signed := range []bool{false, true} {
		fx.f.signed = signed
		for _, test := range tests {
			r := new(dns.Msg)
			r.SetQuestion(test.name, test.qtype)
			r.SetEdns0(1232, true)
			want := test.name
			if signed {
				want = strings.ToLower(want)
			}
			m, _ := fx.send(r)
			if len(m.Answer) == 0 || m.Answer[0].Header().Name != want {
				t.Errorf("signed %v, %s %s: want the owner %s, got %v", signed, test.name, dns.Type(test.qtype), want, m)
			}
			if m.Question[0].Name != test.name {
				t.Errorf("signed %v: the question %s came back as %s", signed, test.name, m.Question[0].Name)
			}
		}
	}
}

func TestGuards(t *testing.T) {
	fx := load(t, basic)
	for what, change := range map[string]func(*dns.Msg){
		"opcode": func(r *dns.Msg) { r.Opcode = dns.OpcodeNotify },
		"class":  func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassCHAOS },
	} {
		r := new(dns.Msg)
		r.SetQuestion("www.example.org.", dns.TypeA)
		change(r)
		if m, rcode := fx.send(r); m != nil || rcode != dns.RcodeRefused {
			t.Errorf("Another %s was not left to the next plugin: %v", what, m)
		}
	}
	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		fx.want("example.org.", qtype, "unwritten REFUSED")
	}
	if m, rcode := fx.send(new(dns.Msg)); m != nil || rcode != dns.RcodeFormatError {
		t.Errorf("A message without a question got %s and %v, want FORMERR from the server",
			dns.RcodeToString[rcode], m)
	}
}

func TestNobodyIsNext(t *testing.T) {
	fx := load(t, `failover {
		fallthrough
		check never manual invert
		primary www 192.0.2.1 check never
		set     www all_down next
	}`)
	fx.f.Next = nil
	notify := new(dns.Msg)
	notify.SetNotify("example.org.")
	for _, r := range []*dns.Msg{
		notify,
		new(dns.Msg).SetQuestion("www.example.net.", dns.TypeA),
		new(dns.Msg).SetQuestion("nope.example.org.", dns.TypeA),
		new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA),
	} {
		rcode, err := fx.f.ServeDNS(t.Context(), new(discard), r)
		if rcode != dns.RcodeRefused || err != nil {
			t.Errorf("%s %s: got %s and the error %v, want REFUSED", dns.OpcodeToString[r.Opcode], r.Question[0].Name,
				dns.RcodeToString[rcode], err)
		}
	}
}

// A reply of one address has a record of its own, which is to be the same as the one that everybody shares.
func TestAReplyOfOneAddressHasTheRecordOfTheSet(t *testing.T) {
	fx := load(t, `failover {
		ttl 30s 7s
		check web http://:80/
		primary www 192.0.2.1 2001:db8::1 check web
		secondary www 192.0.2.2 2001:db8::2
		static *.wild 192.0.2.3 2001:db8::3
		weight 1 app alias www
		set www all_down answer 192.0.2.5 2001:db8::5
	}`)
	for _, test := range []struct{ asked, name string }{
		{"www.example.org.", "www.example.org."}, {"WWW.Example.ORG.", "www.example.org."},
		{"App.example.org.", "app.example.org."}, {"x.Wild.example.org.", "*.wild.example.org."},
	} {
		for s := range fx.f.index.Sets() {
			for family, rrtype := range s.Config.Types() {
				a := s.Answer(family)
				if s.Config.Name != test.name || a == nil {
					continue
				}
				shared := a.Pick(zone.Draw{Source: random{}})
				if shared.Address == nil {
					t.Fatalf("%s %s: no address", test.asked, dns.Type(rrtype))
				}
				want := dns.Copy(shared.Records[0])
				want.Header().Name = test.asked
				m, _ := fx.ask(test.asked, rrtype)
				if len(m.Answer) != 1 || cap(m.Answer) != 1 || !bytes.Equal(wire(t, m.Answer[0]), wire(t, want)) {
					t.Errorf("%s %s: got %v, want %v", test.asked, dns.Type(rrtype), m.Answer, want)
				}
			}
		}
	}
}

func wire(t *testing.T, rr dns.RR) []byte {
	t.Helper()
	octets := make([]byte, 512)
	end, err := dns.PackRR(rr, octets, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return octets[:end]
}
