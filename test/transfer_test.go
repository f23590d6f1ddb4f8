package test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// copied is a zone of which every answer is the same whoever gives it, with a target whose health changes it.
func copied(e *harness.Endpoint, extra string, plugins ...string) string {
	return harness.Zone(fmt.Sprintf(`
		ttl 60s 10s
		ns ns1 ns2
		check web %s %s
		primary   www 192.0.2.1 2001:db8::1 check web
		secondary www 198.51.100.1
		primary   app alias www
		secondary app 198.51.100.9
		answer    mul 192.0.2.21 check web
		answer    mul 192.0.2.22
		weight 1  api 192.0.2.31 check web
		weight 1  api 192.0.2.32
		primary   gone 192.0.2.41 check web
		set       gone all_down nodata
		static    gone TXT "still here"
		primary   away CNAME www.example.net. check web
		secondary away CNAME www.example.com.
		static    ns1 192.0.2.53
		static    ns2 192.0.2.54 2001:db8::54
		static    @ MX "10 mx1" "20 mx2.example.net."
		static    @ TXT "v=spf1 mx -all"
		static    @ CAA "0 issue \"ca.example.net\""
		static    _sip._tcp SRV "1 2 5060 sip.example.net."
		static    odd\.name\032x TXT "a \"quoted\" text" "and another"
		static    svc HTTPS "1 . alpn=h2,h3 ipv4hint=192.0.2.61"
		static    own TYPE65280 "\# 4 c0000201"
		static    a.b.c 192.0.2.71
		static    * TXT wild
		static    *.deep.b 192.0.2.72
		%s`, e.URL(), timing, extra), plugins...)
}

// questions are asked of a server and its secondaries: what is in the zone, what a wildcard covers, what is empty and
// what does not exist.
var questions = func() (all []dns.Question) {
	for _, name := range []string{"", "www.", "app.", "mul.", "gone.", "away.", "ns1.", "ns2.", "_sip._tcp.", "_tcp.",
		`odd\.name\032x.`, "svc.", "own.", "a.b.c.", "b.c.", "c.", "none.", "x.y.", "deep.b.", "z.deep.b.", "x.a.b.c."} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeTXT, dns.TypeCAA, dns.TypeSRV,
			dns.TypeHTTPS, dns.TypeNS, 65280} {
			all = append(all, dns.Question{Name: name + "example.org.", Qtype: qtype})
		}
	}
	return all
}()

// TestD09_SecondariesFollow has name servers of other makes copy a zone. A change of health, a reload and a restart reach
// what they answer, long before they would ask by themselves.
func TestD09_SecondariesFollow(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	ports := "to 127.0.0.1:@KNOT@ 127.0.0.1:@NSD@ 127.0.0.1:@NAMED@"
	s := harness.Start(t, copied(e, "", "transfer {\n "+ports+"\n }"))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 60 })
	copies := make([]*secondary, 0, len(secondaries))
	for kind := range secondaries {
		copies = append(copies, startSecondary(t, kind, s.Ports["@"+strings.ToUpper(kind)+"@"], s.Ports["@DNS@"]))
	}
	before := s.Serial(t, "example.org.")
	alike(t, s, copies)

	e.Kill()
	began := time.Now()
	for _, c := range copies {
		harness.Eventually(t, 3*harness.Soon, "the failover at "+c.kind, func() bool {
			return c.answers("www.example.org.", dns.TypeA) == "NOERROR A 198.51.100.1"
		})
		t.Logf("%s answers with the secondary %v after the target's death", c.kind, time.Since(began).Round(time.Millisecond))
	}
	if serial := s.Serial(t, "example.org."); serial <= before {
		t.Errorf("Expected the serial to rise, it went from %d to %d", before, serial)
	}
	alike(t, s, copies)

	e.Revive(t)
	for _, c := range copies {
		harness.Eventually(t, 3*harness.Soon, "the return at "+c.kind, func() bool {
			return c.answers("www.example.org.", dns.TypeA) == "NOERROR A 192.0.2.1"
		})
	}
	before = s.Serial(t, "example.org.")
	s.SignalReload(t, s.Expand(t, copied(e, "static new TXT reloaded", "transfer {\n "+ports+"\n }")), false)
	for _, c := range copies {
		harness.Eventually(t, 3*harness.Soon, "the reload at "+c.kind, func() bool {
			return c.answers("new.example.org.", dns.TypeTXT) == `NOERROR TXT "reloaded"` && c.serial() > before
		})
	}
	alike(t, s, copies)

	before = s.Serial(t, "example.org.")
	// A process begins at the time; what changed several times in its last second went ahead of that.
	harness.Eventually(t, 3*harness.Soon, "the clock to reach the serial", func() bool { return time.Now().Unix() > int64(before) })
	s.Write(t, "Corefile", s.Expand(t, copied(e, "static new TXT restarted", "transfer {\n "+ports+"\n }")))
	s.Restart(t)
	if serial := s.Serial(t, "example.org."); serial <= before {
		t.Errorf("Expected the serial to rise over a restart, it went from %d to %d", before, serial)
	}
	for _, c := range copies {
		harness.Eventually(t, 3*harness.Soon, "the restart at "+c.kind, func() bool {
			return c.answers("new.example.org.", dns.TypeTXT) == `NOERROR TXT "restarted"` && c.serial() > before
		})
	}
	alike(t, s, copies)
}

