package failover

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/coredns/coredns/plugin/pkg/transport"
)

// listener is where a server block answers DNS.
type listener struct {
	host string // an address, or empty for all of this machine
	port string
}

// listenersOf gives the listeners of a server block by its keys, "dns://example.org.:53", and the hosts that bind names.
func listenersOf(keys, hosts []string) []listener {
	var listeners []listener
	for _, key := range keys {
		zone, ok := strings.CutPrefix(key, transport.DNS+"://")
		if !ok {
			continue // a check asks over plain DNS only
		}
		for _, host := range hosts {
			listeners = append(listeners, listener{host: host, port: zone[strings.LastIndexByte(zone, ':')+1:]})
		}
	}
	return listeners
}

// refuseOwn refuses a resolver that is this server itself (statement H11): what a check asks would depend on what it
// finds, and at the start there is nobody yet to answer.
func refuseOwn(resolvers []corefile.Resolver, listeners []listener) error {
	if len(resolvers) == 0 {
		return nil
	}
	local := health.OwnAddrs() // without them only loopback is known to be ours
	for _, r := range resolvers {
		for _, l := range listeners {
			if l.takes(r.Server, local) {
				return fmt.Errorf("%s - resolver %s is this server itself; name one that does not depend on what the checks find",
					r.Pos, r.Server)
			}
		}
	}
	return nil
}

// takes tells whether a listener takes what is sent to an address.
func (l listener) takes(at netip.AddrPort, local map[netip.Addr]bool) bool {
	_, port, err := net.SplitHostPort(at.String())
	if err != nil || port != l.port {
		return false
	}
	addr := at.Addr().Unmap()
	host, err := netip.ParseAddr(l.host)
	if err == nil && !host.IsUnspecified() {
		return host.Unmap().WithZone("") == addr.WithZone("")
	}
	return addr.IsLoopback() || addr.IsUnspecified() || local[addr.WithZone("")]
}
