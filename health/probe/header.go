package probe

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// parseHeaders reads Spec.Headers, and with paths for values Spec.HeaderFiles.
func parseHeaders(text string) (http.Header, error) {
	header := http.Header{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimSpace(value)
		if !ok || !isToken(name) {
			return nil, errors.New("a line does not begin with the name of a field") // not repeated: it may hold a secret
		}
		if hasControl(value) {
			return nil, fmt.Errorf("the value of %s holds a control character", name)
		}
		switch name = http.CanonicalHeaderKey(name); name {
		case "Host":
			return nil, errors.New("the field Host is set by the word host")
		case "Connection", "Proxy-Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding", "Te", "Trailer", "Upgrade":
			return nil, fmt.Errorf("the field %s belongs to the connection and cannot be set", name)
		}
		header.Add(name, value)
	}
	return header, nil
}

// hasControl tells whether text could end a header field, or is not fit for one.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// hostHeader is the Host field (statement H08).
func (p Spec) hostHeader() string { return hostField(p.hostName(), p.Scheme, p.Port) }

// hostName is the name that the target is asked as, with or without a port.
func (p Spec) hostName() string {
	switch {
	case p.HostHeader != "":
		return p.HostHeader
	case p.ServerName != "":
		return p.ServerName
	default:
		return bareHost(p.Host)
	}
}

// hostField is name as a Host field, with the port unless it has one or the scheme says it.
func hostField(name string, scheme Scheme, port uint16) string {
	if strings.Contains(name, ":") {
		if _, _, err := net.SplitHostPort(name); err == nil {
			return name
		}
	}
	number := strconv.Itoa(int(port))
	name = strings.Trim(name, "[]")
	switch {
	case number != defaultPort(scheme):
		return net.JoinHostPort(name, number)
	case strings.Contains(name, ":"):
		return "[" + name + "]"
	default:
		return name
	}
}

// tlsName is the name that the certificate must have, sent as SNI unless it is an address (statement H09).
func (p Spec) tlsName() string {
	switch {
	case p.ServerName != "":
		return p.ServerName
	case p.HostHeader != "":
		return hostOf(p.HostHeader)
	default:
		return bareHost(p.Host)
	}
}

// hostOf is a Host field without its port and brackets.
func hostOf(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return strings.Trim(text, "[]")
}

// bareHost is a host without the zone of a link-local address, which means nothing to a peer.
func bareHost(host string) string {
	if !strings.Contains(host, "%") {
		return host
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.WithZone("").String()
	}
	return host
}

// defaultPort is the port that a URL of the scheme need not name.
func defaultPort(s Scheme) string {
	if s == HTTPS {
		return "443"
	}
	return "80"
}