// alike waits until all copies have the serial of the server, and wants them to answer and to transfer what it does.
func alike(t *testing.T, s *harness.Server, copies []*secondary) {
	t.Helper()
	harness.Eventually(t, 3*harness.Soon, "the settled TTL", func() bool {
		m := s.Ask(t, "www.example.org.", dns.TypeA)
		return len(m.Answer) == 1 && (m.Answer[0].Header().Ttl == 60 || harness.Answer(m)[0] == "A 198.51.100.1")
	})
	for _, c := range copies {
		harness.Eventually(t, 3*harness.Soon, "the copy of "+c.kind, func() bool { return c.serial() == s.Serial(t, "example.org.") })
		want, err := transfer(s.Addr, axfr("example.org."))
		if err != nil {
			t.Fatalf("Expected a transfer, got error: %v", err)
		}
		got, err := transfer(c.addr, axfr("example.org."))
		if err != nil {
			t.Fatalf("Expected a transfer of %s, got error: %v", c.kind, err)
		}
		if a, b := sorted(want), sorted(got); !slices.Equal(a, b) {
			t.Errorf("Expected %s to have a copy of\n%s\n\ngot\n%s", c.kind, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
		for _, q := range questions {
			m := s.Ask(t, q.Name, q.Qtype)
			// What is drawn is not asked for: everything here has one answer.
			if want, got := dns.RcodeToString[m.Rcode]+" "+strings.Join(harness.Answer(m), " "), c.answers(q.Name, q.Qtype); got != want {
				t.Errorf("%s %s: expected %s to answer %q, got %q", q.Name, dns.Type(q.Qtype), c.kind, want, got)
			}
		}
	}
}

// text renders a record; one of a type that nobody knows has its class and type as numbers or as words.
func text(rr dns.RR) string {
	h := rr.Header()
	return fmt.Sprintf("%s %d %d %s", h.Name, h.Ttl, h.Rrtype, strings.ToLower(harness.Rdata(rr)))
}

// sorted renders records as text, in an order that does not depend on who sent them, each once.
func sorted(rrs []dns.RR) []string {
	lines := make([]string, len(rrs))
	for i, rr := range rrs {
		lines[i] = text(rr)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// TestD09_TransfersByOtherClients reads what dig and kdig make of a transfer, and asks for each record of it.
func TestD09_TransfersByOtherClients(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, copied(e, "", "transfer {\n to *\n }"))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 60 })
	for _, state := range []string{"healthy", "unhealthy"} {
		if state == "unhealthy" {
			e.Kill()
			s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
		}
		var rrs []dns.RR
		harness.Eventually(t, harness.Soon, "transfers between two changes", func() bool {
			query := []string{"@127.0.0.1", "-p", strconv.Itoa(s.Ports["@DNS@"]), "+noall", "+answer", "axfr", "example.org."}
			rrs = transferBy(t, tool(t, "kdig", "knot-dnsutils"), query...)
			again := transferBy(t, tool(t, "dig", "bind9-dnsutils"), query...)
			return slices.Equal(sorted(rrs), sorted(again)) && rrs[0].(*dns.SOA).Serial == s.Serial(t, "example.org.")
		})
		checkTransfer(t, s, rrs)
	}
}

func transferBy(t *testing.T, program string, args ...string) []dns.RR {
	t.Helper()
	output, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, output)
	}
	var rrs []dns.RR
	parser := dns.NewZoneParser(strings.NewReader(string(output)), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		rrs = append(rrs, rr)
	}
	if err := parser.Err(); err != nil || len(rrs) == 0 {
		t.Fatalf("%s gave %d records, %v:\n%s", program, len(rrs), err, output)
	}
	if rrs[0].Header().Rrtype != dns.TypeSOA {
		t.Fatalf("Expected a transfer to begin with the SOA, got %v", rrs[0])
	}
	return rrs
}

