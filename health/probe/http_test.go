package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serve starts a web server and gives the probe for it.
func serve(tb testing.TB, handler http.HandlerFunc) Spec {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return probeOf(tb, server.URL)
}

// probeOf gives the probe for a URL, with the defaults of the Corefile.
func probeOf(tb testing.TB, address string) Spec {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		tb.Fatal(err)
	}
	return Spec{Scheme: Scheme(u.Scheme), Host: u.Hostname(), Port: uint16(port), Path: "/healthz", Method: "GET", Status: "200-399"}
}

// serveRaw answers every connection with the same bytes once it has got a request, and then does as then says.
func serveRaw(tb testing.TB, answer string, then func(net.Conn)) Spec {
	tb.Helper()
	port := listen(tb, "127.0.0.1", func(c net.Conn) {
		defer c.Close()
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return
		}
		if _, err := io.WriteString(c, answer); err == nil && then != nil {
			then(c)
		}
	})
	return probeOf(tb, fmt.Sprintf("http://127.0.0.1:%d", port))
}

func TestH06_StatusDecides(t *testing.T) {
	for _, c := range []struct {
		code   int
		status string
		want   Outcome
	}{
		{200, "200-399", Pass}, {204, "200-399", Pass}, {301, "200-399", Pass}, {304, "200-399", Pass}, {399, "200-399", Pass},
		{400, "200-399", Fail}, {404, "200-399", Fail}, {500, "200-399", Fail}, {503, "200-399", Fail},
		{404, "404", Pass}, {200, "404", Fail}, {503, "200,500-599", Pass},
	} {
		p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(c.code)
		})
		p.Status = c.status
		reason := ReasonOK
		if c.want == Fail {
			reason = ReasonStatus
		}
		wantResult(t, fmt.Sprint(c.code, " of ", c.status), try(t, prober(t, p), time.Second), c.want, reason, fmt.Sprint("status ", c.code))
	}
}

func TestH06_RedirectsAreFollowedOnlyOnRequest(t *testing.T) {
	var other *httptest.Server
	var seen []*http.Request
	handler := func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		switch r.URL.Path {
		case "/relative":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/other":
			http.Redirect(w, r, other.URL+"/end", http.StatusTemporaryRedirect)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusMovedPermanently)
		case "/ten":
			n, _ := strconv.Atoi(r.URL.RawQuery)
			if n < 10 {
				http.Redirect(w, r, "/ten?"+strconv.Itoa(n+1), http.StatusFound)
			}
		case "/file":
			w.Header().Set("Location", "file:///etc/hostname")
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/end":
			w.WriteHeader(http.StatusTeapot)
		}
	}
	other = httptest.NewServer(http.HandlerFunc(handler))
	defer other.Close()
	p := serve(t, handler)
	p.Headers = "Authorization: Bearer canary\nX-Token: canary\n"
	p.HostHeader = "www.example.org"
	p.Status = "302,307,301"
	p.Path = "/other"
	wantResult(t, "not followed", try(t, prober(t, p), time.Second), Pass, ReasonOK, "status 307")
	p.Follow = true
	p.Status = "200,302,418"
	for _, c := range []struct {
		path   string
		want   Outcome
		reason Reason
		detail string
	}{
		{"/relative?q=canary", Pass, ReasonOK, "status 418"},
		{"/other?q=canary", Pass, ReasonOK, "status 418"},
		{"/loop", Fail, ReasonStatus, "more than 10 redirects"},
		{"/ten?0", Pass, ReasonOK, "status 200"},
		{"/file", Fail, ReasonProtocol, "not HTTP"},
		{"/nowhere", Pass, ReasonOK, "status 302"},
	} {
		p.Path, seen = c.path, nil
		got := try(t, prober(t, p), 2*time.Second)
		wantResult(t, c.path, got, c.want, c.reason, c.detail)
		if strings.Contains(got.Detail, "canary") {
			t.Errorf("%s: a secret in %q", c.path, got.Detail)
		}
		last := seen[len(seen)-1]
		switch c.path {
		case "/relative?q=canary":
			if last.Header.Get("X-Token") != "canary" || !strings.HasPrefix(last.Host, "www.example.org") {
				t.Errorf("The same host got %s %v", last.Host, last.Header)
			}
		case "/other?q=canary":
			if text := fmt.Sprint(last.Header); strings.Contains(text, "canary") || last.Header.Get("User-Agent") != userAgent {
				t.Errorf("Another host was told %s", text)
			}
		}
	}
}

