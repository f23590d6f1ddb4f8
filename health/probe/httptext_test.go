package probe

import (
	"bufio"
	"bytes"
	"testing"
)

// TestH08_TextIsWhatNetHTTPWrites compares the request that is made once with the one that is made for an attempt.
func TestH08_TextIsWhatNetHTTPWrites(t *testing.T) {
	secret := t.TempDir() + "/secret"
	write(t, secret, "secret\n")
	for name, c := range map[string]struct {
		change func(*Spec)
		anew   bool // it is made for every attempt
	}{
		"plain":               {change: func(*Spec) {}},
		"port":                {change: func(s *Spec) { s.Port = 8080 }},
		"IPv6":                {change: func(s *Spec) { s.Host = "2001:db8::1" }},
		"IPv6 and port":       {change: func(s *Spec) { s.Host, s.Port = "2001:db8::1", 8080 }},
		"zone":                {change: func(s *Spec) { s.Host = "fe80::1%eth0" }},
		"name":                {change: func(s *Spec) { s.Host = "Www_1.example.org" }},
		"host":                {change: func(s *Spec) { s.HostHeader = "www.example.org" }},
		"host and port":       {change: func(s *Spec) { s.HostHeader, s.Port = "www.example.org", 8080 }},
		"host with a port":    {change: func(s *Spec) { s.HostHeader = "www.example.org:8080" }},
		"host, odd port":      {change: func(s *Spec) { s.HostHeader = "www.example.org:a b\r\nX: x" }, anew: true},
		"host, no ASCII port": {change: func(s *Spec) { s.HostHeader = "www.example.org:\u00e9" }, anew: true},
		"host, IPv6":          {change: func(s *Spec) { s.HostHeader = "2001:db8::2" }},
		"path":                {change: func(s *Spec) { s.Path = "/a%20b?c=d&e=Host:%0d%0a" }},
		"path, opaque":        {change: func(s *Spec) { s.Path = "//a/b" }},
		"fields": {change: func(s *Spec) {
			s.Headers = "Accept: text/plain\nUser-Agent: mine\nX-Twice: 1\nX-Twice: 2\n"
		}},
		"match":        {change: func(s *Spec) { s.Match = "ok" }},
		"POST":         {change: func(s *Spec) { s.Method = "POST" }},
		"body":         {change: func(s *Spec) { s.Method, s.Body = "POST", "a\r\nHost: 192.0.2.1\r\nb" }},
		"HEAD":         {change: func(s *Spec) { s.Method = "HEAD" }},
		"https":        {change: func(s *Spec) { s.Scheme, s.Port, s.ServerName = HTTPS, 443, "www.example.org" }},
		"https, port":  {change: func(s *Spec) { s.Scheme, s.Port = HTTPS, 80 }},
		"follow":       {change: func(s *Spec) { s.Follow = true }, anew: true},
		"HTTP/2":       {change: func(s *Spec) { s.HTTP2 = true }, anew: true},
		"proxy":        {change: func(s *Spec) { s.Proxy = "http://192.0.2.2:3128" }, anew: true},
		"header files": {change: func(s *Spec) { s.HeaderFiles = "Authorization: " + secret + "\n" }, anew: true},
	} {
		s := Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 80, Path: "/healthz", Method: "GET", Status: "200"}
		c.change(&s)
		made := &httpProber{}
		if err := made.init(s, systemNetwork); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := made.plan.text
		if text == nil {
			if !c.anew {
				t.Errorf("%s: the request is made for every attempt", name)
			}
			continue
		}
		if c.anew {
			t.Errorf("%s: the request is always the same", name)
		}
		var got, want bytes.Buffer
		w := bufio.NewWriter(&got)
		text.write(w, text.host(&made.endpoint))
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		spec := made.spec()
		if err := (&httpAttempt{httpProber: made}).firstRequest(&spec).Write(&want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.String() != want.String() {
			t.Errorf("%s: it sends %q, want %q", name, got.String(), want.String())
		}
	}
}
