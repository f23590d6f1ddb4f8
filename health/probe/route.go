package probe

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
)

// strangers are addresses that belong to nobody (RFC 5737, RFC 3849). A route to them is the default route.
var strangers = [2]netip.Addr{
	netip.AddrFrom4([4]byte{203, 0, 113, 1}),
	netip.MustParseAddr("2001:db8::1"),
}

// routes answers whether this machine has a route for an address family at all. Without one an unreachable target is
// our own trouble (statement H16); with one it is the target's.
type routes struct {
	// lookup asks the routing table for one address.
	lookup func(netip.Addr) bool
	// witness is, by family, the last target off this machine that could be reached or answered for. A machine without
	// a default route can have a route to that one.
	witness [2]atomic.Pointer[netip.Addr]
}

// systemRoutes speaks for this machine, hence for the whole process.
var systemRoutes = &routes{lookup: hasRoute}

// hasRoute connects a UDP socket, which looks the route up and sends nothing.
func hasRoute(addr netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
	if err == nil {
		conn.Close()
		return true
	}
	// Any other error (no descriptors, say) is no statement about routes.
	return !isNoRoute(err)
}

func isNoRoute(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(noRoute, portable(errno))
}

var noRoute = []syscall.Errno{
	syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL,
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}

// saw remembers that there is a route to addr.
func (r *routes) saw(addr netip.Addr) {
	if addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return
	}
	slot := &r.witness[family(addr)]
	if last := slot.Load(); last == nil || *last != addr {
		seen := addr // a copy, so that only a change costs an allocation
		slot.Store(&seen)
	}
}

// any tells whether there is a route to anybody of addr's family. Where there is one to addr itself, it was not this
// machine that found it unreachable.
func (r *routes) any(addr netip.Addr) bool {
	if r.lookup(addr) || r.lookup(strangers[family(addr)]) {
		return true
	}
	witness := r.witness[family(addr)].Load()
	return witness != nil && r.lookup(*witness)
}
