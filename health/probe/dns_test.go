package probe

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// serveDNS starts a name server on UDP and TCP of one port.
func serveDNS(tb testing.TB, host string, handler dns.HandlerFunc) Spec {
	tb.Helper()
	port, packets, listener := bothProtocols(tb, host)
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		ready, done := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		go func() { defer close(done); _ = server.ActivateAndServe() }()
		<-ready
		tb.Cleanup(func() { _ = server.Shutdown(); <-done })
	}
	return dnsSpec(host, port)
}

func dnsSpec(host string, port uint16) Spec {
	return Spec{Scheme: DNS, Host: host, Port: port, Name: "www.example.org.", Type: "A", Rcode: "NOERROR"}
}

func bothProtocols(tb testing.TB, host string) (uint16, net.PacketConn, net.Listener) {
	tb.Helper()
	for range 10 {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			tb.Fatal(err)
		}
		if packets, err := net.ListenPacket("udp", listener.Addr().String()); err == nil {
			return uint16(listener.Addr().(*net.TCPAddr).Port), packets, listener
		}
		listener.Close()
	}
	tb.Fatal("No port is free on both protocols")
	return 0, nil, nil
}

// records answers with the same records, whatever the rest of the question.
func records(tb testing.TB, texts ...string) dns.HandlerFunc {
	tb.Helper()
	answer := make([]dns.RR, 0, len(texts))
	for _, text := range texts {
		record, err := dns.NewRR(text)
		if err != nil {
			tb.Fatal(err)
		}
		answer = append(answer, record)
	}
	return func(w dns.ResponseWriter, r *dns.Msg) {
		reply := new(dns.Msg).SetReply(r)
		reply.Answer = answer
		_ = w.WriteMsg(reply)
	}
}

func refuse(code int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(r, code)) }
}

func TestDNS(t *testing.T) {
	www := records(t, "WWW.example.org. 60 IN CNAME a.example.net.", "a.example.net. 60 IN A 192.0.2.1",
		"a.example.net. 60 IN A 192.0.2.2")
	text := records(t, `www.example.org. 5 IN TXT "role=primary" "up \"now\""`)
	unknown := records(t, `www.example.org. 5 IN TYPE65280 \# 2 abcd`)
	for _, c := range []struct {
		name    string
		handler dns.HandlerFunc
		change  func(*Spec)
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"pass", www, nil, Pass, ReasonOK, "rcode NOERROR"},
		{"no records", records(t), nil, Pass, ReasonOK, ""},
		{"data", www, func(s *Spec) { s.Expect = "192.0.2.2" }, Pass, ReasonOK, "a record matches"},
		{"a whole record", www, func(s *Spec) { s.Expect = `^a\.example\.net\. A 192\.0\.2\.1$` }, Pass, ReasonOK, ""},
		{"alias", www, func(s *Spec) { s.Expect = "^www.example.org. CNAME a.example.net.$" }, Pass, ReasonOK, ""},
		{"other data", www, func(s *Spec) { s.Expect = "192.0.2.3" }, Fail, ReasonBody, "no match in the 3 records"},
		{"no data", records(t), func(s *Spec) { s.Expect = "192.0.2.1" }, Fail, ReasonBody, "no match in the 0 records"},
		{"not over two records", www, func(s *Spec) { s.Expect = `192\.0\.2\.1.*192\.0\.2\.2` }, Fail, ReasonBody, ""},
		{"not the TTL", www, func(s *Spec) { s.Expect = `\b60\b` }, Fail, ReasonBody, ""},
		{"text", text, func(s *Spec) { s.Type = "TXT"; s.Expect = `"role=primary" "up \"now\""` }, Pass, ReasonOK, ""},
		{"unknown type", unknown, func(s *Spec) { s.Type = "TYPE65280"; s.Expect = `TYPE65280 \\# 2 abcd$` }, Pass,
			ReasonOK, ""},
		{"rcode", refuse(dns.RcodeServerFailure), nil, Fail, ReasonRcode, "rcode SERVFAIL"},
		{"name error", refuse(dns.RcodeNameError), nil, Fail, ReasonRcode, "rcode NXDOMAIN"},
		{"expected rcode", refuse(dns.RcodeNameError), func(s *Spec) { s.Rcode = "NOERROR,NXDOMAIN" }, Pass, ReasonOK,
			"rcode NXDOMAIN"},
		{"not the expected rcode", www, func(s *Spec) { s.Rcode = "NXDOMAIN" }, Fail, ReasonRcode, "rcode NOERROR"},
	} {
		for _, host := range localhosts(t) {
			spec := serveDNS(t, host, c.handler)
			if c.change != nil {
				c.change(&spec)
			}
			for _, overTCP := range []bool{false, true} {
				spec.ForceTCP = overTCP
				name := c.name + " from " + host + ", TCP " + strconv.FormatBool(overTCP)
				got := try(t, prober(t, spec), 2*time.Second)
				wantResult(t, name, got, c.outcome, c.reason, c.detail)
				if got.Phases.FirstByte <= 0 || overTCP && got.Phases.Connect <= 0 {
					t.Errorf("%s: phases %+v", name, got.Phases)
				}
			}
		}
	}
}

