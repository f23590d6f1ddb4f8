//go:build !linux

package probe

import (
	"context"
	"net"
	"net/netip"
)

// dialTCP connects from source if that is valid. It does not use net.Dialer.DialTCP, which binds the socket even
// without a source: a bound port cannot be shared by connections to different targets, and the kernel is slow to find
// a free one.
func dialTCP(ctx context.Context, source netip.Addr, target netip.AddrPort) (connection, error) {
	dialer := net.Dialer{KeepAlive: -1} // no connection lives long enough
	if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", target.String())
	if err != nil {
		// EACCES may be a policy here as well as a firewall on the way. That cannot be found out, so the target is not
		// blamed.
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}
