package probe

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mail is a peer that greets, answers one line and waits for the end.
func mail(c net.Conn) {
	defer c.Close()
	_, _ = io.WriteString(c, "220 mx.example.org ESMTP\r\n")
	line := make([]byte, 6)
	if _, err := io.ReadFull(c, line); err == nil && string(line) == "QUIT\r\n" {
		_, _ = io.WriteString(c, "221 Bye\r\n")
	}
	readAll(c)
}

// saying is a peer that says the parts one after another, and then ends or waits for the end.
func saying(end bool, parts ...string) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		for _, part := range parts {
			if _, err := io.WriteString(c, part); err != nil {
				return
			}
		}
		if !end {
			readAll(c)
		}
	}
}

// conversations are peers and what a check that talks to them finds; the same over TCP and over TLS.
var conversations = []struct {
	name         string
	peer         func(net.Conn)
	send, expect string
	outcome      Outcome
	reason       Reason
	detail       string
}{
	{"banner", mail, "", "220 ", Pass, ReasonOK, ""},
	{"banner, by expression", mail, "", `^220 \S+ E?SMTP`, Pass, ReasonOK, ""},
	{"answer", mail, "QUIT\r\n", "221 Bye", Pass, ReasonOK, ""},
	{"sent, nothing expected", mail, "QUIT\r\n", "", Pass, ReasonOK, ""},
	{"in pieces", saying(false, "+O", "K", " ready"), "", `\+OK ready`, Pass, ReasonOK, ""},
	{"then ends", saying(true, "+OK"), "", `\+OK`, Pass, ReasonOK, ""},
	{"bytes that are no text", saying(false, "\xff\x00\xfe ok"), "", `\x00. ok`, Pass, ReasonOK, ""},
	{"wrong, then ends", saying(true, "-ERR secret"), "", "OK", Fail, ReasonBody, "no match in the 11 bytes that came"},
	{"wrong, then waits", saying(false, "-ERR"), "", "OK", Fail, ReasonBody, "in the 4 bytes that came in time"},
	{"nothing", readAll, "", "OK", Fail, ReasonTimeout, "no answer in time"},
	{"just inside", saying(false, strings.Repeat("x", maxBody-2)+"OK"), "", "OK", Pass, ReasonOK, ""},
	{"just outside", saying(false, strings.Repeat("x", maxBody-1)+"OK"), "", "OK", Fail, ReasonBody, "5120 bytes"},
	{"endless", func(c net.Conn) {
		defer c.Close()
		for err := error(nil); err == nil; _, err = io.WriteString(c, strings.Repeat("x", 64<<10)) {
		}
	}, "", "OK", Fail, ReasonBody, "5120 bytes"},
	{"drips", func(c net.Conn) {
		defer c.Close()
		for err := error(nil); err == nil; _, err = io.WriteString(c, "x") {
		}
	}, "", "OK", Fail, ReasonBody, "bytes that came"},
}

// tryLonger gives an attempt more and more time until it ends as it should. A machine that is busy may take long to say
// what a peer must have said before it falls silent.
func tryLonger(tb testing.TB, p Prober, reason Reason, detail string) (got Result) {
	tb.Helper()
	for timeout := 50 * time.Millisecond; timeout < 10*time.Second; timeout *= 4 {
		if got = try(tb, p, timeout); got.Reason == reason && strings.Contains(got.Detail, detail) {
			break
		}
	}
	return got
}

func TestTCPSendAndExpect(t *testing.T) {
	for _, host := range localhosts(t) {
		for _, c := range conversations {
			p := Spec{Scheme: TCP, Host: host, Port: listen(t, host, c.peer), Send: c.send, Expect: c.expect}
			got := tryLonger(t, prober(t, p), c.reason, c.detail)
			wantResult(t, c.name, got, c.outcome, c.reason, c.detail)
			if strings.Contains(got.Detail, "secret") {
				t.Errorf("%s: the detail holds what the peer said: %q", c.name, got.Detail)
			}
		}
		hasty := listen(t, host, func(c net.Conn) { c.Close() })
		wantResult(t, "closes at once", try(t, prober(t, Spec{Scheme: TCP, Host: host, Port: hasty, Expect: "OK"}), 5*time.Second),
			Fail, ReasonReset, "closed too early")
		rude := listen(t, host, func(c net.Conn) { abort(c.(*net.TCPConn)) })
		wantResult(t, "resets", try(t, prober(t, Spec{Scheme: TCP, Host: host, Port: rude, Expect: "OK"}), 5*time.Second),
			Fail, ReasonReset, "reset")
	}
}

func TestTLSSendAndExpect(t *testing.T) {
	a := newAuthority(t)
	for _, host := range localhosts(t) {
		config := &tls.Config{Certificates: []tls.Certificate{a.issue(host, time.Now().Add(time.Hour))}}
		for _, c := range conversations {
			port := listen(t, host, func(raw net.Conn) { c.peer(tls.Server(raw, config)) })
			p := Spec{Scheme: TLS, Host: host, Port: port, CAFile: a.file, Send: c.send, Expect: c.expect}
			got := tryLonger(t, prober(t, p), c.reason, c.detail)
			wantResult(t, c.name, got, c.outcome, c.reason, c.detail)
			if c.outcome == Pass && (got.Detail != "TLS 1.3" || got.Phases.TLS == 0) {
				t.Errorf("%s: got %q, %+v", c.name, got.Detail, got.Phases)
			}
		}
	}
}

