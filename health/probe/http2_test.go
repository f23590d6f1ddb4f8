package probe

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serveHTTP2 starts a web server that speaks HTTP/2, with the authority over TLS and without one by prior knowledge, and
// gives the probe for it.
func serveHTTP2(tb testing.TB, a *authority, handler http.HandlerFunc) Spec {
	tb.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.Protocols = new(http.Protocols)
	server.EnableHTTP2 = true
	tb.Cleanup(server.Close)
	if a == nil {
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
	} else {
		server.Config.Protocols.SetHTTP2(true)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}
		server.StartTLS()
	}
	p := probeOf(tb, server.URL)
	p.HTTP2 = true
	if a != nil {
		p.CAFile = a.file
	}
	return p
}

func TestHTTP2(t *testing.T) {
	a := newAuthority(t)
	var got *http.Request
	var body string
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // an attempt that timed out may still be at work here
			sent, _ := io.ReadAll(r.Body)
			got, body = r, string(sent)
		}
		switch r.URL.Path {
		case "/healthz":
			w.Write(zip(t, "all ok"))
		case "/redirect":
			http.Redirect(w, r, "/healthz?q", http.StatusFound)
		case "/long":
			w.Header().Set("X", strings.Repeat("x", 20<<10))
		case "/endless":
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
					return
				}
			}
		case "/broken":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/hang":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	}
	zipped := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.Header().Set("Content-Encoding", "gzip")
		}
		handler(w, r)
	}
	for _, p := range []Spec{serveHTTP2(t, nil, zipped), serveHTTP2(t, a, zipped)} {
		p.Follow = true
		for _, c := range []struct {
			path, match string
			outcome     Outcome
			reason      Reason
			detail      string
		}{
			{"/healthz", "", Pass, ReasonOK, "status 200"},
			{"/healthz", "all ok", Pass, ReasonOK, "body matches"},
			{"/healthz", "absent", Fail, ReasonBody, "no match"},
			{"/teapot", "", Fail, ReasonStatus, "status 418"},
			{"/redirect", "ok", Pass, ReasonOK, ""},
			{"/long", "", Fail, ReasonProtocol, "longer than 16384 bytes"},
			{"/endless", "", Pass, ReasonOK, ""},
			{"/endless", "y", Fail, ReasonBody, "first 5120 bytes"},
			{"/broken", "ok", Fail, ReasonReset, "broke the exchange off"},
			{"/hang", "", Fail, ReasonTimeout, ""},
		} {
			p.Path, p.Match = c.path, c.match
			timeout := 5 * time.Second
			if c.path == "/hang" {
				timeout = 100 * time.Millisecond
			}
			result := try(t, prober(t, p), timeout)
			wantResult(t, string(p.Scheme)+" "+c.path+" "+c.match, result, c.outcome, c.reason, c.detail)
			if c.outcome == Pass && result.Phases.FirstByte == 0 {
				t.Errorf("%s: the first byte took no time", c.path)
			}
		}
		p.Path, p.Match, p.Method, p.Body, p.HostHeader = "/healthz", "", "POST", "hello", "www.example.org:80"
		p.Headers, p.ServerName = "X-Token: 1\n", "127.0.0.1"
		if p.Scheme == HTTP {
			p.ServerName = ""
		}
		wantResult(t, "body", try(t, prober(t, p), 5*time.Second), Pass, ReasonOK, "")
		if got.ProtoMajor != 2 || body != "hello" || got.Host != "www.example.org:80" || got.Header.Get("X-Token") != "1" || got.UserAgent() != userAgent {
			t.Errorf("Got %s %s %q %v", got.Proto, got.Host, body, got.Header)
		}
	}
}

// TestHTTP2SendsLongRequests is about what does not fit a frame.
func TestHTTP2SendsLongRequests(t *testing.T) {
	var body, field int
	p := serveHTTP2(t, nil, func(_ http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		body, field = len(sent), len(r.Header.Get("X-B"))
	})
	p.Method, p.Body = "POST", strings.Repeat("b", maxBody2)
	p.Headers = "X-A: " + strings.Repeat("~", 20_000) + "\nX-B: " + strings.Repeat("~", 20_000) + "\n"
	wantResult(t, "long", try(t, prober(t, p), 5*time.Second), Pass, ReasonOK, "")
	if body != maxBody2 || field != 20_000 {
		t.Errorf("The peer got a body of %d bytes and a field of %d", body, field)
	}
}

func TestHTTP2NeedsAPeerThatSpeaksIt(t *testing.T) {
	a := newAuthority(t)
	ok := func(http.ResponseWriter, *http.Request) {}
	later := time.Now().Add(time.Hour)
	p := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", later)}}, ok)
	p.HTTP2 = true
	wantResult(t, "another protocol by ALPN", try(t, prober(t, p), 5*time.Second), Fail, ReasonProtocol, "does not speak HTTP/2")
	p = serve(t, ok)
	p.HTTP2 = true
	wantResult(t, "HTTP/1.1", try(t, prober(t, p), 5*time.Second), Fail, ReasonProtocol, "")

	two := serveHTTP2(t, a, ok)
	two.CAFile = ""
	wantResult(t, "wrong certificate", try(t, prober(t, two), 5*time.Second), Fail, ReasonTLS, "unknown authority")
}

func BenchmarkProbeHTTP2(b *testing.B) {
	ok := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }
	b.Run("plain", func(b *testing.B) { benchmarkProbe(b, serveHTTP2(b, nil, ok)) })
	b.Run("tls", func(b *testing.B) { benchmarkProbe(b, serveHTTP2(b, newAuthority(b), ok)) })
}
