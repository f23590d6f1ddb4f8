package probe

import (
	"net/netip"
	"strings"
	"testing"
)

// TestNewNamesTheField also shows that what is refused never reaches the network.
func TestNewNamesTheField(t *testing.T) {
	web := Spec{Scheme: HTTPS, Host: "192.0.2.1", Port: 443, Path: "/", Method: "GET", Status: "200"}
	for want, change := range map[string]func(*Spec){
		"scheme: ":                               func(p *Spec) { p.Scheme = "gopher" },
		"target: \"a b\"":                        func(p *Spec) { p.Host = "a b" },
		"target: \"\"":                           func(p *Spec) { p.Host = "" },
		"target: a port":                         func(p *Spec) { p.Port = 0 },
		"source: ":                               func(p *Spec) { p.Source = netip.MustParseAddr("2001:db8::1") },
		"path: ":                                 func(p *Spec) { p.Path = "healthz" },
		"path: it":                               func(p *Spec) { p.Path = "/a b" },
		"path: it must":                          func(p *Spec) { p.Path = "/%zz" },
		"method: ":                               func(p *Spec) { p.Method = "GE T" },
		"method: \"\"":                           func(p *Spec) { p.Method = "" },
		"host: ":                                 func(p *Spec) { p.HostHeader = "a/b" },
		"header: a line does not begin":          func(p *Spec) { p.Headers = "X Y: 1\n" },
		"header: the value":                      func(p *Spec) { p.Headers = "X: 1\r2\n" },
		"by the word host":                       func(p *Spec) { p.Headers = "host: a\n" },
		"Content-Length":                         func(p *Spec) { p.Headers = "content-length: 1\n" },
		"status: ":                               func(p *Spec) { p.Status = "2xx" },
		"match: error":                           func(p *Spec) { p.Match = "(" },
		"match: an answer":                       func(p *Spec) { p.Method = "HEAD"; p.Match = "ok" },
		"sni: ":                                  func(p *Spec) { p.ServerName = "a b" },
		"tls: a certificate":                     func(p *Spec) { p.CertFile = "cert.pem" },
		"tls: /nonexistent/ca.pem: no such file": func(p *Spec) { p.CAFile = "/nonexistent/ca.pem" },
		"takes no path":                          func(p *Spec) { p.Scheme = TLS },
		"takes no insecure":                      func(p *Spec) { p.Scheme = HTTP; p.Insecure = true },
	} {
		p := web
		change(&p)
		if _, err := New(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", p, err, want)
		}
	}
}

func TestTargetHoldsNoQuery(t *testing.T) {
	p := Spec{Scheme: HTTP, Host: "2001:db8::1", Port: 80, Path: "/a?key=secret"}
	if got := p.Target(); got != "http://[2001:db8::1]:80/a" {
		t.Errorf("Got %q", got)
	}
}
