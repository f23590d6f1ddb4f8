package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// atServer is the word resolver for a server of serveDNS or datagrams.
func atServer(s Spec) string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// byType answers by the type asked for; a type that is not there gets no answer at all.
func byType(handlers map[uint16]dns.HandlerFunc) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		if handler := handlers[r.Question[0].Qtype]; handler != nil {
			handler(w, r)
		}
	}
}

// onlyIPv4 knows one address of www.example.org.
func onlyIPv4(t *testing.T, addr string) dns.HandlerFunc {
	t.Helper()
	return byType(map[uint16]dns.HandlerFunc{
		dns.TypeA: records(t, "www.example.org. 60 IN A "+addr), dns.TypeAAAA: records(t),
	})
}

// recursing makes a handler's answers those of a server that recurses.
func recursing(handler dns.HandlerFunc) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) { handler(recursor{w}, r) }
}

type recursor struct{ dns.ResponseWriter }

func (w recursor) WriteMsg(m *dns.Msg) error {
	m.RecursionAvailable = true
	return w.ResponseWriter.WriteMsg(m)
}

// cut answers over UDP with nothing but the sign that there is more.
func cut(whole dns.HandlerFunc) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		if w.LocalAddr().Network() == "udp" {
			reply := new(dns.Msg).SetReply(r)
			reply.Truncated = true
			_ = w.WriteMsg(reply)
			return
		}
		whole(w, r)
	}
}

// lookAt resolves www.example.org at servers.
func lookAt(t *testing.T, family string, timeout time.Duration, servers ...Spec) (string, error) {
	t.Helper()
	words := make([]string, 0, len(servers))
	for _, s := range servers {
		words = append(words, atServer(s))
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	began := time.Now()
	s := Spec{Host: "www.example.org", Resolver: strings.Join(words, " ")}
	switch family {
	case "ip4":
		s.Source = netip.MustParseAddr("127.0.0.1")
	case "ip6":
		s.Source = netip.MustParseAddr("::1")
	}
	e := newEndpoint(s, systemNetwork)
	addrs, err := e.lookUp(ctx)
	if took := time.Since(began); took > timeout+time.Second {
		t.Errorf("A look-up of %s took %s", timeout, took)
	}
	texts := make([]string, 0, len(addrs))
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, " "), err
}