func TestH08_HostHeader(t *testing.T) {
	for _, c := range []struct {
		p    Spec
		want string
	}{
		{Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 80}, "192.0.2.1"},
		{Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 8080}, "192.0.2.1:8080"},
		{Spec{Scheme: HTTP, Host: "2001:db8::1", Port: 80}, "[2001:db8::1]"},
		{Spec{Scheme: HTTP, Host: "2001:db8::1", Port: 8080}, "[2001:db8::1]:8080"},
		{Spec{Scheme: HTTP, Host: "fe80::1%eth0", Port: 80}, "[fe80::1]"},
		{Spec{Scheme: HTTP, Host: "www.example.org", Port: 80}, "www.example.org"},
		{Spec{Scheme: HTTPS, Host: "www.example.org", Port: 443}, "www.example.org"},
		{Spec{Scheme: HTTP, Host: "www.example.org", Port: 443}, "www.example.org:443"},
		{Spec{Scheme: HTTPS, Host: "www.example.org", Port: 80}, "www.example.org:80"},
		{Spec{Scheme: HTTPS, Host: "192.0.2.1", Port: 443, ServerName: "www.example.org"}, "www.example.org"},
		{Spec{Scheme: HTTPS, Host: "192.0.2.1", Port: 8443, ServerName: "www.example.org"}, "www.example.org:8443"},
		{Spec{Scheme: HTTPS, Host: "192.0.2.1", Port: 443, ServerName: "a.example.org", HostHeader: "b.example.org"}, "b.example.org"},
		{Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 80, HostHeader: "b.example.org:8080"}, "b.example.org:8080"},
		{Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 80, HostHeader: "2001:db8::2"}, "[2001:db8::2]"},
		{Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 81, HostHeader: "[2001:db8::2]"}, "[2001:db8::2]:81"},
	} {
		if got := c.p.hostHeader(); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.p, got, c.want)
		}
	}
}

func TestH08_RequestAsSent(t *testing.T) {
	var got *http.Request
	p := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r })
	p.HostHeader = "www.example.org"
	p.Path = "/a%20b?c=d&e"
	try(t, prober(t, p), time.Second)
	if want := "www.example.org:" + strconv.Itoa(int(p.Port)); got.Host != want {
		t.Errorf("Host %q, want %q", got.Host, want)
	}
	if got.RequestURI != "/a%20b?c=d&e" || got.Method != "GET" || got.UserAgent() != userAgent || got.Header.Get("Accept-Encoding") != "" || !got.Close {
		t.Errorf("Got %s %s %v", got.Method, got.RequestURI, got.Header)
	}
	p.Method = "POST"
	p.Headers = "Accept: text/plain\nUser-Agent: mine\nX-Twice: 1\nX-Twice: 2\n"
	try(t, prober(t, p), time.Second)
	if got.Method != "POST" || got.UserAgent() != "mine" || len(got.Header["X-Twice"]) != 2 || got.ContentLength != 0 {
		t.Errorf("Got %s %v", got.Method, got.Header)
	}
	p.Method = "HEAD"
	wantResult(t, "HEAD", try(t, prober(t, p), time.Second), Pass, ReasonOK, "status 200")
}

func TestHTTPOverIPv6AndSource(t *testing.T) {
	for _, host := range localhosts(t) {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		var from string
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			from = r.Host
		})}}
		server.Start()
		p := probeOf(t, server.URL)
		p.Source = netip.MustParseAddr(host)
		wantResult(t, host, try(t, prober(t, p), time.Second), Pass, ReasonOK, "")
		if from != l.Addr().String() {
			t.Errorf("Host is %q, want %q", from, l.Addr())
		}
		server.Close()
	}
}

func TestH12_HTTPEndsAtTheTimeout(t *testing.T) {
	for name, p := range map[string]Spec{
		"no answer":     serveRaw(t, "", readAll),
		"half a status": serveRaw(t, "HTTP/1.1 20", readAll),
		"slow header":   serveRaw(t, "", dripAfter("HTTP/1.1 200 OK\r\nX: ")),
		"slow body":     serveRaw(t, "", dripAfter("HTTP/1.1 200 OK\r\n\r\n")),
		"silent body":   serveRaw(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", readAll),
	} {
		p.Match = "ok"
		begin := time.Now()
		wantResult(t, name, try(t, prober(t, p), 100*time.Millisecond), Fail, ReasonTimeout, "no answer in time")
		if took := time.Since(begin); took < 90*time.Millisecond {
			t.Errorf("%s: ended after %s", name, took)
		}
	}
}

func TestH12_HTTPOddPeers(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		outcome      Outcome
		reason       Reason
	}{
		{"closes in the header", "HTTP/1.1 200 OK\r\nX: ", Fail, ReasonReset},
		{"100 and 103 first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok", Pass, ReasonOK},
		{"switching protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n", Fail, ReasonStatus},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", Pass, ReasonOK},
	} {
		p := serveRaw(t, c.answer, nil)
		p.Match = "ok"
		wantResult(t, c.name, try(t, prober(t, p), 2*time.Second), c.outcome, c.reason, "")
	}
}

func TestHTTPIgnoresProxiesOfTheEnvironment(t *testing.T) {
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	p := serve(t, func(http.ResponseWriter, *http.Request) {})
	wantResult(t, "with a proxy", try(t, prober(t, p), time.Second), Pass, ReasonOK, "")
}

func TestHTTPLeavesNothingOpen(t *testing.T) {
	closed := make(chan struct{}, 100)
	port := listen(t, "127.0.0.1", func(c net.Conn) {
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readAll(c)
		closed <- struct{}{}
	})
	p := probeOf(t, fmt.Sprintf("http://127.0.0.1:%d", port))
	made := prober(t, p)
	for range 20 {
		wantResult(t, "attempt", try(t, made, 2*time.Second), Pass, ReasonOK, "")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range 20 {
		select {
		case <-closed:
		case <-ctx.Done():
			t.Fatal("A connection was left open")
		}
	}
}
