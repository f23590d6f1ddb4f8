package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// network is what probers use of the outside world, so that tests can put something else in its place.
type network struct {
	// resolve looks a host name up; family is "ip", "ip4" or "ip6".
	resolve func(ctx context.Context, family, host string) ([]netip.Addr, error)
	dial    func(ctx context.Context, source netip.Addr, target netip.AddrPort) (*net.TCPConn, error)
	routes  *routes
}

// systemNetwork is the real one. Go's own resolver reads the system's configuration, and ends with its context: the C
// library's does not, and would hold a thread for as long as a broken name server likes.
var systemNetwork = &network{
	resolve: (&net.Resolver{PreferGo: true}).LookupNetIP,
	dial:    dialTCP,
	routes:  systemRoutes,
}

// dialTCP connects from source if that is valid. It does not use net.Dialer.DialTCP, which binds the socket even
// without a source: a bound port cannot be shared by connections to different targets, and the kernel is slow to find
// a free one.
func dialTCP(ctx context.Context, source netip.Addr, target netip.AddrPort) (*net.TCPConn, error) {
	dialer := net.Dialer{KeepAlive: -1} // no connection lives long enough
	if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", target.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// maxAddresses bounds how many addresses of a host name are tried.
const maxAddresses = 8

// endpoint is a host and port to connect to. A host name is resolved for every attempt (statement H11).
type endpoint struct {
	network *network
	source  netip.Addr
	port    uint16
	addr    netip.Addr // of a host that is an address; else not valid
	host    string
	// good are the last addresses that the resolver gave. They stand in while it does not work.
	good []netip.Addr
}

func newEndpoint(host string, port uint16, source netip.Addr, n *network) *endpoint {
	e := &endpoint{network: n, source: source.Unmap(), port: port, host: host}
	if addr, err := netip.ParseAddr(host); err == nil {
		e.addr = addr.Unmap()
	}
	return e
}

// connect tries the host's addresses in order, each for its share of the time that is left, so that one black hole does
// not keep the next from being tried. If all fail the first failure counts; trouble of our own only if there is
// nothing else.
func (e *endpoint) connect(ctx context.Context) (*net.TCPConn, error) {
	addrs, err := e.addresses(ctx)
	if err != nil {
		return nil, err
	}
	var verdict *probeError
	for i, addr := range addrs {
		conn, err := e.connectTo(ctx, addr, len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		if verdict == nil || verdict.outcome == Indeterminate && err.outcome == Fail {
			verdict = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, verdict
}

// connectTo tries one address for 1/shares of the time that is left.
func (e *endpoint) connectTo(ctx context.Context, addr netip.Addr, shares int) (*net.TCPConn, *probeError) {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	target := netip.AddrPortFrom(addr, e.port)
	conn, err := e.network.dial(ctx, e.source, target)
	if err == nil {
		e.network.routes.saw(addr)
		return conn, nil
	}
	verdict := classify(ctx, "connect "+target.String(), err, ReasonInternal)
	switch verdict.reason {
	case ReasonUnreachable:
		if !e.network.routes.any(addr) {
			return nil, indeterminate(ReasonNoRoute, verdict.detail)
		}
	case ReasonRefused, ReasonReset:
		e.network.routes.saw(addr)
	}
	return nil, verdict
}

// addresses gives at least one address or an error. A name that does not exist is the target's failure; a resolver
// that does not work is not (statement H16).
func (e *endpoint) addresses(ctx context.Context) ([]netip.Addr, error) {
	if e.addr.IsValid() {
		return []netip.Addr{e.addr}, nil
	}
	lookup := ctx
	if deadline, ok := ctx.Deadline(); ok && len(e.good) > 0 {
		// A resolver that hangs must leave time to try the earlier addresses.
		var cancel context.CancelFunc
		lookup, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	found, err := e.network.resolve(lookup, e.family(), e.host)
	if err == nil {
		if addrs := e.usable(found); len(addrs) > 0 {
			e.good = addrs
			return addrs, nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, indeterminate(ReasonCanceled, "lookup "+e.host+": broken off")
	}
	var (
		dnsErr  *net.DNSError
		addrErr *net.AddrError
	)
	switch {
	case err == nil, errors.As(err, &addrErr), errors.As(err, &dnsErr) && dnsErr.IsNotFound:
		e.good = nil
		return nil, failure(ReasonResolve, fmt.Sprintf("lookup %s: no such host, or no address of the family", e.host))
	case len(e.good) > 0:
		return e.good, nil
	case dnsErr != nil:
		return nil, indeterminate(ReasonResolver, fmt.Sprintf("lookup %s: %s", e.host, dnsErr.Err))
	default:
		return nil, indeterminate(ReasonResolver, fmt.Sprintf("lookup %s: the resolver does not work", e.host))
	}
}

// family is the address family to look up: that of the source address, if there is one.
func (e *endpoint) family() string {
	switch {
	case !e.source.IsValid():
		return "ip"
	case e.source.Is4():
		return "ip4"
	default:
		return "ip6"
	}
}

// usable keeps the resolver's order, which is that of RFC 6724.
func (e *endpoint) usable(found []netip.Addr) []netip.Addr {
	addrs := make([]netip.Addr, 0, min(len(found), maxAddresses))
	for _, addr := range found {
		addr = addr.Unmap()
		if len(addrs) == maxAddresses {
			break
		}
		if !e.source.IsValid() || e.source.Is4() == addr.Is4() {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
