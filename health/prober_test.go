package health

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestNewProberNamesTheField also shows that what is refused never reaches the network.
func TestNewProberNamesTheField(t *testing.T) {
	web := Probe{Scheme: HTTPS, Host: "192.0.2.1", Port: 443, Path: "/", Method: "GET", Status: "200"}
	for want, change := range map[string]func(*Probe){
		"scheme: ":                      func(p *Probe) { p.Scheme = "udp" },
		"target: \"a b\"":               func(p *Probe) { p.Host = "a b" },
		"target: \"\"":                  func(p *Probe) { p.Host = "" },
		"target: a port":                func(p *Probe) { p.Port = 0 },
		"source: ":                      func(p *Probe) { p.Source = netip.MustParseAddr("2001:db8::1") },
		"path: ":                        func(p *Probe) { p.Path = "healthz" },
		"path: it":                      func(p *Probe) { p.Path = "/a b" },
		"path: it must":                 func(p *Probe) { p.Path = "/%zz" },
		"method: ":                      func(p *Probe) { p.Method = "GE T" },
		"method: \"\"":                  func(p *Probe) { p.Method = "" },
		"host: ":                        func(p *Probe) { p.HostHeader = "a/b" },
		"header: a line does not begin": func(p *Probe) { p.Headers = "X Y: 1\n" },
		"header: the value":             func(p *Probe) { p.Headers = "X: 1\r2\n" },
		"by the word host":              func(p *Probe) { p.Headers = "host: a\n" },
		"Content-Length":                func(p *Probe) { p.Headers = "content-length: 1\n" },
		"status: ":                      func(p *Probe) { p.Status = "2xx" },
		"match: error":                  func(p *Probe) { p.Match = "(" },
		"match: an answer":              func(p *Probe) { p.Method = "HEAD"; p.Match = "ok" },
		"sni: ":                         func(p *Probe) { p.ServerName = "a b" },
		"tls: a certificate":            func(p *Probe) { p.CertFile = "cert.pem" },
		"tls: stat":                     func(p *Probe) { p.CAFile = "/nonexistent/ca.pem" },
		"takes no path":                 func(p *Probe) { p.Scheme = TLS },
		"takes no sni":                  func(p *Probe) { p.Scheme = HTTP; p.Insecure = true },
	} {
		p := web
		change(&p)
		if _, err := NewProber(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", p, err, want)
		}
	}
}

func TestTimingValidate(t *testing.T) {
	for want, change := range map[string]func(*Timing){
		"":          func(*Timing) {},
		"interval:": func(t *Timing) { t.Interval = 0 },
		"timeout:":  func(t *Timing) { t.Timeout = time.Millisecond },
		"fast:":     func(t *Timing) { t.Fast = t.Interval + 1 },
		"fall: 0":   func(t *Timing) { t.Fall = 0 },
		"fall: 65":  func(t *Timing) { t.Fall = 65 },
		"fall: 3/2": func(t *Timing) { t.FallOf = 2 },
		"rise:":     func(t *Timing) { t.Rise = 65 },
	} {
		tm := timing
		change(&tm)
		if err := tm.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", tm, err, want)
		}
	}
}

func TestTargetHoldsNoQuery(t *testing.T) {
	p := Probe{Scheme: HTTP, Host: "2001:db8::1", Port: 80, Path: "/a?key=secret"}
	if got := p.Target(); got != "http://[2001:db8::1]:80/a" {
		t.Errorf("Got %q", got)
	}
}
