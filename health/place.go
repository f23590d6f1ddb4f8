package health

import (
	"net"
	"net/netip"
)

// place is where a check looks. What is on this machine goes on answering when the machine is cut off.
type place uint8

const (
	nowhere  place = iota // at no host: it runs a program or reads a file
	loopback              // at this machine, by an address that nobody else has
	own                   // at this machine, by an address that others know it by
	remote                // at another host, or at a name that may be one
)

// placeOf tells where a host is; own addresses are those of this machine.
func placeOf(host string, ownAddrs map[netip.Addr]bool) place {
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "":
		return nowhere
	case host == "localhost", err == nil && addr.Unmap().IsLoopback():
		return loopback
	case err == nil && ownAddrs[addr.Unmap().WithZone("")]:
		return own
	default:
		return remote
	}
}

// OwnAddrs are the addresses of this machine's interfaces, without zones; nil where the system does not tell.
func OwnAddrs() map[netip.Addr]bool {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	addrs := make(map[netip.Addr]bool, len(found))
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			addrs[prefix.Addr().Unmap()] = true
		}
	}
	return addrs
}

// networkOf is what fails together: the /24 or /48 of an address; a host name stands for itself.
func networkOf(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap()
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	prefix, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return host
	}
	return prefix.String()
}