func TestDNSQuestion(t *testing.T) {
	asked := make(chan *dns.Msg, 1)
	spec := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, r *dns.Msg) {
		asked <- r.Copy()
		refuse(dns.RcodeSuccess)(w, r)
	})
	spec.Name, spec.Type = `a\.b\103.Example.org.`, "AAAA"
	wantResult(t, "escaped name", try(t, prober(t, spec), time.Second), Pass, ReasonOK, "")
	r := <-asked
	if q := r.Question[0]; q.Name != `a\.bg.Example.org.` || q.Qtype != dns.TypeAAAA || q.Qclass != dns.ClassINET {
		t.Errorf("Asked %v", q)
	}
	if opt := r.IsEdns0(); !r.RecursionDesired || opt == nil || opt.UDPSize() != 1232 {
		t.Errorf("Sent %v", r)
	}
}

func TestDNSTruncatedIsAskedAgainOverTCP(t *testing.T) {
	whole := records(t, "www.example.org. 60 IN A 192.0.2.1")
	for _, host := range localhosts(t) {
		spec := serveDNS(t, host, func(w dns.ResponseWriter, r *dns.Msg) {
			if w.LocalAddr().Network() == "tcp" {
				whole(w, r)
				return
			}
			reply := new(dns.Msg).SetReply(r)
			reply.Truncated = true
			_ = w.WriteMsg(reply)
		})
		spec.Expect = "192.0.2.1"
		got := try(t, prober(t, spec), time.Second)
		wantResult(t, host, got, Pass, ReasonOK, "")
		if got.Phases.Connect <= 0 {
			t.Errorf("Phases %+v", got.Phases)
		}
	}
	always := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, r *dns.Msg) {
		reply := new(dns.Msg).SetReply(r)
		reply.Truncated = true
		_ = w.WriteMsg(reply)
	})
	wantResult(t, "truncated again", try(t, prober(t, always), time.Second), Fail, ReasonProtocol, "dns over tcp")
	// The datagram is cut in the middle of a record, and nobody listens on TCP.
	cut := datagrams(t, "127.0.0.1", func(query []byte) [][]byte {
		reply := answerTo(query, "www.example.org. 60 IN A 192.0.2.1")
		reply[2] |= 0x02
		return [][]byte{reply[:len(reply)-3]}
	})
	wantResult(t, "no TCP", try(t, prober(t, cut), time.Second), Fail, ReasonRefused, "dns over tcp 127.0.0.1")
}

// datagrams answers each datagram with those that reply gives.
func datagrams(tb testing.TB, host string, reply func(query []byte) [][]byte) Spec {
	tb.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			for _, datagram := range reply(buffer[:n]) {
				_, _ = conn.WriteTo(datagram, from)
			}
		}
	}()
	tb.Cleanup(func() { conn.Close(); <-done })
	return dnsSpec(host, uint16(conn.LocalAddr().(*net.UDPAddr).Port))
}