// TestTLSExpectSeesTheClientCertificateRefused is what a handshake alone cannot see with TLS 1.3.
func TestTLSExpectSeesTheClientCertificateRefused(t *testing.T) {
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}, ClientAuth: tls.RequireAnyClientCert}
	port := listen(t, "127.0.0.1", func(raw net.Conn) { mail(tls.Server(raw, config)) })
	p := Spec{Scheme: TLS, Host: "127.0.0.1", Port: port, CAFile: a.file, Expect: "220"}
	wantResult(t, "none shown", try(t, prober(t, p), 5*time.Second), Fail, ReasonTLS, "certificate required")
}

func TestTCPPhases(t *testing.T) {
	p := Spec{Scheme: TCP, Host: "127.0.0.1", Port: listen(t, "127.0.0.1", mail), Expect: "220"}
	if got := try(t, prober(t, p), 5*time.Second).Phases; got.Connect == 0 || got.FirstByte == 0 || got.Resolve != 0 || got.TLS != 0 {
		t.Errorf("Got %+v", got)
	}
}

// TestTCPPlainCheckEndsWithAReset is about TIME_WAIT: the side that closes in good order first would keep it.
func TestTCPPlainCheckEndsWithAReset(t *testing.T) {
	ends := make(chan error, 1)
	port := listen(t, "127.0.0.1", func(c net.Conn) {
		_, err := c.Read(make([]byte, 1))
		c.Close()
		ends <- err
	})
	wantResult(t, "plain", try(t, prober(t, Spec{Scheme: TCP, Host: "127.0.0.1", Port: port}), 5*time.Second), Pass, ReasonOK, "")
	if err := <-ends; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("The peer saw %v", err)
	}
}

func TestExpectLooksNotTooOften(t *testing.T) {
	looks, looked := 0, 0
	for length := 1; length <= maxBody; length++ {
		if isTimeToLook(looks, length-looked, length == maxBody) {
			looks, looked = looks+1, length
		}
	}
	if want := freeLooks + maxBody/lookStep; looks > want {
		t.Errorf("A peer that drips makes %d looks, want at most %d", looks, want)
	}
	if isTimeToLook(0, 0, true) {
		t.Error("There is nothing new to look at")
	}
}

func TestTalkFieldsAreChecked(t *testing.T) {
	tcp := Spec{Scheme: TCP, Host: "192.0.2.1", Port: 25}
	for want, change := range map[string]func(*Spec){
		"expect: error":        func(s *Spec) { s.Expect = "(" },
		"takes no mintls":      func(s *Spec) { s.MinTLS = tls.VersionTLS12 },
		"tls_min: ":            func(s *Spec) { s.Scheme = TLS; s.MinTLS = 1 },
		"expires: ":            func(s *Spec) { s.Scheme = TLS; s.Expires = -1 },
		"send: 65508 bytes":    func(s *Spec) { s.Scheme = UDP; s.Send = strings.Repeat("x", maxSentDatagram+1) },
		"target: a port":       func(s *Spec) { s.Scheme = UDP; s.Port = 0 },
		"target: icmp has no":  func(s *Spec) { s.Scheme = ICMP },
		"icmp takes no expect": func(s *Spec) { s.Scheme = ICMP; s.Port = 0; s.Expect = "x" },
		"source: ::1 and":      func(s *Spec) { s.Scheme = UDP; s.Source = loopbacks[1] },
	} {
		s := tcp
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", s.Target(), err, want)
		}
	}
}

// chunks is a connection that brings data in pieces of a size.
type chunks struct {
	net.Conn
	data []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(len(c.data), c.size)])
	c.data = c.data[n:]
	return n, nil
}

func (c *chunks) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// FuzzTalk holds that a text is found in whatever pieces it comes, within the limit and never beyond it.
func FuzzTalk(f *testing.F) {
	f.Add([]byte("220 mx.example.org ESMTP\r\n"), "mx", 1)
	f.Add([]byte(strings.Repeat("x", maxBody)+"mx"), "mx", 7)
	f.Add([]byte("\xff\xfe\x00"), `\xff+`, 2)
	f.Fuzz(func(t *testing.T, data []byte, text string, size int) {
		m, err := compile(text)
		if err != nil || text == "" {
			return
		}
		m.pattern = nil // an expression may be bound to the end
		var phases Phases
		c := &chunks{data: slices.Clone(data), size: max(size, 1)}
		err = (&dialogue{expect: m}).talk(t.Context(), c, &phases)
		if found := m.match(data); found != (err == nil) && len(data) > 0 {
			t.Errorf("In pieces of %d: found %v, but %v", size, found, err)
		}
		if read := len(data) - len(c.data); read > maxBody {
			t.Errorf("Read %d bytes", read)
		}
		if err != nil && len(data) > 0 {
			wantResult(t, "not found", classify(t.Context(), "tcp", err, ReasonInternal).result(), Fail, ReasonBody, "")
		}
	})
}
