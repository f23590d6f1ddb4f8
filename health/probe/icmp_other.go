//go:build !linux

package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// pingEcho is for Linux. Elsewhere a ping needs a raw socket.
func pingEcho(context.Context, netip.Addr, netip.Addr) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}
