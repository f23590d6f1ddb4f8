package health

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Prober makes attempts. Probe makes a single one, without a retry inside, and returns soon after ctx ends. It is
// never called twice at a time.
type Prober interface {
	Probe(ctx context.Context) Result
}

// NewProber makes the Prober for p. The error names the field that is wrong, in the words of the Corefile. Certificate
// files are read here for the first time, so that a wrong path stops the start.
func NewProber(p Probe) (Prober, error) { return newProber(p, systemNetwork) }

func newProber(p Probe, n *network) (Prober, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	end := newEndpoint(p.Host, p.Port, p.Source, n)
	switch p.Scheme {
	case TCP:
		return &tcpProber{endpoint: end}, nil
	case TLS:
		client, err := newTLSClient(p)
		if err != nil {
			return nil, err
		}
		return &tcpProber{endpoint: end, tls: client}, nil
	default:
		return newHTTPProber(p, end)
	}
}

// Validate tells what is wrong with p, without touching files or the network.
func (p Probe) Validate() error {
	checks := []func() error{p.validateEndpoint, p.validateHTTP, p.validateTLS}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Probe) validateEndpoint() error {
	switch p.Scheme {
	case HTTP, HTTPS, TCP, TLS:
	default:
		return fmt.Errorf("scheme: %q is not one of http, https, tcp, tls", p.Scheme)
	}
	addr, err := netip.ParseAddr(p.Host)
	if err != nil && !isHostName(p.Host) {
		return fmt.Errorf("target: %q is neither an address nor a host name", p.Host)
	}
	if p.Port == 0 {
		return errors.New("target: a port is missing")
	}
	if err == nil && p.Source.IsValid() && addr.Unmap().Is4() != p.Source.Unmap().Is4() {
		return fmt.Errorf("source: %s and the target %s are of different address families", p.Source, addr)
	}
	return nil
}

func (p Probe) validateHTTP() error {
	if p.Scheme != HTTP && p.Scheme != HTTPS {
		if p.Path != "" || p.Method != "" || p.HostHeader != "" || p.Headers != "" || p.Status != "" || p.Match != "" || p.Follow {
			return fmt.Errorf("%s:// takes no path, method, host, header, status, match or follow", p.Scheme)
		}
		return nil
	}
	if _, err := url.ParseRequestURI(p.Path); err != nil || !strings.HasPrefix(p.Path, "/") || strings.ContainsAny(p.Path, "# \t") {
		return errors.New("path: it must begin with / and hold no character that a URL does not allow")
	}
	if !isToken(p.Method) {
		return fmt.Errorf("method: %q is not an HTTP method", p.Method)
	}
	if p.HostHeader != "" {
		name := hostOf(p.HostHeader)
		if _, err := netip.ParseAddr(name); err != nil && !isHostName(name) {
			return fmt.Errorf("host: %q is neither a host name nor an address", p.HostHeader)
		}
	}
	if _, err := parseHeaders(p.Headers); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if _, err := ParseStatusCodes(p.Status); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if p.Match != "" && p.Method == "HEAD" {
		return errors.New("match: an answer to HEAD has no body")
	}
	if _, err := regexp.Compile(p.Match); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	return nil
}

func (p Probe) validateTLS() error {
	if p.Scheme != HTTPS && p.Scheme != TLS {
		if p.ServerName != "" || p.Insecure || p.CertFile != "" || p.KeyFile != "" || p.CAFile != "" {
			return fmt.Errorf("%s:// takes no sni, insecure or tls", p.Scheme)
		}
		return nil
	}
	if _, err := netip.ParseAddr(p.ServerName); err != nil && p.ServerName != "" && !isHostName(p.ServerName) {
		return fmt.Errorf("sni: %q is neither a host name nor an address", p.ServerName)
	}
	if (p.CertFile == "") != (p.KeyFile == "") {
		return errors.New("tls: a certificate needs its key, and a key its certificate")
	}
	return nil
}

// Validate tells what is wrong with t, in the words of the Corefile.
func (t Timing) Validate() error {
	const shortest = 10 * time.Millisecond
	switch {
	case t.Interval < shortest:
		return fmt.Errorf("interval: %s is less than %s", t.Interval, shortest)
	case t.Timeout < shortest:
		return fmt.Errorf("timeout: %s is less than %s", t.Timeout, shortest)
	case t.Fast < shortest || t.Fast > t.Interval:
		return fmt.Errorf("fast: %s is not within %s and the interval, %s", t.Fast, shortest, t.Interval)
	case t.Fall < 1 || t.Fall > 64:
		return fmt.Errorf("fall: %d is not within 1 and 64", t.Fall)
	case t.FallOf != 0 && (t.FallOf < t.Fall || t.FallOf > 64):
		return fmt.Errorf("fall: %d/%d is not N/M with N <= M <= 64", t.Fall, t.FallOf)
	case t.Rise < 1 || t.Rise > 64:
		return fmt.Errorf("rise: %d is not within 1 and 64", t.Rise)
	}
	return nil
}

// isHostName is lenient: what is not a name is found out when it is resolved. It only keeps out what would be something
// else in a URL or a Host header.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 || name[0] == '.' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// isToken tells whether text is a token of RFC 9110 section 5.6.2, such as a method or a field name.
func isToken(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return text != ""
}