// checkTransfer asks for every name and type of a transfer, and wants each answer to be in it, and for each question that
// is answered the transfer to have something.
func checkTransfer(t *testing.T, s *harness.Server, rrs []dns.RR) {
	t.Helper()
	has := map[string]bool{}
	asked := slices.Clone(questions)
	for _, rr := range rrs {
		has[text(rr)] = true
		asked = append(asked, dns.Question{Name: rr.Header().Name, Qtype: rr.Header().Rrtype})
	}
	for _, q := range asked {
		m := s.Ask(t, q.Name, q.Qtype)
		for _, rr := range m.Answer {
			if m.Answer[0].Header().Name != rr.Header().Name {
				continue // what a CNAME leads to
			}
			if rr.Header().Name == q.Name && !has[text(rr)] && !covered(has, rr) {
				t.Errorf("Expected a transfer with %v in it, since that is answered to %s %s", rr, q.Name, dns.Type(q.Qtype))
			}
		}
	}
	for _, rr := range rrs {
		if m := s.Ask(t, rr.Header().Name, rr.Header().Rrtype); len(m.Answer) == 0 {
			t.Errorf("Expected %v of the transfer to be answered, got: %v", rr, m)
		}
	}
}

// covered tells that a record is in a transfer under the name of a wildcard.
func covered(has map[string]bool, rr dns.RR) bool {
	for off, end := dns.NextLabel(rr.Header().Name, 0); !end; off, end = dns.NextLabel(rr.Header().Name, off) {
		wild := dns.Copy(rr)
		wild.Header().Name = "*." + rr.Header().Name[off:]
		if has[text(wild)] {
			return true
		}
	}
	return false
}

// TestD09_WhatIsTransferredToWhom asks in every way that there is.
func TestD09_WhatIsTransferredToWhom(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, "example.org:@DNS@ example.net:@DNS@ {\n bind 127.0.0.1\n transfer example.org {\n to 127.0.0.1\n }\n"+
		" failover {\n static www 192.0.2.1\n }\n}\n"+
		"example.org:@OTHER@ {\n bind 127.0.0.1\n transfer {\n to *\n }\n failover {\n static www 192.0.2.2\n }\n}\n"+
		"example.org:@CLOSED@ {\n bind 127.0.0.1\n transfer {\n to 192.0.2.53\n }\n failover {\n static www 192.0.2.3\n }\n}\n"+
		"example.org:@WITHOUT@ {\n bind 127.0.0.1\n failover {\n static www 192.0.2.4\n }\n}\n"+
		"example.org:@VIEW@ {\n bind 127.0.0.1\n view near {\n expr client_ip() == '127.0.0.2'\n }\n transfer {\n to *\n }\n"+
		" failover {\n static www 192.0.2.5\n }\n}\n"+
		"example.org:@VIEW@ {\n bind 127.0.0.1\n transfer {\n to *\n }\n failover {\n static www 192.0.2.6\n }\n}\n")
	at := func(word string) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Ports[word])) }
	serial := s.Serial(t, "example.org.")
	for _, test := range []struct {
		what string
		m    *dns.Msg
		at   string
		want []string // types or addresses; nil for a refusal
	}{
		{"a view, from elsewhere", axfr("example.org."), at("@VIEW@"), []string{"SOA", "NS", "192.0.2.6", "SOA"}},
		{"the zone", axfr("example.org."), s.Addr, []string{"SOA", "NS", "192.0.2.1", "SOA"}},
		{"the zone in other letters", axfr("EXAMPLE.org."), s.Addr, []string{"SOA", "NS", "192.0.2.1", "SOA"}},
		{"the changes since long ago", ixfr("example.org.", serial-1000), s.Addr, []string{"SOA", "NS", "192.0.2.1", "SOA"}},
		{"the changes since now", ixfr("example.org.", serial), s.Addr, []string{"SOA"}},
		{"the changes since later", ixfr("example.org.", serial+1000), s.Addr, []string{"SOA"}},
		{"the zone of another server block", axfr("example.org."), at("@OTHER@"), []string{"SOA", "NS", "192.0.2.2", "SOA"}},
		{"a zone that transfer does not name", axfr("example.net."), s.Addr, nil},
		{"a name in the zone", axfr("www.example.org."), s.Addr, nil},
		{"a server block that does not transfer to us", axfr("example.org."), at("@CLOSED@"), nil},
		{"a server block without transfer", axfr("example.org."), at("@WITHOUT@"), nil},
	} {
		rrs, err := transfer(test.at, test.m)
		var got []string
		for _, rr := range rrs {
			if a, is := rr.(*dns.A); is {
				got = append(got, a.A.String())
			} else {
				got = append(got, dns.Type(rr.Header().Rrtype).String())
			}
		}
		if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: expected %v, got %v and error %v", test.what, test.want, got, err)
		}
		if _, refused := errors.AsType[*dns.Error](err); test.want == nil && !refused {
			t.Errorf("%s: expected to be refused, got error %v", test.what, err)
		}
	}
	near, err := transferFrom("127.0.0.2", at("@VIEW@"), axfr("example.org."))
	if err != nil || len(near) != 4 || harness.Rdata(near[2]) != "192.0.2.5" {
		t.Errorf("Expected a view to transfer what it answers, got %v and error %v", near, err)
	}
	if m := s.Exchange(t, "udp", axfr("example.org.")); m.Rcode != dns.RcodeRefused {
		t.Errorf("Expected a transfer over UDP to be refused, got %v", m)
	}
}

