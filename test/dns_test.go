package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// kinds is a server with every kind of name and no checks, so that its answers never change. Behind failover in the
// same block are hosts, for what falls through and for a CNAME's target, and template, for another one.
const kinds = `example.org:@DNS@ sub.example.org:@DNS@ example.net:@DNS@ {
	bind 127.0.0.1
	errors
	failover example.org sub.example.org {
		ttl 120s 20s
		soa ns1 admin.example.com.
		ns ns1 ns2.example.net.
		fallthrough fall.example.org
		static  www         192.0.2.1 2001:db8::1
		static  four        192.0.2.4
		static  ns1         192.0.2.53
		static  @ MX        "10 mx1.example.org." "20 mx2.example.org."
		static  a.b.deep    192.0.2.5
		static  *.wild      192.0.2.6
		static  *.wild TXT  wildcard
		static  x.y.wild    192.0.2.7
		static  own CNAME   www
		static  chain CNAME own
		static  out CNAME   host.example.net.
		static  made CNAME  made.by.template.example.net.
		static  gone CNAME  nowhere.example.net.
		static  dangling CNAME nope
		static  txt TXT     "one string" two "with \"quotes\""
		static  srv SRV     "0 0 443 www.example.org."
		static  caa CAA     "0 issue ca.example.net"
		static  odd TYPE65280 "\# 3 616263"
		static  type.fall   192.0.2.8
	}
	template IN A template.example.net {
		answer "{{ .Name }} 60 IN A 203.0.113.2"
	}
	hosts {
		203.0.113.1 host.example.net
		203.0.113.3 nope.fall.example.org
		203.0.113.4 www.example.org
		203.0.113.5 nope.example.org
		2001:db8::bad type.fall.example.org
		fallthrough
	}
}
.:@DNS@ {
	bind 127.0.0.1
	hosts {
		203.0.113.7 www.notexample.org
	}
}
`

// TestD01_Answers asks for every kind of name.
func TestD01_Answers(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, kinds)
	tests := []struct {
		name  string
		qtype uint16
		want  []string
	}{
		{"www.example.org.", dns.TypeA, []string{"A 192.0.2.1"}},
		{"www.example.org.", dns.TypeAAAA, []string{"AAAA 2001:db8::1"}},
		{"www.sub.example.org.", dns.TypeA, []string{"A 192.0.2.1"}},
		{"example.org.", dns.TypeMX, []string{"MX 10 mx1.example.org.", "MX 20 mx2.example.org."}},
		{"example.org.", dns.TypeNS, []string{"NS ns1.example.org.", "NS ns2.example.net."}},
		{"sub.example.org.", dns.TypeNS, []string{"NS ns1.sub.example.org.", "NS ns2.example.net."}},
		{"txt.example.org.", dns.TypeTXT, []string{`TXT "one string"`, `TXT "two"`, `TXT "with \"quotes\""`}},
		{"srv.example.org.", dns.TypeSRV, []string{"SRV 0 0 443 www.example.org."}},
		{"caa.example.org.", dns.TypeCAA, []string{`CAA 0 issue "ca.example.net"`}},
		{"odd.example.org.", 65280, []string{`TYPE65280 \# 3 616263`}},
		// Wildcards cover what does not exist, at any depth, but nothing below a name that does (RFC 4592).
		{"any.wild.example.org.", dns.TypeA, []string{"A 192.0.2.6"}},
		{"a.b.c.wild.example.org.", dns.TypeA, []string{"A 192.0.2.6"}},
		{"any.wild.example.org.", dns.TypeTXT, []string{`TXT "wildcard"`}},
		{"*.wild.example.org.", dns.TypeA, []string{"A 192.0.2.6"}},
		{"x.y.wild.example.org.", dns.TypeA, []string{"A 192.0.2.7"}},
		// A CNAME answers every type, its target is added where it can be known.
		{"own.example.org.", dns.TypeCNAME, []string{"CNAME www.example.org."}},
		{"own.example.org.", dns.TypeA, []string{"A 192.0.2.1", "CNAME www.example.org."}},
		{"own.example.org.", dns.TypeTXT, []string{"CNAME www.example.org."}},
		{"chain.example.org.", dns.TypeAAAA,
			[]string{"AAAA 2001:db8::1", "CNAME own.example.org.", "CNAME www.example.org."}},
		{"out.example.org.", dns.TypeA, []string{"A 203.0.113.1", "CNAME host.example.net."}},
		{"made.example.org.", dns.TypeA, []string{"A 203.0.113.2", "CNAME made.by.template.example.net."}},
		{"gone.example.org.", dns.TypeA, []string{"CNAME nowhere.example.net."}},
		{"dangling.example.org.", dns.TypeA, []string{"CNAME nope.example.org."}},
		// Falling through is for name errors in the zones named.
		{"nope.fall.example.org.", dns.TypeA, []string{"A 203.0.113.3"}},
		{"www.notexample.org.", dns.TypeA, []string{"A 203.0.113.7"}},
	}
	for _, test := range tests {
		m := s.Ask(t, test.name, test.qtype)
		if !slices.Equal(harness.Answer(m), test.want) {
			t.Errorf("%s %s: expected %q, got: %v", test.name, dns.TypeToString[test.qtype], test.want, m)
			continue
		}
		ours := strings.HasSuffix(test.name, ".example.org.") && !strings.HasPrefix(test.name, "nope.")
		if ours && (!m.Authoritative || m.Answer[0].Header().Ttl != 120) {
			t.Errorf("%s: expected an authoritative answer with TTL 120, got: %v", test.name, m)
		}
		if ours && !strings.EqualFold(m.Answer[0].Header().Name, test.name) {
			t.Errorf("%s: expected the name that was asked, got: %v", test.name, m)
		}
	}
}

