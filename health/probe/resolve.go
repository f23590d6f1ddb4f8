package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unique"
)

// network is what probers use of the outside world, so that tests can put something else in its place.
type network struct {
	// resolve looks a host name up; family is "ip", "ip4" or "ip6".
	resolve func(ctx context.Context, family, host string) ([]netip.Addr, error)
	dial    func(ctx context.Context, source netip.Addr, target netip.AddrPort) (connection, error)
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
//
// There may be a hundred thousand endpoints, and what they hold is what an idle check costs. So an address is read from
// the text of host for every attempt, which takes far less than an attempt does.
type endpoint struct {
	reach unique.Handle[reach]
	host  string
	port  uint16
	// good are the last addresses that the resolver gave, nil for none. They stand in while it does not work.
	good *[]netip.Addr
}

// reach is how endpoints are got at. Most have it in common.
type reach struct {
	network  *network
	source   netip.Addr // of this machine; not valid for any
	resolver string     // names the servers to ask for a host; if empty, the system's resolver does
}

func newEndpoint(s Spec, n *network) endpoint {
	r := reach{network: n, source: s.Source.Unmap(), resolver: s.Resolver}
	return endpoint{reach: unique.Make(r), host: s.Host, port: s.Port}
}

// spec gives the Spec of which rest is all but the endpoint.
func (e *endpoint) spec(rest unique.Handle[Spec]) Spec {
	return ID{host: e.host, port: e.port, rest: rest}.Spec()
}

func (e *endpoint) network() *network { return e.reach.Value().network }

func (e *endpoint) source() netip.Addr { return e.reach.Value().source }

// addr gives the address that the host is; it is not valid if the host is a name.
func (e *endpoint) addr() netip.Addr {
	if addr, err := netip.ParseAddr(e.host); err == nil {
		return addr.Unmap()
	}
	return netip.Addr{}
}

// addresses resolves a host name. It gives at least one address or an error. A name that does not exist is the target's
// failure; a resolver that does not work is not (statement H16).
func (e *endpoint) addresses(ctx context.Context) ([]netip.Addr, error) {
	lookup := ctx
	if deadline, ok := ctx.Deadline(); ok && e.good != nil {
		// A resolver that hangs must leave time to try the earlier addresses.
		var cancel context.CancelFunc
		lookup, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	found, err := e.lookUp(lookup)
	if err == nil {
		if addrs := e.usable(found); len(addrs) > 0 {
			e.good = &addrs
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
	case e.good != nil:
		return *e.good, nil
	case dnsErr != nil:
		return nil, indeterminate(ReasonResolver, fmt.Sprintf("lookup %s: %s", e.host, dnsErr.Err))
	default:
		return nil, indeterminate(ReasonResolver, fmt.Sprintf("lookup %s: the resolver does not work", e.host))
	}
}

// family is the address family to look up: that of the source address, if there is one.
func (e *endpoint) family() string {
	switch source := e.source(); {
	case !source.IsValid():
		return "ip"
	case source.Is4():
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
	source := e.source()
	for _, addr := range found {
		addr = addr.Unmap()
		if len(addrs) == maxAddresses {
			break
		}
		if isHostAddr(addr) && (!source.IsValid() || source.Is4() == addr.Is4()) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
