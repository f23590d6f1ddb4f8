package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestH11_NameIsResolvedForEveryAttempt(t *testing.T) {
	first, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	notFound := &net.DNSError{Err: "no such host", Name: "www.example.org", IsNotFound: true}
	broken := &net.DNSError{Err: "server misbehaving", Name: "www.example.org", IsTemporary: true}
	refused := map[string]error{"192.0.2.1": syscall.ECONNREFUSED, "192.0.2.2": syscall.ECONNREFUSED}
	s := &stub{dials: refused}
	made, err := newProber(Spec{Scheme: TCP, Host: "www.example.org", Port: 25}, s.network(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		addrs   []netip.Addr
		err     error
		outcome Outcome
		reason  Reason
		dialled string
	}{
		{"resolver down before it ever worked", nil, broken, Indeterminate, ReasonResolver, ""},
		{"resolved", []netip.Addr{first}, nil, Fail, ReasonRefused, "192.0.2.1"},
		{"moved", []netip.Addr{second}, nil, Fail, ReasonRefused, "192.0.2.2"},
		{"resolver down: the last address", nil, broken, Fail, ReasonRefused, "192.0.2.2"},
		{"another error", nil, errors.New("odd"), Fail, ReasonRefused, "192.0.2.2"},
		{"both", []netip.Addr{first, second}, nil, Fail, ReasonRefused, "192.0.2.1 192.0.2.2"},
		{"mapped", []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1")}, nil, Fail, ReasonRefused, "192.0.2.1"},
		{"gone", nil, notFound, Fail, ReasonResolve, ""},
		{"resolver down after that", nil, broken, Indeterminate, ReasonResolver, ""},
		{"no address", nil, nil, Fail, ReasonResolve, ""},
		{"none of the family", nil, &net.AddrError{Err: "no suitable address", Addr: "www.example.org"}, Fail, ReasonResolve, ""},
		{"another error at first", nil, errors.New("odd"), Indeterminate, ReasonResolver, ""},
	} {
		s.addrs, s.err, s.dialled = c.addrs, c.err, nil
		got := try(t, made, time.Second)
		if got.Outcome != c.outcome || got.Reason != c.reason || strings.Join(s.dialled, " ") != c.dialled {
			t.Errorf("%s: got %+v, dialled %v", c.name, got, s.dialled)
		}
	}
}

func TestH11_AddressesAreTriedInOrderWithinTheTimeout(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	hang, refused, none := context.DeadlineExceeded, error(syscall.ECONNREFUSED), error(syscall.EMFILE)
	for _, c := range []struct {
		name    string
		errs    [3]error
		outcome Outcome
		reason  Reason
		dials   int
	}{
		{"the second answers", [3]error{hang, nil, nil}, Pass, ReasonOK, 2},
		{"the third answers", [3]error{hang, hang, nil}, Pass, ReasonOK, 3},
		{"the first failure counts", [3]error{hang, refused, refused}, Fail, ReasonTimeout, 3},
		{"no IPv6 here is no excuse", [3]error{syscall.EAFNOSUPPORT, refused, refused}, Fail, ReasonRefused, 3},
		{"what could not be tried may work", [3]error{refused, none, refused}, Indeterminate, ReasonFDLimit, 3},
		{"nor was there a port", [3]error{hang, refused, syscall.EADDRNOTAVAIL}, Indeterminate, ReasonPorts, 3},
		{"trouble of our own only", [3]error{none, none, none}, Indeterminate, ReasonFDLimit, 3},
	} {
		s := &stub{addrs: addrs, dials: map[string]error{}}
		for i, a := range addrs {
			s.dials[a.String()] = c.errs[i]
		}
		got := s.try(t, Spec{Scheme: TCP, Host: "www.example.org", Port: 25}, s.network(true))
		if got.Outcome != c.outcome || got.Reason != c.reason || len(s.dialled) != c.dials {
			t.Errorf("%s: got %+v, dialled %v", c.name, got, s.dialled)
		}
	}
	s := &stub{addrs: addrs, dials: map[string]error{"2001:db8::1": syscall.EADDRNOTAVAIL, "192.0.2.1": refused, "192.0.2.2": refused}}
	n := s.network(true)
	n.routes.lookup = netip.Addr.Is4
	got := s.try(t, Spec{Scheme: TCP, Host: "www.example.org", Port: 25}, n)
	wantResult(t, "IPv6 is turned off here", got, Fail, ReasonRefused, "")
	s = &stub{addrs: addrs, dials: map[string]error{}}
	s.try(t, Spec{Scheme: TCP, Host: "www.example.org", Port: 25, Source: netip.MustParseAddr("192.0.2.9")}, s.network(true))
	if s.family != "ip4" || !slices.Equal(s.dialled, []string{"192.0.2.1"}) {
		t.Errorf("With an IPv4 source: asked for %s, dialled %v", s.family, s.dialled)
	}
}

// TestH11_HangingResolverLeavesTimeForEarlierAddresses also shows that it costs no more than the timeout.
func TestH11_HangingResolverLeavesTimeForEarlierAddresses(t *testing.T) {
	s := &stub{addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, dials: map[string]error{}}
	n := s.network(true)
	made, err := newProber(Spec{Scheme: TCP, Host: "www.example.org", Port: 25}, n)
	if err != nil {
		t.Fatal(err)
	}
	resolve := n.resolve
	n.resolve = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}
	}
	wantResult(t, "at first", try(t, made, 50*time.Millisecond), Indeterminate, ReasonResolver, "i/o timeout")
	hanging := n.resolve
	n.resolve = resolve
	wantResult(t, "working", try(t, made, time.Second), Pass, ReasonOK, "")
	n.resolve = hanging
	wantResult(t, "hanging", try(t, made, 50*time.Millisecond), Pass, ReasonOK, "")
}

func TestH11_SystemResolver(t *testing.T) {
	port := listen(t, "127.0.0.1", func(c net.Conn) { c.Close() })
	wantResult(t, "localhost", try(t, prober(t, Spec{Scheme: TCP, Host: "localhost", Port: port}), 2*time.Second), Pass, ReasonOK, "")
}