// TestD02_Negatives tells a name without the type from a name that is not there.
func TestD02_Negatives(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, kinds)
	tests := []struct {
		name  string
		qtype uint16
		rcode int
		zone  string
	}{
		{"www.example.org.", dns.TypeMX, dns.RcodeSuccess, "example.org."},
		{"www.example.org.", dns.TypeHTTPS, dns.RcodeSuccess, "example.org."},
		{"four.example.org.", dns.TypeAAAA, dns.RcodeSuccess, "example.org."},
		{"example.org.", dns.TypeA, dns.RcodeSuccess, "example.org."},
		{"nope.example.org.", dns.TypeA, dns.RcodeNameError, "example.org."},
		{"below.www.example.org.", dns.TypeA, dns.RcodeNameError, "example.org."},
		{"nope.sub.example.org.", dns.TypeA, dns.RcodeNameError, "sub.example.org."},
		// Empty non-terminals exist.
		{"deep.example.org.", dns.TypeA, dns.RcodeSuccess, "example.org."},
		{"b.deep.example.org.", dns.TypeTXT, dns.RcodeSuccess, "example.org."},
		{"c.deep.example.org.", dns.TypeA, dns.RcodeNameError, "example.org."},
		{"wild.example.org.", dns.TypeA, dns.RcodeSuccess, "example.org."},
		// The wildcard is there, its type is not.
		{"any.wild.example.org.", dns.TypeMX, dns.RcodeSuccess, "example.org."},
		// An existing name stops the wildcard above it.
		{"y.wild.example.org.", dns.TypeA, dns.RcodeSuccess, "example.org."},
		{"z.y.wild.example.org.", dns.TypeA, dns.RcodeNameError, "example.org."},
		// Where name errors fall through, a type that is missing does not.
		{"type.fall.example.org.", dns.TypeAAAA, dns.RcodeSuccess, "example.org."},
	}
	for _, test := range tests {
		if err := harness.CheckNegative(s.Ask(t, test.name, test.qtype), test.rcode, test.zone); err != nil {
			t.Errorf("%s %s: %v", test.name, dns.TypeToString[test.qtype], err)
		}
	}
}

// TestD01_CaseIsKept looks at the letters of question and answer.
func TestD01_CaseIsKept(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, kinds)
	for _, name := range []string{"wWw.ExAmPlE.oRg.", "ANY.wild.Example.ORG.", "EXAMPLE.org."} {
		m := s.Ask(t, name, dns.TypeANY)
		if m.Question[0].Name != name {
			t.Errorf("Expected the question as asked, %s, got %s", name, m.Question[0].Name)
		}
		for _, rr := range m.Answer {
			if rr.Header().Name != name {
				t.Errorf("Expected the letters as asked, %s, got: %v", name, rr)
			}
		}
	}
	m := s.Ask(t, "wWw.ExAmPlE.oRg.", dns.TypeA)
	if len(m.Answer) != 1 || m.Answer[0].Header().Name != "wWw.ExAmPlE.oRg." {
		t.Errorf("Expected one answer with the letters as asked, got: %v", m)
	}
}