// answerTo is a good answer to a packed query.
func answerTo(query []byte, record string) []byte {
	r := new(dns.Msg)
	if err := r.Unpack(query); err != nil {
		panic(err)
	}
	reply := new(dns.Msg).SetReply(r)
	if rr, err := dns.NewRR(record); err == nil && rr != nil {
		reply.Answer = append(reply.Answer, rr)
	}
	packed, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// wrongAnswers are what is no answer to a query.
func wrongAnswers(query []byte) map[string][]byte {
	good := answerTo(query, "www.example.org. 60 IN A 192.0.2.66")
	change := func(f func([]byte)) []byte {
		wrong := append([]byte(nil), good...)
		f(wrong)
		return wrong
	}
	return map[string][]byte{
		"another id":         change(func(m []byte) { m[0] ^= 1 }),
		"a question":         change(func(m []byte) { m[2] &^= 0x80 }),
		"another question":   change(func(m []byte) { m[13] = 'x' }),
		"another type":       change(func(m []byte) { m[12+17+1] = byte(dns.TypeAAAA) }),
		"no question":        change(func(m []byte) { m[5], m[7] = 0, 0 })[:12],
		"two questions":      change(func(m []byte) { m[5] = 2 }),
		"another opcode":     change(func(m []byte) { m[2] |= dns.OpcodeNotify << 3 }),
		"a spoofed SERVFAIL": change(func(m []byte) { m[1] ^= 1; m[3] |= dns.RcodeServerFailure }),
		"half a message":     good[:len(good)-3],
		"half a header":      good[:7],
		"nothing":            {},
		"noise":              change(func(m []byte) { copy(m[12:], strings.Repeat("\xff", len(m))) }),
	}
}

func TestDNSWrongAnswersAreIgnored(t *testing.T) {
	for _, host := range localhosts(t) {
		spec := datagrams(t, host, func(query []byte) [][]byte {
			var all [][]byte
			for _, wrong := range wrongAnswers(query) {
				all = append(all, wrong)
			}
			return append(all, answerTo(query, "www.example.org. 60 IN A 192.0.2.1"))
		})
		spec.Expect = "192.0.2.1$"
		wantResult(t, host, try(t, prober(t, spec), time.Second), Pass, ReasonOK, "")
	}
	for name := range wrongAnswers(dnsQuery(t)) {
		spec := datagrams(t, "127.0.0.1", func(query []byte) [][]byte { return [][]byte{wrongAnswers(query)[name]} })
		wantResult(t, name, try(t, prober(t, spec), 50*time.Millisecond), Fail, ReasonProtocol, "dns: no answer, but")
		port := listen(t, "127.0.0.1", func(c net.Conn) {
			defer c.Close()
			query, err := readFramed(c)
			if err != nil {
				return
			}
			wrong := wrongAnswers(query)[name]
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wrong))), wrong...))
		})
		spec = dnsSpec("127.0.0.1", port)
		spec.ForceTCP = true
		wantResult(t, name+" over TCP", try(t, prober(t, spec), time.Second), Fail, ReasonProtocol, "dns over tcp")
	}
}

func dnsQuery(tb testing.TB) []byte {
	tb.Helper()
	query, err := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA).Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return query
}

// TestDNSBareRefusal is about servers that answer what they do not like with a header alone.
func TestDNSBareRefusal(t *testing.T) {
	spec := datagrams(t, "127.0.0.1", func(query []byte) [][]byte {
		return [][]byte{{query[0], query[1], 0x81, dns.RcodeRefused, 0, 0, 0, 0, 0, 0, 0, 0}}
	})
	wantResult(t, "header", try(t, prober(t, spec), time.Second), Fail, ReasonRcode, "rcode REFUSED")
}

func TestDNSExtendedRcode(t *testing.T) {
	spec := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, r *dns.Msg) {
		reply := new(dns.Msg).SetReply(r)
		reply.SetEdns0(1232, false)
		reply.Rcode = dns.RcodeBadVers
		_ = w.WriteMsg(reply)
	})
	wantResult(t, "BADVERS", try(t, prober(t, spec), time.Second), Fail, ReasonRcode, "rcode BADVERS")
	if got := rcodeName(3000); got != "3000" {
		t.Errorf("Got %q", got)
	}
}

func TestDNSNobodyAnswers(t *testing.T) {
	for _, host := range localhosts(t) {
		silent := datagrams(t, host, func([]byte) [][]byte { return nil })
		wantResult(t, "silent "+host, try(t, prober(t, silent), 50*time.Millisecond), Fail, ReasonTimeout, "dns ")
		port, packets, listener := bothProtocols(t, host)
		packets.Close()
		listener.Close()
		spec := dnsSpec(host, port)
		wantResult(t, "closed "+host, try(t, prober(t, spec), time.Second), Fail, ReasonRefused,
			"dns "+net.JoinHostPort(host, ""))
		spec.ForceTCP = true
		wantResult(t, "closed, TCP "+host, try(t, prober(t, spec), time.Second), Fail, ReasonRefused, "dns over tcp")
	}
}

