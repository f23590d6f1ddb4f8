package probe

import (
	"net"
	"net/netip"
	"testing"
)

// TestH16_DeniedHere knows only what a machine without a firewall can show: what is not denied.
func TestH16_DeniedHere(t *testing.T) {
	if !deniedHere(netip.Addr{}, netip.MustParseAddrPort("127.0.0.1:9")) {
		t.Error("EACCES of IPv4 is ours")
	}
	for _, host := range localhosts(t) {
		if host == "::1" && deniedHere(netip.IPv6Loopback(), netip.AddrPortFrom(netip.IPv6Loopback(), listen(t, host, func(c net.Conn) { c.Close() }))) {
			t.Error("A connection to ourselves is not denied")
		}
	}
	if !deniedHere(netip.MustParseAddr("2001:db8::1"), netip.MustParseAddrPort("[::1]:9")) {
		t.Error("From an address that is not ours nothing is found out")
	}
}
