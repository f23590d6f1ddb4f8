package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// opener makes a socket for echo requests to target, bound to source if that is valid.
type opener func(ctx context.Context, source, target netip.Addr) (net.Conn, error)

// echoSockets knows which sockets this process may ping with. What may be done once may be done always, so it is found
// out once for each address family; a refusal is not remembered, since the administrator may mend it before a reload.
type echoSockets struct {
	raw, ping opener

	mu    sync.Mutex
	found [2]opener // by family
}

// systemEcho speaks for this process.
var systemEcho = &echoSockets{raw: rawEcho, ping: pingEcho}

// loopbacks are the addresses to try a socket with, by family.
var loopbacks = [2]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// way gives the opener for a family. Its error names the ways in which an administrator can permit it.
func (s *echoSockets) way(family int) (opener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found[family] != nil {
		return s.found[family], nil
	}
	var refused []error
	for _, open := range []opener{s.raw, s.ping} {
		conn, err := open(context.Background(), netip.Addr{}, loopbacks[family])
		if err == nil {
			conn.Close()
			s.found[family] = open
			return open, nil
		}
		if !mayNot(err) {
			// Permission is asked for first, so it was given, and the attempt will say what is missing now.
			return open, nil
		}
		refused = append(refused, cause(err))
	}
	return nil, fmt.Errorf("icmp: this process may open neither a raw socket (CAP_NET_RAW) nor a ping socket "+
		"(net.ipv4.ping_group_range): %w, %w", refused[0], refused[1])
}

// mayNot tells whether err says that this kind of socket is not for us.
func mayNot(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPROTONOSUPPORT)
}

// cause is the system's word alone: an error of package net names an address that nobody has asked for.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
