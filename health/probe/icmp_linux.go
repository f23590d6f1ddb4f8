package probe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// pingEcho makes a ping socket: the kernel permits it to the groups of net.ipv4.ping_group_range, for both families. It
// does not use icmp.ListenPacket, whose socket is neither connected, so that it hears of no ICMP error, nor closed in
// programs that are started at the moment.
func pingEcho(_ context.Context, source, target netip.Addr) (net.Conn, error) {
	family, protocol := syscall.AF_INET6, syscall.IPPROTO_ICMPV6
	if target.Is4() {
		family, protocol = syscall.AF_INET, syscall.IPPROTO_ICMP
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "ping")
	defer file.Close() // the connection has a descriptor of its own
	enableErrors(fd, target.Is4())
	if source.IsValid() {
		if err := syscall.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0))); err != nil {
			return nil, os.NewSyscallError("bind", err)
		}
	}
	if err := syscall.Connect(fd, sockaddr(netip.AddrPortFrom(target, 0))); err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(file)
}
