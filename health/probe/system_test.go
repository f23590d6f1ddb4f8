package probe

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestH16_HalfAnAnswerOfTheSystemsResolverIsIndeterminate is of a resolver that remembers that there is no AAAA record,
// and is cut off from whoever knows the A record: package net takes that for a host without an address.
func TestH16_HalfAnAnswerOfTheSystemsResolverIsIndeterminate(t *testing.T) {
	port := listen(t, "127.0.0.1", func(c net.Conn) { c.Close() })
	empty, broken, gone := records(t), refuse(dns.RcodeServerFailure), refuse(dns.RcodeNameError)
	slow := func(handler dns.HandlerFunc) dns.HandlerFunc { // package net believes the last answer
		return func(w dns.ResponseWriter, r *dns.Msg) { time.AfterFunc(50*time.Millisecond, func() { handler(w, r) }) }
	}
	found := records(t, "www.example.org. 60 IN A 127.0.0.1")
	for _, c := range []struct {
		name    string
		v4, v6  dns.HandlerFunc
		outcome Outcome
		reason  Reason
	}{
		{"found", found, empty, Pass, ReasonOK},
		{"IPv4 only, as far as we can tell", found, broken, Pass, ReasonOK},
		{"no address", empty, empty, Fail, ReasonResolve},
		{"no such host", gone, gone, Fail, ReasonResolve},
		{"IPv4 fails", broken, empty, Indeterminate, ReasonResolver},
		{"IPv6 fails", empty, broken, Indeterminate, ReasonResolver},
		{"IPv4 fails soon", broken, slow(empty), Indeterminate, ReasonResolver},
		{"IPv4 fails late", slow(broken), empty, Indeterminate, ReasonResolver},
		{"IPv6 fails soon", slow(gone), broken, Indeterminate, ReasonResolver},
		{"both fail", broken, broken, Indeterminate, ReasonResolver},
	} {
		server := atServer(serveDNS(t, "127.0.0.1", recursing(byType(map[uint16]dns.HandlerFunc{dns.TypeA: c.v4, dns.TypeAAAA: c.v6}))))
		n := *systemNetwork
		n.resolve = resolveBySystem(func(ctx context.Context, protocol, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, protocol, server)
		})
		made, err := newProber(Spec{Scheme: TCP, Host: "www.example.org", Port: port}, &n)
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, c.name, try(t, made, 4*time.Second), c.outcome, c.reason, "")
	}
}

// TestH16_SystemWithoutAuthoritiesIsIndeterminate runs itself again as in a container that has no certificates.
func TestH16_SystemWithoutAuthoritiesIsIndeterminate(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems do not say where their certificates are")
	}
	a := newAuthority(t)
	p := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}, nil)
	const inside = "SYSTEM_WITHOUT_AUTHORITIES"
	if os.Getenv(inside) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), inside+"=1", "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent")
		if output, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
		return
	}
	wantResult(t, "an authority that is named", try(t, prober(t, p), 5*time.Second), Pass, ReasonOK, "")
	stranger := p
	stranger.CAFile = newAuthority(t).file
	wantResult(t, "another one", try(t, prober(t, stranger), 5*time.Second), Fail, ReasonTLS, "unknown authority")
	p.CAFile = ""
	wantResult(t, "none", try(t, prober(t, p), 5*time.Second), Indeterminate, ReasonInternal, "no certificates of authorities")
}
