package corefile

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/miekg/dns"
)

// schemeKinds are the targets that are written as a URL.
var schemeKinds = map[string]kind{
	"http": onHTTP, "https": onHTTPS, "tcp": onTCP, "tls": onTLS, "udp": onUDP, "icmp": onICMP, "dns": onDNS,
	"grpc": onGRPC, "grpcs": onGRPCS,
}

// endpointTarget reads SCHEME://[HOST][:PORT] and what a scheme has behind it. Errors repeat no more of the text than
// its scheme, since it may hold a password.
func endpointTarget(text string) (*target, error) {
	scheme, _, _ := strings.Cut(text, "://")
	if slices.Contains(targetWords, scheme) {
		return nil, fmt.Errorf("target %s://: %s is a word of its own, without a colon", scheme, scheme)
	}
	if !slices.Contains(schemes, scheme) {
		return nil, fmt.Errorf("target %s://: %w", scheme, unknownWord(scheme, schemes, nil))
	}
	t := &target{kind: schemeKinds[scheme], text: scheme + "://"}
	t.probe.Scheme = probe.Scheme(scheme)
	u, err := parseURL(text)
	if err == nil {
		err = t.endpoint(u)
	}
	if err == nil {
		err = t.behind(u)
	}
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.text, err)
	}
	return t, nil
}

// parseURL reads a URL that has no user and no fragment. The errors repeat nothing that may be a secret.
func parseURL(text string) (*url.URL, error) {
	_, rest, _ := strings.Cut(text, "://")
	u, err := url.Parse(text)
	switch parseErr := (*url.Error)(nil); {
	case err != nil && strings.Contains(rest, "@"), err == nil && u.User != nil:
		return nil, errors.New("no user or password here; use the word header with Authorization")
	case errors.As(err, &parseErr):
		// The cause without the text, which url.Error carries in full.
		return nil, parseErr.Err
	case err != nil:
		return nil, errors.New("not a URL")
	case strings.Contains(rest, "#"):
		return nil, errors.New("a fragment is never sent")
	case strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "["):
		return nil, errors.New("an IPv6 address stands in brackets")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("a port is missing after the colon")
	}
	return u, nil
}

// endpoint takes the host and port of the URL.
func (t *target) endpoint(u *url.URL) error {
	if port := u.Port(); port != "" {
		n, err := integer(port, 1, 65535)
		if err != nil {
			return fmt.Errorf("port %w", err)
		}
		t.probe.Port = uint16(n) // #nosec G115 -- checked above
	}
	if u.Hostname() != "" {
		host, err := hostName(u.Hostname())
		if err != nil {
			return err
		}
		t.probe.Host = host
	}
	return nil
}

// behind takes what stands behind host and port.
func (t *target) behind(u *url.URL) error {
	if t.kind&onWeb != 0 {
		t.probe.Path = u.RequestURI()
		return nil
	}
	if u.RawQuery != "" || u.ForceQuery {
		return errors.New("it takes no query")
	}
	switch {
	case t.kind&onDNS != 0:
		return t.question(u.Path)
	case t.kind&(onGRPC|onGRPCS) != 0:
		t.probe.Service = strings.TrimPrefix(u.Path, "/")
		if strings.ContainsFunc(t.probe.Service, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("the service has a character that is not printable ASCII")
		}
	case u.Path != "":
		return errors.New("it takes no path")
	}
	switch {
	case t.kind&onICMP != 0 && t.probe.Port != 0:
		return errors.New("it takes no port")
	case t.kind&onICMP == 0 && t.probe.Host != "" && t.probe.Port == 0:
		return errors.New("it needs a port")
	}
	return nil
}

// question reads /NAME/TYPE.
func (t *target) question(path string) error {
	i := strings.LastIndexByte(path, '/')
	if i < 2 || i == len(path)-1 {
		return errors.New("it needs a question, dns://[SERVER][:PORT]/NAME/TYPE")
	}
	name, err := Canonical(path[1:i])
	if err != nil {
		return err
	}
	rrtype, ok := TypeOf(path[i+1:])
	if !ok {
		return fmt.Errorf("%q is not a type of records", path[i+1:])
	}
	if rrtype == dns.TypeNone || rrtype == dns.TypeOPT || rrtype >= 128 && rrtype <= 255 || rrtype == dns.TypeReserved {
		return fmt.Errorf("%s is not a type of records", typeName(rrtype))
	}
	t.probe.Name, t.probe.Type = name, typeName(rrtype)
	return nil
}

// defaultPort is the scheme's own port, 0 if it has none.
func defaultPort(p *probe.Spec) uint16 {
	switch {
	case p.Scheme == probe.HTTP, p.Scheme == probe.Prometheus && !p.Secure:
		return 80
	case p.Scheme == probe.HTTPS, p.Scheme == probe.Prometheus:
		return 443
	case p.Scheme == probe.DNS:
		return 53
	}
	return 0
}