// wantLookup checks what lookAt gave: addresses, "none" for a host that does not exist, or why the resolver fails.
func wantLookup(t *testing.T, name, got string, err error, want string) {
	t.Helper()
	if dnsErr, ok := errors.AsType[*net.DNSError](err); ok {
		got = dnsErr.Err
		if dnsErr.IsNotFound {
			got = "none"
		}
	} else if err != nil {
		got = err.Error()
	}
	if got != want && !strings.HasSuffix(got, ": "+want) {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func TestH11_ResolverAnswers(t *testing.T) {
	const a, aaaa = dns.TypeA, dns.TypeAAAA
	v4 := records(t, "WWW.Example.org. 60 IN A 192.0.2.1", "www.example.org. 60 IN A 192.0.2.2",
		"mail.example.org. 60 IN A 192.0.2.3", "www.example.org. 60 CH A 192.0.2.4", "www.example.org. 60 IN TXT 192.0.2.5")
	v6 := records(t, "www.example.org. 60 IN AAAA ::1")
	alias := records(t, "www.example.org. 60 IN CNAME a.example.net.", "b.example.net. 60 IN A 192.0.2.9",
		"a.example.net. 60 IN CNAME b.example.net.")
	loop := records(t, "www.example.org. 60 IN CNAME a.example.net.", "a.example.net. 60 IN CNAME www.example.org.")
	half := records(t, "www.example.org. 60 IN CNAME a.example.net.")
	empty, absent, broken := records(t), refuse(dns.RcodeNameError), refuse(dns.RcodeServerFailure)
	authoritative := func(w dns.ResponseWriter, r *dns.Msg) {
		reply := new(dns.Msg).SetReply(r)
		reply.Authoritative = true
		_ = w.WriteMsg(reply)
	}
	bare := func(w dns.ResponseWriter, r *dns.Msg) {
		reply := new(dns.Msg).SetRcode(r, dns.RcodeFormatError)
		reply.Question = nil
		_ = w.WriteMsg(reply)
	}
	for _, c := range []struct {
		name, family string
		handlers     map[uint16]dns.HandlerFunc
		want         string
	}{
		{"IPv4 only", "ip", map[uint16]dns.HandlerFunc{a: v4, aaaa: empty}, "192.0.2.1 192.0.2.2"},
		{"IPv6 only", "ip", map[uint16]dns.HandlerFunc{a: empty, aaaa: v6}, "::1"},
		{"IPv4 asked for", "ip4", map[uint16]dns.HandlerFunc{a: v4}, "192.0.2.1 192.0.2.2"},
		{"IPv6 asked for", "ip6", map[uint16]dns.HandlerFunc{aaaa: v6}, "::1"},
		{"alias", "ip", map[uint16]dns.HandlerFunc{a: alias, aaaa: half}, "192.0.2.9"},
		{"loop", "ip4", map[uint16]dns.HandlerFunc{a: loop}, "the chain of CNAME records is too long"},
		{"name error", "ip", map[uint16]dns.HandlerFunc{a: absent, aaaa: absent}, "none"},
		{"no data", "ip", map[uint16]dns.HandlerFunc{a: empty, aaaa: empty}, "none"},
		{"name error for one", "ip", map[uint16]dns.HandlerFunc{a: v4, aaaa: absent}, "192.0.2.1 192.0.2.2"},
		{"failure for one", "ip", map[uint16]dns.HandlerFunc{a: v4, aaaa: broken}, "192.0.2.1 192.0.2.2"},
		{"half an answer", "ip", map[uint16]dns.HandlerFunc{a: absent, aaaa: broken}, "SERVFAIL"},
		{"failure", "ip", map[uint16]dns.HandlerFunc{a: broken, aaaa: broken}, "SERVFAIL"},
		{"refusal", "ip4", map[uint16]dns.HandlerFunc{a: refuse(dns.RcodeRefused)}, "REFUSED"},
		{"refusal without the question", "ip4", map[uint16]dns.HandlerFunc{a: bare}, "FORMERR"},
		{"cut", "ip", map[uint16]dns.HandlerFunc{a: cut(v4), aaaa: cut(v6)}, "192.0.2.1 ::1 192.0.2.2"},
		{"cut, and nothing in it", "ip4", map[uint16]dns.HandlerFunc{a: cut(absent)}, "none"},
		{"cut over TCP too", "ip4", map[uint16]dns.HandlerFunc{a: cut(func(w dns.ResponseWriter, r *dns.Msg) {
			reply := new(dns.Msg).SetReply(r)
			reply.Truncated = true
			_ = w.WriteMsg(reply)
		})}, "the answer is too long for UDP, and TCP does not work"},
	} {
		for _, host := range localhosts(t) {
			got, err := lookAt(t, c.family, 5*time.Second, serveDNS(t, host, recursing(byType(c.handlers))))
			if c.name == "cut" && strings.HasPrefix(got, "::1 ") {
				got = "192.0.2.1 ::1 192.0.2.2" // where there is a route for IPv6
			}
			wantLookup(t, c.name+" from "+host, got, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		handler dns.HandlerFunc
		want    string
	}{
		"referral":     {empty, "the server does not recurse"},
		"half a chain": {half, "the server does not recurse"},
		"authority":    {authoritative, "none"},
	} {
		got, err := lookAt(t, "ip4", 5*time.Second, serveDNS(t, "127.0.0.1", c.handler))
		wantLookup(t, name, got, err, c.want)
	}
}

// TestH11_ResolversAreAskedInOrder also shows that each gets no more than its share of the time.
func TestH11_ResolversAreAskedInOrder(t *testing.T) {
	var asked atomic.Int32
	answer := recursing(onlyIPv4(t, "192.0.2.1"))
	good := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, r *dns.Msg) {
		asked.Add(1)
		answer(w, r)
	})
	silent := datagrams(t, "127.0.0.1", func([]byte) [][]byte { return nil })
	closed := dnsSpec("127.0.0.1", refusing(t, "127.0.0.1"))
	broken := serveDNS(t, "127.0.0.1", refuse(dns.RcodeServerFailure))
	absent := serveDNS(t, "127.0.0.1", recursing(refuse(dns.RcodeNameError)))
	for _, c := range []struct {
		name    string
		servers []Spec
		want    string
		asked   bool
	}{
		{"the first answers", []Spec{good, broken}, "192.0.2.1", true},
		{"the first fails", []Spec{broken, good}, "192.0.2.1", true},
		{"nobody is there", []Spec{closed, good}, "192.0.2.1", true},
		{"the first is silent", []Spec{silent, good}, "192.0.2.1", true},
		{"the first knows that there is none", []Spec{absent, good}, "none", false},
		{"all fail", []Spec{closed, broken}, "SERVFAIL", false},
		{"nobody", []Spec{closed}, "udp: connection refused", false},
	} {
		asked.Store(0)
		got, err := lookAt(t, "ip", 2*time.Second, c.servers...)
		wantLookup(t, c.name, got, err, c.want)
		if (asked.Load() > 0) != c.asked {
			t.Errorf("%s: the good one was asked %d times", c.name, asked.Load())
		}
	}
	got, err := lookAt(t, "ip", 100*time.Millisecond, silent, silent)
	wantLookup(t, "all are silent", got, err, "no answer in time")
}

func TestH11_ResolverLosesAnswers(t *testing.T) {
	var asked atomic.Int32
	lossy := datagrams(t, "127.0.0.1", func(query []byte) [][]byte {
		if asked.Add(1) == 1 {
			return nil
		}
		return [][]byte{addressTo(t, query, "192.0.2.1")}
	})
	got, err := lookAt(t, "ip4", time.Second, lossy)
	wantLookup(t, "the first datagram is lost", got, err, "192.0.2.1")

	// Firewalls there are that drop questions for AAAA. What is there must not wait for them until the end.
	there := records(t, "www.example.org. 60 IN A 192.0.2.1")
	dropping := serveDNS(t, "127.0.0.1", byType(map[uint16]dns.HandlerFunc{dns.TypeA: there}))
	began := time.Now()
	got, err = lookAt(t, "ip", 2*time.Second, dropping)
	wantLookup(t, "one family is dropped", got, err, "192.0.2.1")
	if took := time.Since(began); took > time.Second+500*time.Millisecond {
		t.Errorf("It took %s", took)
	}
}

func TestH11_ResolverHostileAnswers(t *testing.T) {
	wrong := map[string]func(query []byte) []byte{
		"another ID":        func(q []byte) []byte { m := addressTo(t, q, "192.0.2.66"); m[0] ^= 1; return m },
		"a question":        func(q []byte) []byte { return q },
		"another question":  func(q []byte) []byte { m := addressTo(t, q, "192.0.2.66"); m[13] ^= 1; return m },
		"another type":      func(q []byte) []byte { m := addressTo(t, q, "192.0.2.66"); m[12+17+1] ^= 1; return m },
		"another operation": func(q []byte) []byte { m := addressTo(t, q, "192.0.2.66"); m[2] |= 0x28; return m },
		"cut":               func(q []byte) []byte { m := addressTo(t, q, "192.0.2.66"); return m[:len(m)-3] },
		"a header":          func(q []byte) []byte { return addressTo(t, q, "192.0.2.66")[:12] },
		"nothing":           func([]byte) []byte { return nil },
		"zeros":             func([]byte) []byte { return make([]byte, 4096) },
	}
	for name, make := range wrong {
		before := datagrams(t, "127.0.0.1", func(query []byte) [][]byte {
			return [][]byte{make(slices.Clone(query)), addressTo(t, query, "192.0.2.1")}
		})
		got, err := lookAt(t, "ip4", 5*time.Second, before)
		wantLookup(t, name+" before the answer", got, err, "192.0.2.1")
	}
	flood := datagrams(t, "127.0.0.1", func(query []byte) [][]byte {
		return slices.Repeat([][]byte{wrong["another ID"](slices.Clone(query))}, 2*maxStrayAnswers)
	})
	got, err := lookAt(t, "ip4", 30*time.Second, flood)
	wantLookup(t, "flood", got, err, errStrays.Error())

	// Over TCP: a length that is a lie, and half an answer.
	for name, handle := range map[string]func(net.Conn){
		"TCP closes": func(c net.Conn) { c.Close() },
		"TCP hangs":  func(c net.Conn) { _, _ = c.Write([]byte{0, 0xff, 0}); readAll(c) },
		"TCP lies":   func(c net.Conn) { _, _ = c.Write([]byte{0xff, 0xff, 0}); c.Close() },
	} {
		port, packets, listener := bothProtocols(t, "127.0.0.1")
		server := &dns.Server{PacketConn: packets, Handler: cut(nil)}
		ready, done := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		go func() { defer close(done); _ = server.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = server.Shutdown(); <-done })
		acceptFrom(t, listener, handle)
		got, err := lookAt(t, "ip4", 500*time.Millisecond, dnsSpec("127.0.0.1", port))
		wantLookup(t, name, got, err, "the answer is too long for UDP, and TCP does not work")
	}
}

// addressTo is an answer of a server that recurses.
func addressTo(t *testing.T, query []byte, addr string) []byte {
	t.Helper()
	asked := new(dns.Msg)
	if err := asked.Unpack(query); err != nil {
		t.Errorf("The question is broken: %v", err)
		return nil
	}
	reply := new(dns.Msg).SetReply(asked)
	reply.RecursionAvailable = true
	reply.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: asked.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
		A:   net.ParseIP(addr),
	}}
	message, err := reply.Pack()
	if err != nil {
		t.Errorf("The answer cannot be made: %v", err)
	}
	return message
}