// TestD09_TransferWithTSIG transfers to those who have the key, and to nobody else.
func TestD09_TransferWithTSIG(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte("a secret of the test's own"))
	s := harness.Start(t, copied(harness.Serve(t), "static many TXT"+many(3000),
		"tsig {\n secret key.example.org. "+secret+"\n require AXFR IXFR\n }", "transfer {\n to *\n }"))
	if rrs, err := transfer(s.Addr, axfr("example.org.")); err == nil {
		t.Errorf("Expected a transfer without a signature to be refused, got %d records", len(rrs))
	}
	for _, args := range [][]string{{"dig", "bind9-dnsutils"}, {"kdig", "knot-dnsutils"}} {
		rrs := transferBy(t, tool(t, args[0], args[1]), "@127.0.0.1", "-p", strconv.Itoa(s.Ports["@DNS@"]), "+noall", "+answer",
			"-y", "hmac-sha256:key.example.org.:"+secret, "axfr", "example.org.")
		if len(rrs) < 3000 {
			t.Errorf("Expected %s to get thousands of records, got %d", args[0], len(rrs))
		}
	}
	m := ixfr("example.org.", s.Serial(t, "example.org."))
	m.SetTsig("key.example.org.", dns.HmacSHA256, 300, time.Now().Unix())
	client := dns.Transfer{TsigSecret: map[string]string{"key.example.org.": secret}}
	envelopes, err := client.In(m, s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for e := range envelopes {
		if e.Error != nil || len(e.RR) != 1 {
			t.Errorf("Expected the SOA alone, signed, got %v and error %v", e.RR, e.Error)
		}
	}
}

// many are texts that take more than one message.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " %s-%d", strings.Repeat("x", 40), i)
	}
	return b.String()
}

// listener is a secondary that never answers. It counts what it is told.
type listener struct {
	mu    sync.Mutex
	times []time.Time
}

func (l *listener) listen(t *testing.T, port int) {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dns.Msg
			if m.Unpack(buffer[:n]) == nil && m.Opcode == dns.OpcodeNotify && m.Question[0].Name == "example.org." {
				l.mu.Lock()
				l.times = append(l.times, time.Now())
				l.mu.Unlock()
			}
		}
	}()
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.times)
}

// TestD09_ASilentSecondaryDelaysNobody has one that takes every NOTIFY and never says a word: answers follow health all
// the same, a reload and the end take no longer, and what is sent stays little.
func TestD09_ASilentSecondaryDelaysNobody(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	var silent listener
	port := harness.FreePort(t)
	silent.listen(t, port)
	plugin := fmt.Sprintf("transfer {\n to 127.0.0.1:%d\n }", port)
	s := harness.Start(t, copied(e, "", plugin))
	harness.Eventually(t, harness.Soon, "a NOTIFY at the start", func() bool { return silent.count() > 0 })
	for range 3 {
		e.Kill()
		s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
		e.Revive(t)
		s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	}
	before := silent.count()
	began := time.Now()
	s.SignalReload(t, s.Expand(t, copied(e, "static new TXT reloaded", plugin)), false)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Expected a reload not to wait for a secondary, it took %v", took)
	}
	harness.Eventually(t, harness.Soon, "a NOTIFY after the reload", func() bool { return silent.count() > before })
	silent.mu.Lock()
	// A NOTIFY is three attempts, two seconds apart each, so there are less than one attempt a second and configuration.
	if took := time.Since(silent.times[0]); len(silent.times) > 4+2*int(took/time.Second) {
		t.Errorf("Expected few NOTIFYs, got %d in %v", len(silent.times), took)
	}
	silent.mu.Unlock()
	if n := s.Log.Count("[WARNING] plugin/failover: Not all secondaries of example.org."); n > 2 {
		t.Errorf("Expected one warning a configuration, got %d", n)
	}
}
