package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// access is what a route asks of who calls it.
type access uint8

// The kinds of access.
//
//	                        on this machine          elsewhere
//	public                  anybody                  anybody
//	reading                 anybody                  token or certificate
//	changing, with either   token or certificate     token or certificate
//	changing, with neither  anybody                  (refused when the configuration is read)
const (
	public   access = iota // nothing of it is worth hiding: the status page without its data
	reading                // what the server knows
	changing               // what it does
)

// caller is who calls.
type caller struct {
	// name is that of the client's certificate, empty without one.
	name string
	// proven tells that there is a certificate or the token.
	proven bool
}

// identify tells who calls.
func identify(r *http.Request, line *secured) caller {
	var c caller
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && line.CAFile != "" {
		c.name, c.proven = r.TLS.VerifiedChains[0][0].Subject.CommonName, true
	}
	if line.Token != nil && sameSecret(bearer(r), line.Token()) {
		c.proven = true
	}
	return c
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sameSecret compares in a time that tells nothing of what is alike, nor of the length.
func sameSecret(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// admit refuses who may not have what they ask for.
func (c caller) admit(line *secured, a access) *Refusal {
	switch {
	case c.proven, a == public, a == reading && line.Local:
		return nil
	case a == changing && line.Local && line.Token == nil && line.CAFile == "":
		return nil
	case line.Token != nil:
		return &Refusal{Status: http.StatusUnauthorized, Text: "this needs the token"}
	}
	return &Refusal{Status: http.StatusForbidden, Text: "this needs a client certificate"}
}

// crossOrigin is what browsers say of requests that a page of another place has made.
var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin refuses what a page of another place wants from this server by somebody's browser: changes, and data too.
func sameOrigin(r *http.Request, a access) *Refusal {
	err := crossOrigin.Check(r)
	if site := r.Header.Get("Sec-Fetch-Site"); a != public && (site == "cross-site" || site == "same-site") {
		err = http.ErrNotSupported
	}
	if origin := r.Header.Get("Origin"); origin != "" && a != public {
		if _, host, ok := strings.Cut(origin, "://"); !ok || !strings.EqualFold(host, r.Host) {
			err = http.ErrNotSupported
		}
	}
	if err != nil {
		return &Refusal{Status: http.StatusForbidden, Text: "this is not for pages of other origins"}
	}
	return nil
}

// rightHost refuses a request that was sent to a name which is not this server's: that of a page which has made its own
// name lead here, so that a browser takes both for one. Who shows the token is no such page.
func rightHost(r *http.Request, line *secured, c caller) *Refusal {
	if line.Network == "unix" || c.proven {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	configured, _, _ := net.SplitHostPort(line.Address)
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case err == nil, strings.EqualFold(host, "localhost"), configured != "" && strings.EqualFold(host, configured):
		return nil
	case line.credentials != nil && line.credentials.names(host):
		return nil
	}
	return &Refusal{Status: http.StatusMisdirectedRequest, Text: "this server has another name"}
}

// remote is the address of the client, zero on a socket.
func remote(r *http.Request) netip.AddrPort {
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	return addr
}