// TestDNSHostileTCP holds that time is bounded whatever a server does with its connection.
func TestDNSHostileTCP(t *testing.T) {
	for _, c := range []struct {
		name   string
		then   func(net.Conn)
		reason Reason
	}{
		{"hangs", readAll, ReasonTimeout},
		{"closes", func(c net.Conn) { c.Close() }, ReasonReset},
		{"resets", func(c net.Conn) { abort(c.(*net.TCPConn)) }, ReasonReset},
		{"half a length", func(c net.Conn) { _, _ = c.Write([]byte{1}); c.Close() }, ReasonReset},
		{"half a message", func(c net.Conn) { _, _ = c.Write([]byte{63, 255, 1, 2, 3}); c.Close() }, ReasonReset},
		{"no message", func(c net.Conn) { _, _ = c.Write([]byte{0, 0}); readAll(c) }, ReasonProtocol},
		{"promises", func(c net.Conn) { _, _ = c.Write([]byte{63, 255, 1, 2, 3}); readAll(c) }, ReasonTimeout},
		{"drips", func(c net.Conn) { drip(c, "\x3f\xff"+strings.Repeat("x", 1000), 10*time.Millisecond) }, ReasonTimeout},
		{"floods", func(c net.Conn) { writeForever(c); c.Close() }, ReasonProtocol},
	} {
		port := listen(t, "127.0.0.1", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			c.then(conn)
		})
		spec := dnsSpec("127.0.0.1", port)
		spec.ForceTCP = true
		wantResult(t, c.name, try(t, prober(t, spec), 200*time.Millisecond), Fail, c.reason, "dns over tcp")
	}
}

// writeForever writes until the peer has had enough.
func writeForever(w io.Writer) {
	block := strings.Repeat("x", 4096)
	for {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
}

// drip writes text byte by byte.
func drip(c net.Conn, text string, every time.Duration) {
	defer c.Close()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
		<-tick.C
	}
}

func TestDNSFlood(t *testing.T) {
	spec := datagrams(t, "127.0.0.1", func(query []byte) [][]byte {
		all := make([][]byte, 0, 5*maxStray)
		for len(all) < cap(all) {
			all = append(all, wrongAnswers(query)["noise"])
		}
		return all
	})
	wantResult(t, "noise", try(t, prober(t, spec), 500*time.Millisecond), Fail, ReasonProtocol, "dns: no answer, but")
}

// TestDNSCostlyAnswerAllocs holds that the largest answer, of nothing but long compressed names, costs little memory.
func TestDNSCostlyAnswerAllocs(t *testing.T) {
	spec := dnsSpec("192.0.2.1", 53)
	spec.Expect = "192.0.2.1"
	a := prober(t, spec).(*dnsProber).attempt()
	message := costlyAnswer(a.packed[2:])
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	answer, err := a.parse(message)
	if err != nil {
		t.Fatal(err)
	}
	got := a.inquiry.judge(answer)
	runtime.ReadMemStats(&after)
	wantResult(t, "costly", got, Fail, ReasonBody, "no match in the")
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 8<<20 {
		t.Errorf("It took %d bytes and %d allocations", cost, after.Mallocs-before.Mallocs)
	}
}

func costlyAnswer(query []byte) []byte {
	message := answerTo(query, "")
	pointer := []byte{0xc0 | byte(len(message)>>8), byte(len(message))}
	record := []byte{0, byte(dns.TypeCNAME), 0, dns.ClassINET, 0, 0, 0, 0, 0, 2, pointer[0], pointer[1]}
	for range 3 {
		message = append(append(message, 63), strings.Repeat("\xff", 63)...)
	}
	message = append(append(message, 0), record...)
	count := 1
	for ; len(message) < maxAnswer-len(record)-2; count++ {
		message = append(append(message, pointer...), record...)
	}
	binary.BigEndian.PutUint16(message[6:], uint16(count))
	return message
}

