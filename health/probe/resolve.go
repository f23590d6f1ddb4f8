package probe

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
	dialUDP func(ctx context.Context, source netip.Addr, target netip.AddrPort) (net.Conn, error)
	echo    *echoSockets
	routes  *routes
}

// systemNetwork is the real one. Go's own resolver reads the system's configuration, and ends with its context: the C
// library's does not, and would hold a thread for as long as a broken name server likes.
var systemNetwork = &network{
	resolve: resolveBySystem(nil),
	dial:    dialTCP,
	dialUDP: dialUDP,
	echo:    systemEcho,
	routes:  systemRoutes,
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
	// resolver names the servers to ask for host; if empty, the system's resolver does.
	resolver string
	// good are the last addresses that the resolver gave. They stand in while it does not work.
	good []netip.Addr
}

func newEndpoint(s Spec, n *network) *endpoint {
	e := &endpoint{network: n, source: s.Source.Unmap(), port: s.Port, host: s.Host, resolver: s.Resolver}
	if addr, err := netip.ParseAddr(s.Host); err == nil {
		e.addr = addr.Unmap()
	}
	return e
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
	found, err := e.lookUp(lookup)
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

// isHostAddr tells whether addr is that of a host. What some resolvers give out in place of an address that they block,
// 0.0.0.0 or ::, would lead to this very machine.
func isHostAddr(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast()
}

// usable keeps the resolver's order, which is that of RFC 6724 or near it.
func (e *endpoint) usable(found []netip.Addr) []netip.Addr {
	addrs := make([]netip.Addr, 0, min(len(found), maxAddresses))
	for _, addr := range found {
		addr = addr.Unmap()
		if len(addrs) == maxAddresses {
			break
		}
		if isHostAddr(addr) && (!e.source.IsValid() || e.source.Is4() == addr.Is4()) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
