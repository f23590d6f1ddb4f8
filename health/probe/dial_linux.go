package probe

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// deniedHere tells whether it is this system that denies a TCP connection to target. EACCES is what both a policy here
// and an ICMPv6 error come to (a firewall on the way that rejects makes one, "administratively prohibited"), but only
// our own system says so at once.
func deniedHere(source netip.Addr, target netip.AddrPort) bool {
	if target.Addr().Is4() {
		return true // no ICMP error of IPv4 comes to it
	}
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return true
	}
	defer func() { _ = syscall.Close(fd) }()
	if source.IsValid() {
		if err := syscall.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0))); err != nil {
			return true
		}
	}
	err = syscall.Connect(fd, sockaddr(target))
	return err != nil && err != syscall.EINPROGRESS
}

// sockaddr is addr for the system. A zone is an interface's name or number.
func sockaddr(addr netip.AddrPort) syscall.Sockaddr {
	if addr.Addr().Is4() {
		return &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}
	}
	inet6 := &syscall.SockaddrInet6{Addr: addr.Addr().As16(), Port: int(addr.Port())}
	zone := addr.Addr().Zone()
	if i, err := net.InterfaceByName(zone); err == nil {
		inet6.ZoneId = uint32(i.Index)
	} else if number, err := strconv.ParseUint(zone, 10, 32); err == nil {
		inet6.ZoneId = uint32(number)
	}
	return inet6
}
