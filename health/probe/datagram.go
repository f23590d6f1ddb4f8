package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// dialUDP makes a socket that takes datagrams from target only, and binds it to source if that is valid. What routers
// and the target itself refuse comes as an error of its Read or Write.
func dialUDP(ctx context.Context, source netip.Addr, target netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Control: reportRefusals}
	if source.IsValid() {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := dialer.DialContext(ctx, "udp", target.String())
	if err != nil {
		return nil, err
	}
	return refusable{conn}, nil
}

// refusable is a datagram socket that tells refusals as what they are.
type refusable struct{ net.Conn }

func (r refusable) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if err != nil {
		err = remote("udp "+r.RemoteAddr().String(), err)
	}
	return n, err
}

// remote is err, an error of a Read or of a connect that waited for an answer. What can only have come over the network
// gets the verdict of that: EACCES of a Write is a firewall here, EACCES of a Read is one on the way to an IPv6 target.
func remote(phase string, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok && slices.Contains(refusals, errno) {
		return failure(ReasonUnreachable, phase+": "+errno.Error()+", on the way")
	}
	return err
}
