package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// relay is a proxy as RFC 9110 has it.
type relay struct {
	mu       sync.Mutex
	requests []*http.Request
	code     int // when not 0, the answer to everything
}

func (p *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r)
	code := p.code
	p.mu.Unlock()
	switch {
	case code != 0:
		w.WriteHeader(code)
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	default:
		onward := r.Clone(r.Context())
		onward.RequestURI = ""
		transport := http.Transport{DisableKeepAlives: true}
		answer, err := transport.RoundTrip(onward)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body)
	}
}

func (p *relay) connect(w http.ResponseWriter, r *http.Request) {
	var dialer net.Dialer
	target, err := dialer.DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		target.Close()
		return
	}
	io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, target}, {target, client}} {
		both.Go(func() {
			io.Copy(pair[0], pair[1])
			pair[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
	client.Close()
	target.Close()
}

// last is the last request that came, and how many there were; it forgets them.
func (p *relay) last(t *testing.T) (*http.Request, int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	count := len(p.requests)
	if count == 0 {
		t.Fatal("The proxy was not asked")
	}
	r := p.requests[count-1]
	p.requests = nil
	return r, count
}

func serveProxy(t *testing.T) (*relay, string) {
	t.Helper()
	p := &relay{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL
}

func TestProxy(t *testing.T) {
	a := newAuthority(t)
	var seen *http.Request
	handler := func(w http.ResponseWriter, r *http.Request) {
		seen = r
		switch r.URL.Path {
		case "/again":
			http.Redirect(w, r, "/healthz", http.StatusFound)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			io.WriteString(w, "ok")
		}
	}
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}
	plain, secured := serve(t, handler), a.serveTLS(config, handler)
	proxy, address := serveProxy(t)
	named := strings.Replace(address, "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		name     string
		p        Spec
		via      string
		path     string
		outcome  Outcome
		reason   Reason
		requests int
	}{
		{"http", plain, address, "/healthz?a=b%20c", Pass, ReasonOK, 1},
		{"http, the proxy by name", plain, named, "/healthz", Pass, ReasonOK, 1},
		{"http, the target is down", plain, address, "/down", Fail, ReasonStatus, 1},
		{"http, redirected", plain, address, "/again", Pass, ReasonOK, 2},
		{"https", secured, address, "/healthz", Pass, ReasonOK, 1},
		{"https, redirected", secured, address, "/again", Pass, ReasonOK, 2},
		{"https, the target is down", secured, address, "/down", Fail, ReasonStatus, 1},
		{"http2", serveHTTP2(t, nil, handler), address, "/healthz", Pass, ReasonOK, 1},
		{"http2 over TLS", serveHTTP2(t, a, handler), address, "/healthz", Pass, ReasonOK, 1},
	} {
		c.p.Proxy, c.p.Path, c.p.Follow, c.p.Match = c.via, c.path, true, "ok"
		c.p.HostHeader, c.p.ServerName = "www.example.org", "127.0.0.1"
		if c.p.Scheme == HTTP {
			c.p.ServerName = ""
		}
		c.p.Headers = "Proxy-Authorization: canary\n"
		wantResult(t, c.name, try(t, prober(t, c.p), 5*time.Second), c.outcome, c.reason, "")
		asked, count := proxy.last(t)
		target := net.JoinHostPort(c.p.Host, fmt.Sprint(c.p.Port))
		if count != c.requests || asked.Header.Get("Proxy-Connection") != "" || asked.Header.Get("Proxy-Authorization") != "canary" {
			t.Errorf("%s: %d requests, the last with %v", c.name, count, asked.Header)
		}
		if asked.Method == http.MethodConnect {
			if asked.Host != target {
				t.Errorf("%s: asked to connect to %s", c.name, asked.Host)
			}
			if seen.Header.Get("Proxy-Authorization") != "" {
				t.Errorf("%s: the target was told what is for the proxy", c.name)
			}
		} else if !strings.HasPrefix(asked.RequestURI, "http://"+target+"/") {
			t.Errorf("%s: asked for %s", c.name, asked.RequestURI)
		}
		if c.path == "/healthz?a=b%20c" && seen.RequestURI != c.path {
			t.Errorf("The target was asked for %s", seen.RequestURI)
		}
	}
}

func TestH16_ProxyThatDoesNotWorkIsIndeterminate(t *testing.T) {
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}
	ok := func(http.ResponseWriter, *http.Request) {}
	plain, secured := serve(t, ok), a.serveTLS(config, ok)
	proxy, address := serveProxy(t)
	raw := func(answer string) string { return fmt.Sprintf("http://127.0.0.1:%d", serveRaw(t, answer, nil).Port) }
	nobody := secured
	nobody.Port = refusing(t, "127.0.0.1")
	wrong := secured
	wrong.CAFile = ""
	flood := serveRaw(t, "HTTP/1.1 200 OK\r\n", func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "X: x\r\n"); err != nil {
				return
			}
		}
	})
	for _, c := range []struct {
		name    string
		p       Spec
		via     string
		code    int
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"http, refused", plain, fmt.Sprintf("http://127.0.0.1:%d", refusing(t, "127.0.0.1")), 0, Indeterminate, ReasonProxy, "refused"},
		{"https, refused", secured, fmt.Sprintf("http://127.0.0.1:%d", refusing(t, "127.0.0.1")), 0, Indeterminate, ReasonProxy, "refused"},
		{"no such host", plain, "http://proxy.invalid:3128", 0, Indeterminate, "", ""},
		{"http, closes", plain, raw(""), 0, Indeterminate, ReasonProxy, "closed too early"},
		{"http, no HTTP", plain, raw("canary\r\n\r\n"), 0, Indeterminate, ReasonProxy, "not an HTTP answer"},
		{"http, a long header", plain, fmt.Sprintf("http://127.0.0.1:%d", flood.Port), 0, Fail, ReasonProtocol, "longer than"},
		{"http 407", plain, address, 407, Indeterminate, ReasonProxy, "password"},
		{"http 403", plain, address, 403, Fail, ReasonStatus, "status 403"},
		{"http 502", plain, address, 502, Fail, ReasonStatus, "status 502"},
		{"https 407", secured, address, 407, Indeterminate, ReasonProxy, "status 407"},
		{"https 403", secured, address, 403, Indeterminate, ReasonProxy, "status 403"},
		{"https 404", secured, address, 404, Indeterminate, ReasonProxy, "status 404"},
		{"https 500", secured, address, 500, Indeterminate, ReasonProxy, "status 500"},
		{"https 302", secured, address, 302, Indeterminate, ReasonProxy, "status 302"},
		{"https 502", secured, address, 502, Fail, ReasonUnreachable, "Bad Gateway"},
		{"https 503", secured, address, 503, Fail, ReasonUnreachable, ""},
		{"https 504", secured, address, 504, Fail, ReasonUnreachable, ""},
		{"nobody listens on the target", nobody, address, 0, Fail, ReasonUnreachable, ""},
		{"wrong certificate", wrong, address, 0, Fail, ReasonTLS, fmt.Sprintf("tls 127.0.0.1:%d: ", secured.Port)},
		{"closes", secured, raw(""), 0, Indeterminate, ReasonProxy, ""},
		{"no HTTP", secured, raw("canary\r\n\r\n"), 0, Indeterminate, ReasonProxy, ""},
		{"speaks too early", secured, raw("HTTP/1.1 200 OK\r\n\r\ncanary"), 0, Indeterminate, ReasonProxy, "speaks before"},
		{"endless header", secured, fmt.Sprintf("http://127.0.0.1:%d", flood.Port), 0, Indeterminate, ReasonProxy, "longer than"},
	} {
		proxy.mu.Lock()
		proxy.code = c.code
		proxy.mu.Unlock()
		c.p.Proxy = c.via
		got := try(t, prober(t, c.p), 5*time.Second)
		if c.reason == "" {
			c.reason = got.Reason
		}
		wantResult(t, c.name, got, c.outcome, c.reason, c.detail)
		if strings.Contains(got.Detail, "canary") {
			t.Errorf("%s: the proxy is quoted in %q", c.name, got.Detail)
		}
	}
	// A proxy that is silent waits for the target, as far as we can tell.
	secured.Proxy = fmt.Sprintf("http://127.0.0.1:%d", listen(t, "127.0.0.1", readAll))
	wantResult(t, "silent", try(t, prober(t, secured), 100*time.Millisecond), Fail, ReasonTimeout, "proxy")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	wantResult(t, "canceled", prober(t, secured).Probe(ctx), Indeterminate, ReasonCanceled, "")
}

func TestProxyIsChecked(t *testing.T) {
	for _, text := range []string{
		"https://proxy.example.org:3128", "http://proxy.example.org", "http://proxy.example.org:0", "http://proxy.example.org:70000",
		"http://me:canary@proxy.example.org:3128", "http://proxy.example.org:3128/a", "proxy.example.org:3128", "http://:3128", "http://a b:1",
	} {
		_, err := New(Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200", Proxy: text})
		if err == nil || !strings.HasPrefix(err.Error(), "proxy: ") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}