// acceptFrom handles the connections of a listener, one after the other, until the test ends.
func acceptFrom(t *testing.T, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

func TestH11_ResolverForATarget(t *testing.T) {
	port := listen(t, "127.0.0.1", func(c net.Conn) { c.Close() })
	answer := recursing(onlyIPv4(t, "127.0.0.1"))
	sinkhole := records(t, "www.example.org. 60 IN A 0.0.0.0", "www.example.org. 60 IN AAAA ::")
	var handler atomic.Pointer[dns.HandlerFunc]
	handler.Store(&answer)
	server := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, r *dns.Msg) { (*handler.Load())(w, r) })
	spec := Spec{Scheme: TCP, Host: "www.example.org", Port: port, Resolver: atServer(server)}
	made := prober(t, spec)
	got := try(t, made, 2*time.Second)
	wantResult(t, "resolved", got, Pass, ReasonOK, "")
	if got.Phases.Resolve <= 0 {
		t.Errorf("Phases %+v", got.Phases)
	}
	for _, c := range []struct {
		name    string
		handler dns.HandlerFunc
		prober  Prober
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"earlier address", refuse(dns.RcodeServerFailure), made, Pass, ReasonOK, ""},
		{"earlier address, silence", byType(nil), made, Pass, ReasonOK, ""},
		{
			"no earlier address", refuse(dns.RcodeServerFailure), prober(t, spec),
			Indeterminate, ReasonResolver, "lookup www.example.org: " + atServer(server) + ": SERVFAIL",
		},
		{"no earlier address, silence", byType(nil), prober(t, spec), Indeterminate, ReasonResolver, "no answer in time"},
		{"gone", recursing(refuse(dns.RcodeNameError)), made, Fail, ReasonResolve, "no such host"},
		{"sinkhole", sinkhole, prober(t, spec), Fail, ReasonResolve, "no such host"},
	} {
		handler.Store(&c.handler)
		wantResult(t, c.name, try(t, c.prober, 400*time.Millisecond), c.outcome, c.reason, c.detail)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	silent := byType(nil)
	handler.Store(&silent)
	time.AfterFunc(50*time.Millisecond, cancel)
	wantResult(t, "broken off", prober(t, spec).Probe(ctx), Indeterminate, ReasonCanceled, "")
	// The words of the system's resolver have no part in it.
	spec.Host = "localhost"
	got = try(t, prober(t, spec), 200*time.Millisecond)
	wantResult(t, "hosts file", got, Indeterminate, ReasonResolver, "no answer in time")
	spec.Host = "a..b"
	wantResult(t, "not a name", try(t, prober(t, spec), time.Second), Fail, ReasonResolve, "no such host")
}

