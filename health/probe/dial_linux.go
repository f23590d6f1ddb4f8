package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// dialTCP connects from source if that is valid. It does what net.Dialer does for an address, for less time and not half
// of the garbage, and knows what net.Dialer does not tell: whether an error came at once.
func dialTCP(ctx context.Context, source netip.Addr, target netip.AddrPort) (connection, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	family := syscall.AF_INET6
	if target.Addr().Is4() {
		family = syscall.AF_INET
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	peer := sockaddr(target)
	if err := beginConnect(fd, source, peer); err != nil {
		_ = syscall.Close(fd)
		return nil, err // only this system says so at once: EACCES is a policy here
	}
	conn := &socket{file: os.NewFile(uintptr(fd), ""), target: target} // the runtime watches it
	err = awaitConnect(ctx, conn.file, peer)
	switch {
	case errors.Is(err, syscall.EACCES) && target.Addr().Is4(): // no ICMP error of IPv4 comes to it
	case err != nil:
		// EACCES is also what an ICMPv6 error comes to, "administratively prohibited", which a firewall that rejects
		// sends.
		err = remote("connect "+target.String(), err)
	case isConnectedToItself(fd, target):
		err = syscall.ECONNREFUSED
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// isConnectedToItself tells of a socket that the system has given the very port that it was to connect to, which happens
// where nobody listens on a port that clients may be given.
func isConnectedToItself(fd int, target netip.AddrPort) bool {
	own, err := syscall.Getsockname(fd)
	return err == nil && isSockaddr(own, target)
}

// beginConnect sends the first packet. Without a source it does not bind the socket: a bound port cannot be shared by
// connections to different targets, and the kernel is slow to find a free one.
func beginConnect(fd int, source netip.Addr, peer syscall.Sockaddr) (err error) {
	// A request that is written in two parts would else wait for the first to be acknowledged.
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if source.IsValid() {
		// The port is chosen when the target is known, so that targets can share one. A system that cannot do that
		// chooses it now.
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		err = syscall.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0)))
	}
	if err == nil {
		err = syscall.Connect(fd, peer)
	}
	if isUnderWay(err) {
		return nil
	}
	return err
}

// isUnderWay tells that connect has not found out yet. One that is interrupted goes on by itself.
func isUnderWay(err error) bool {
	return errors.Is(err, syscall.EINPROGRESS) || errors.Is(err, syscall.EALREADY) || errors.Is(err, syscall.EINTR)
}

// awaitConnect waits for what becomes of a connection, until ctx ends.
func awaitConnect(ctx context.Context, socket *os.File, peer syscall.Sockaddr) error {
	deadline, _ := ctx.Deadline() // the zero time is none
	if err := socket.SetWriteDeadline(deadline); err != nil {
		return err // the runtime could not watch it
	}
	defer whenOver(ctx, socket)()
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var verdict error
	err = raw.Write(func(fd uintptr) (done bool) {
		verdict = whatBecame(int(fd), peer)
		return !isUnderWay(verdict) // this is asked before the first wait too, which does not see what came before
	})
	if err != nil {
		return err
	}
	return verdict
}

// whatBecame gives the outcome of a connect that has begun, unless it is under way.
func whatBecame(fd int, peer syscall.Sockaddr) error {
	err := syscall.Connect(fd, peer) // once more starts nothing, but takes the error from the socket
	if errors.Is(err, syscall.EISCONN) {
		return nil
	}
	if !isUnderWay(err) {
		return err
	}
	// An ICMP error that comes while the packet is still being sent here is kept apart, and would be told by nothing else.
	if errno, failed := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR); failed == nil && errno != 0 {
		return syscall.Errno(errno)
	}
	return err
}

// isSockaddr tells whether addr is target.
func isSockaddr(addr syscall.Sockaddr, target netip.AddrPort) bool {
	switch addr := addr.(type) {
	case *syscall.SockaddrInet4:
		return addr.Port == int(target.Port()) && netip.AddrFrom4(addr.Addr) == target.Addr()
	case *syscall.SockaddrInet6:
		return addr.Port == int(target.Port()) && netip.AddrFrom16(addr.Addr) == target.Addr().WithZone("")
	default:
		return false
	}
}

// sockaddr is addr for the system. A zone is an interface's name or number.
func sockaddr(addr netip.AddrPort) syscall.Sockaddr {
	if addr.Addr().Is4() {
		return &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}
	}
	inet6 := &syscall.SockaddrInet6{Addr: addr.Addr().As16(), Port: int(addr.Port())}
	zone := addr.Addr().Zone()
	if zone == "" {
		return inet6
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		inet6.ZoneId = uint32(i.Index)
	} else if number, err := strconv.ParseUint(zone, 10, 32); err == nil {
		inet6.ZoneId = uint32(number)
	}
	return inet6
}
