package test

import (
	"net"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/net/icmp"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestICMP pings this machine, in both families. On the loopback a ping cannot be made to fail.
func TestICMP(t *testing.T) {
	t.Parallel()
	if !mayPing("ip4:icmp", "udp4", "127.0.0.1") || !mayPing("ip6:ipv6-icmp", "udp6", "::1") {
		t.Skip("This process may not ping: it has neither CAP_NET_RAW nor a group in net.ipv4.ping_group_range")
	}
	s := harness.Start(t, harness.Zone(`
		check *     interval 1s timeout 5s fast 200ms
		check alive icmp://
		check four  icmp://127.0.0.2
		check six   icmp://[::1]
		check none  not four
		primary   www 127.0.0.1 ::1 check alive six
		secondary www 198.51.100.1
		primary   not 192.0.2.1 check none
		secondary not 198.51.100.1`))
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, "www.example.org.", dns.TypeA) == 60 })
	s.AwaitA(t, harness.Soon, "not", "198.51.100.1")
	// Equal checks are one, so the template's second address goes by another name or by this.
	for _, target := range []string{"alive icmp://127.0.0.1", "four icmp://127.0.0.2", "icmp://[::1]"} {
		harness.Eventually(t, harness.Soon, "one line about "+target, func() bool {
			return len(s.Log.Lines(target+" is healthy, was unknown")) == 1
		})
	}
}

// mayPing tells whether this process, and so a server that it starts, may open one of the sockets for it.
func mayPing(raw, ping, address string) bool {
	conn, err := net.ListenPacket(raw, address)
	if err != nil {
		conn, err = icmp.ListenPacket(ping, address)
	}
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
