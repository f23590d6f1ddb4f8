package probe

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestH06_RedirectsStayWithTheHost holds that an endpoint cannot send us to anybody but itself and whom the operator
// named, and that nobody else learns what the target is told.
func TestH06_RedirectsStayWithTheHost(t *testing.T) {
	var last *http.Request
	var body, location string
	var code int
	handler := func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		last, body = r, string(sent)
		if r.URL.Path == "/begin" {
			w.Header().Set("Location", location)
			w.WriteHeader(code)
		}
	}
	p, other := serve(t, handler), serve(t, handler)
	here, there := fmt.Sprintf(":%d", p.Port), fmt.Sprintf(":%d", other.Port)
	p.Path, p.Method, p.Body, p.HostHeader, p.Follow = "/begin", "POST", "canary", "www.example.org", true
	p.Headers = "Authorization: canary\nContent-Type: text/plain\n"
	for _, c := range []struct {
		code            int
		location, hosts string
		outcome         Outcome
		reason          Reason
		detail          string
		host            string // what the last request was for
		method          string
		told            bool // the last request had the header
	}{
		{302, "/end", "", Pass, ReasonOK, "", "www.example.org" + here, "GET", true},
		{307, "/end", "", Pass, ReasonOK, "", "www.example.org" + here, "POST", true},
		{308, "end", "", Pass, ReasonOK, "", "www.example.org" + here, "POST", true},
		{302, "//127.0.0.1" + here + "/end", "", Pass, ReasonOK, "", "127.0.0.1" + here, "GET", true},
		{307, "http://WWW.example.org." + here + "/end", "", Pass, ReasonOK, "", "WWW.example.org." + here, "POST", true},
		{307, "http://127.0.0.1" + there + "/end", "", Pass, ReasonOK, "", "127.0.0.1" + there, "POST", false},
		{307, "http://canary:canary@127.0.0.1" + here + "/end", "", Pass, ReasonOK, "", "127.0.0.1" + here, "POST", true},
		{307, "http://localhost" + there + "/end", "", Fail, ReasonStatus, "redirected to another host, localhost", "", "", false},
		{302, "http://127.0.0.2/", "", Fail, ReasonStatus, "another host, 127.0.0.2", "", "", false},
		{302, "http://[::1]/", "127.0.0.2", Fail, ReasonStatus, "another host, ::1", "", "", false},
		{302, "http://example.org/", "localhost", Fail, ReasonStatus, "another host, example.org", "", "", false},
		{302, "http://a%1b[31m.example/", "", Fail, ReasonProtocol, "not HTTP", "", "", false},
		{302, "http://a\xff\x1b.example/", "", Fail, "", "", "", "", false},
		{302, "http://127.0.0.1:0/", "", Fail, ReasonProtocol, "not HTTP", "", "", false},
		{302, "http://127.0.0.1:99999/", "", Fail, ReasonProtocol, "not HTTP", "", "", false},
		{302, "gopher://127.0.0.1/", "", Fail, ReasonProtocol, "not HTTP", "", "", false},
		{307, "http://LocalHost" + there + "/end", "a.example.org localhost", Pass, ReasonOK, "", "LocalHost" + there, "POST", false},
		{303, "http://localhost" + there + "/end", "localhost", Pass, ReasonOK, "", "localhost" + there, "GET", false},
		{304, "http://localhost/", "", Pass, ReasonOK, "status 304", "www.example.org" + here, "POST", true},
	} {
		code, location, p.FollowHosts = c.code, c.location, c.hosts
		got := try(t, prober(t, p), 5*time.Second)
		if c.reason == "" {
			c.reason = got.Reason
		}
		wantResult(t, c.location, got, c.outcome, c.reason, c.detail)
		if strings.ContainsRune(got.Detail, 0x1b) || !utf8.ValidString(got.Detail) || strings.Contains(got.Detail, "canary") {
			t.Errorf("%s: the detail is %q", c.location, got.Detail)
		}
		if c.outcome != Pass {
			continue
		}
		if last.Host != c.host || last.Method != c.method || last.Referer() != "" {
			t.Errorf("%s: got %s %s %v", c.location, last.Method, last.Host, last.Header)
		}
		if told := last.Header.Get("Authorization") == "canary"; told != c.told {
			t.Errorf("%s: told %t, want %t: %v", c.location, told, c.told, last.Header)
		}
		want := ""
		if c.method == "POST" {
			want = "canary"
		}
		if body != want || (last.Header.Get("Content-Type") != "") != (want != "") {
			t.Errorf("%s: the body is %q of type %q", c.location, body, last.Header.Get("Content-Type"))
		}
	}
}

// TestH06_RedirectToHTTPS is what most redirects are.
func TestH06_RedirectToHTTPS(t *testing.T) {
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}
	secured := a.serveTLS(config, nil)
	away := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, secured.Target(), http.StatusFound) }
	p := serve(t, away)
	p.Follow = true
	wantResult(t, "from http the system's authorities count", try(t, prober(t, p), 5*time.Second), Fail, ReasonTLS, "unknown authority")
	p = a.serveTLS(config, away)
	p.Follow = true
	wantResult(t, "to another port", try(t, prober(t, p), 5*time.Second), Pass, ReasonOK, "status 200")
}

func TestBody(t *testing.T) {
	var body, length string
	var header http.Header
	p := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		body, length, header = string(sent), fmt.Sprint(r.ContentLength), r.Header
	})
	p.Method, p.Body = "POST", `{"ping": 1}`
	wantResult(t, "body", try(t, prober(t, p), time.Second), Pass, ReasonOK, "")
	if body != p.Body || length != "11" || header.Get("Content-Type") != "" {
		t.Errorf("Got %q of length %s, %v", body, length, header)
	}
}