func TestH16_DNSErrorsOfOurOwnAreIndeterminate(t *testing.T) {
	for err, reason := range map[error]Reason{
		syscall.EMFILE: ReasonFDLimit, syscall.EADDRNOTAVAIL: ReasonPorts, syscall.EPERM: ReasonPermission,
	} {
		n := (&stub{}).network(true)
		n.dialUDP = func(context.Context, netip.Addr, netip.AddrPort) (net.Conn, error) { return nil, err }
		n.dial = func(context.Context, netip.Addr, netip.AddrPort) (connection, error) { return nil, err }
		spec := dnsSpec("192.0.2.1", 53)
		wantResult(t, "UDP", (&stub{}).try(t, spec, n), Indeterminate, reason, "dns 192.0.2.1:53")
		spec.ForceTCP = true
		wantResult(t, "TCP", (&stub{}).try(t, spec, n), Indeterminate, reason, "dns over tcp 192.0.2.1:53")
	}
	silent := datagrams(t, "127.0.0.1", func([]byte) [][]byte { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	wantResult(t, "canceled", prober(t, silent).Probe(ctx), Indeterminate, ReasonCanceled, "")
}

func TestH11_DNSTriesTheAddressesOfAServer(t *testing.T) {
	spec := serveDNS(t, "127.0.0.1", records(t, "www.example.org. 60 IN A 192.0.2.1"))
	spec.Host = "ns.example.org"
	n := *systemNetwork
	n.resolve = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	p, err := newProber(spec, &n)
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, "the second answers", try(t, p, time.Second), Pass, ReasonOK, "")
}

func TestDNSLeavesNoTimeWait(t *testing.T) {
	spec := serveDNS(t, "127.0.0.1", refuse(dns.RcodeSuccess))
	spec.ForceTCP = true
	wantNothingLingers(t, spec)
}

// wantNothingLingers holds that attempts that pass leave no connection in TIME_WAIT on our side.
func wantNothingLingers(t *testing.T, spec Spec) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lists its sockets in a file")
	}
	made := prober(t, spec)
	for range 50 {
		wantResult(t, spec.Target(), try(t, made, 2*time.Second), Pass, ReasonOK, "")
	}
	if got := lingering(t, spec.Port); got > 0 {
		t.Errorf("%d of 50 connections are in TIME_WAIT", got)
	}
}

func TestDNSFieldsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"name: \"\"":            func(s *Spec) { s.Name = "" },
		"name: \"example.org\"": func(s *Spec) { s.Name = "example.org" },
		"name: \"a..b.\"":       func(s *Spec) { s.Name = "a..b." },
		"type: \"\"":            func(s *Spec) { s.Type = "" },
		"type: \"FOO\"":         func(s *Spec) { s.Type = "FOO" },
		"type: \"TYPE65536\"":   func(s *Spec) { s.Type = "TYPE65536" },
		"type: AXFR":            func(s *Spec) { s.Type = "AXFR" },
		"type: ANY":             func(s *Spec) { s.Type = "ANY" },
		"type: OPT":             func(s *Spec) { s.Type = "OPT" },
		"type: TYPE0":           func(s *Spec) { s.Type = "TYPE0" },
		"type: TYPE252":         func(s *Spec) { s.Type = "TYPE252" },
		"rcode: \"\"":           func(s *Spec) { s.Rcode = "" },
		"rcode: \"noerror\"":    func(s *Spec) { s.Rcode = "noerror" },
		"rcode: \"OK\"":         func(s *Spec) { s.Rcode = "NOERROR,OK" },
		"expect: error":         func(s *Spec) { s.Expect = "(" },
		"target: a port":        func(s *Spec) { s.Port = 0 },
		"takes no path":         func(s *Spec) { s.Path = "/" },
	} {
		s := dnsSpec("192.0.2.1", 53)
		change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
}

// FuzzDNSAnswer holds that no message makes a prober panic, or a detail that holds what the message said.
func FuzzDNSAnswer(f *testing.F) {
	spec := dnsSpec("192.0.2.1", 53)
	spec.Expect = `A 192\.0\.2\.1$`
	a := prober(f, spec).(*dnsProber).attempt()
	query := a.packed[2:]
	f.Add(answerTo(query, "www.example.org. 60 IN A 192.0.2.1"))
	f.Add(answerTo(query, `www.example.org. 60 IN HTTPS 1 . alpn="h3,h2" ipv4hint=192.0.2.1`))
	f.Add(answerTo(query, `www.example.org. 60 IN NAPTR 10 20 "u" "x" "!a!b!" .`))
	f.Add(costlyAnswer(query)[:4096])
	for _, wrong := range wrongAnswers(query) {
		f.Add(wrong)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > maxAnswer {
			return
		}
		message = append(slices.Clone(query[:2]), message[min(2, len(message)):]...) // the ID is looked at first
		answer, err := a.parse(message)
		if err != nil {
			return
		}
		if got := a.inquiry.judge(answer); len(got.Detail) > 64 || got.Detail != printable(got.Detail) {
			t.Errorf("Detail %q", got.Detail)
		}
	})
}