// TestD04_LongestZoneAtLabels has zones within zones and names that only look like theirs.
func TestD04_LongestZoneAtLabels(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		failover example.org {
			static www 192.0.2.1
		}
		failover sub.example.org b.sub.example.org {
			static www 192.0.2.2
		}
		hosts {
			203.0.113.1 www.notexample.org
			203.0.113.2 www.org
			fallthrough
		}
	}`)
	for name, want := range map[string]string{
		"www.example.org.":       "192.0.2.1",
		"WWW.SUB.example.org.":   "192.0.2.2",
		"www.b.sub.example.org.": "192.0.2.2",
		"www.notexample.org.":    "203.0.113.1",
		"www.org.":               "203.0.113.2",
	} {
		if got := s.Addresses(t, name, dns.TypeA); got != want {
			t.Errorf("%s: expected %q, got %q", name, want, got)
		}
	}
	for name, zone := range map[string]string{
		"www.xsub.example.org.":   "example.org.",
		"www.xb.sub.example.org.": "sub.example.org.",
		"a.b.sub.example.org.":    "b.sub.example.org.",
	} {
		if err := harness.CheckNegative(s.Ask(t, name, dns.TypeA), dns.RcodeNameError, zone); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestD05_Apex reads SOA and NS, and the serial rises with a change of health but not without one.
func TestD05_Apex(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		soa ns1 admin.example.com.
		check web %s %s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1`, e.URL(), timing)))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 60 })

	m := s.Ask(t, "example.org.", dns.TypeSOA)
	if len(m.Answer) != 1 || !m.Authoritative {
		t.Fatalf("Expected one authoritative SOA, got: %v", m)
	}
	soa := m.Answer[0].(*dns.SOA)
	if soa.Ns != "ns1.example.org." || soa.Mbox != "admin.example.com." {
		t.Errorf("Expected the names of the word soa, got: %v", soa)
	}
	if soa.Minttl > 60 {
		t.Errorf("Expected a negative TTL of at most the TTL of answers, got: %v", soa)
	}
	if got := harness.Answer(s.Ask(t, "example.org.", dns.TypeNS)); !slices.Equal(got, []string{"NS ns.dns.example.org."}) {
		t.Errorf("Expected the default NS, got %v", got)
	}

	quiet := s.Serial(t, "example.org.")
	if seen := e.Count(); seen > 0 {
		harness.Eventually(t, harness.Soon, "another probe", func() bool { return e.Count() > seen })
	}
	if got := s.Serial(t, "example.org."); got != quiet {
		t.Errorf("Expected the serial to stay while nothing changes, got %d after %d", got, quiet)
	}
	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	down := s.Serial(t, "example.org.")
	e.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	up := s.Serial(t, "example.org.")
	// Serial arithmetic (RFC 1982).
	if int32(down-quiet) <= 0 || int32(up-down) <= 0 {
		t.Errorf("Expected a rising serial, got %d, %d, %d", quiet, down, up)
	}
}

// TestD06_AnyAndSizes asks for ANY, and for more than fits.
func TestD06_AnyAndSizes(t *testing.T) {
	t.Parallel()
	big := "static big TXT"
	for i := range 16 {
		big += fmt.Sprintf(" %q", fmt.Sprint(i)+strings.Repeat("x", 200))
	}
	s := harness.Start(t, harness.Zone("static www 192.0.2.1 2001:db8::1\n"+big))

	m := s.Ask(t, "www.example.org.", dns.TypeANY)
	if hinfo, is := first(m).(*dns.HINFO); !is || hinfo.Cpu != "RFC8482" || len(m.Answer) != 1 {
		t.Errorf("Expected HINFO as of RFC 8482, got: %v", m)
	}

	for _, size := range []uint16{0, 512, 1232, 2000, 4096} {
		q := harness.Question("big.example.org.", dns.TypeTXT)
		if size > 0 {
			q.SetEdns0(size, false)
		}
		reply := s.Wire(t, q)
		var m dns.Msg
		if err := m.Unpack(reply); err != nil {
			t.Fatalf("Buffer of %d: %v", size, err)
		}
		limit := max(int(size), dns.MinMsgSize)
		whole := size == 4096
		if len(reply) > limit || m.Truncated == whole || (len(m.Answer) == 16) != whole {
			t.Errorf("Buffer of %d: expected at most that and TC if not all fits, got %d octets, %d records, TC %v",
				size, len(reply), len(m.Answer), m.Truncated)
		}
		if (size > 0) != (m.IsEdns0() != nil) {
			t.Errorf("Buffer of %d: expected EDNS in the reply just if it was in the query", size)
		}
	}
	if m := s.Exchange(t, "tcp", harness.Question("big.example.org.", dns.TypeTXT)); len(m.Answer) != 16 || m.Truncated {
		t.Errorf("Expected all 16 records over TCP, got %d, TC %v", len(m.Answer), m.Truncated)
	}
}

// What lies behind a CNAME is looked up with the client's buffer size; that it was cut there must not get lost.
func TestD06_CutBehindACNAME(t *testing.T) {
	t.Parallel()
	var answers strings.Builder
	for i := range 5 {
		fmt.Fprintf(&answers, "answer \"{{ .Name }} 60 IN TXT %d%s\"\n", i, strings.Repeat("x", 200))
	}
	s := harness.Start(t, `.:@DNS@ {
		bind 127.0.0.1
		template IN TXT example.net {
			`+answers.String()+`
		}
		failover example.org {
			static big CNAME big.example.net.
		}
	}`)
	var m dns.Msg
	if err := m.Unpack(s.Wire(t, harness.Question("big.example.org.", dns.TypeTXT))); err != nil {
		t.Fatal(err)
	}
	if !m.Truncated || len(m.Answer) > 4 {
		t.Errorf("Expected TC and a part of the answer, got TC %v and %d records", m.Truncated, len(m.Answer))
	}
	if m := s.Exchange(t, "tcp", harness.Question("big.example.org.", dns.TypeTXT)); len(m.Answer) != 6 || m.Truncated {
		t.Errorf("Expected the CNAME and 5 records over TCP, got %d, TC %v", len(m.Answer), m.Truncated)
	}
}

func first(m *dns.Msg) dns.RR {
	if len(m.Answer) == 0 {
		return nil
	}
	return m.Answer[0]
}