func TestH11_ResolverOrder(t *testing.T) {
	parse := func(text string) (addrs []netip.Addr) {
		for word := range strings.FieldsSeq(text) {
			addrs = append(addrs, netip.MustParseAddr(word))
		}
		return addrs
	}
	for _, c := range []struct {
		v4, v6, want string
		routed       bool
	}{
		{"192.0.2.2 192.0.2.1", "2001:db8::2 2001:db8::1", "2001:db8::2 192.0.2.2 2001:db8::1 192.0.2.1", true},
		{"192.0.2.2 192.0.2.1", "2001:db8::2 2001:db8::1", "192.0.2.2 2001:db8::2 192.0.2.1 2001:db8::1", false},
		{"192.0.2.2 192.0.2.1", "2001:db8::1", "2001:db8::1 192.0.2.2 192.0.2.1", true},
		{"192.0.2.1", "", "192.0.2.1", true},
		{"", "2001:db8::1", "2001:db8::1", false},
	} {
		l := lookup{network: (&stub{}).network(c.routed)}
		if got := l.order(parse(c.v4), parse(c.v6)); !slices.Equal(got, parse(c.want)) {
			t.Errorf("%s and %s: got %v, want %s", c.v4, c.v6, got, c.want)
		}
	}
}

func TestResolverFieldIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.53:53": "", "192.0.2.53:53 [2001:db8::53]:5353": "", "[fe80::1%eth0]:53": "",
		strings.Repeat("192.0.2.53:53 ", 8): "",
		strings.Repeat("192.0.2.53:53 ", 9): "resolver: it has 9 name servers, not 1 to 8",
		" ":                                 "resolver: it has 0",
		"192.0.2.53":                        `resolver: "192.0.2.53" is not an address with a port`,
		"192.0.2.53:53 ns.example.org:53":   `resolver: "ns.example.org:53" is not`,
		"192.0.2.53:0":                      "resolver: ",
		"0.0.0.0:53":                        "resolver: ",
		"[ff02::1]:53":                      "resolver: ",
		"2001:db8::53:53":                   "resolver: ",
	} {
		_, err := New(Spec{Scheme: TCP, Host: "www.example.org", Port: 25, Resolver: text})
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// FuzzAddressesIn holds that no answer gives addresses of the wrong family or of other names, or too much work.
func FuzzAddressesIn(f *testing.F) {
	questions, err := newQuestions("www.example.org", "ip")
	if err != nil {
		f.Fatal(err)
	}
	for _, texts := range [][]string{
		{"www.example.org. 60 IN A 192.0.2.1"},
		{"www.example.org. 60 IN CNAME a.example.net.", "a.example.net. 60 IN AAAA 2001:db8::1"},
		{"www.example.org. 60 IN CNAME www.example.org."},
	} {
		reply := &dns.Msg{Question: []dns.Question{questions[0].asked}}
		reply.Response, reply.RecursionAvailable = true, true
		for _, text := range texts {
			record, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			reply.Answer = append(reply.Answer, record)
		}
		message, err := reply.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(message, false)
		message[len(message)-1] ^= 0xff
		f.Add(message[:len(message)-2], true)
	}
	f.Fuzz(func(t *testing.T, message []byte, v6 bool) {
		q := questions[0]
		if v6 {
			q = questions[1]
		}
		if len(message) > 2 { // else nothing but luck gets past the ID
			message = slices.Clone(message)
			binary.BigEndian.PutUint16(message, q.id)
		}
		reply, ok := q.reply(message)
		if !ok {
			return
		}
		q.take(reply)
		found, failed := q.state == answerFound, q.state == answerFailed
		if q.state == answerPending || found != (len(q.addrs) > 0) || failed != (q.trouble != "") {
			t.Fatalf("State %d with %v and %q", q.state, q.addrs, q.trouble)
		}
		if len(q.addrs) > maxRecords {
			t.Fatalf("%d addresses", len(q.addrs))
		}
		for _, addr := range q.addrs {
			if !v6 && !addr.Is4() {
				t.Fatalf("Asked for A, got %s", addr)
			}
		}
	})
}
