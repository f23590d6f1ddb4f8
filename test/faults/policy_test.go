//go:build linux

package faults

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestH16_ProhibitedHere has a policy of our own system forbid what a policy on the way can forbid just as well: the first
// says nothing of the target, the second is what its clients get.
func TestH16_ProhibitedHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tellAll(t)
	four, six := w.address(0), w.six(t)
	web := serve(t, w, false)
	echo := map[string]int{four: w.echo(t, four), six: w.echo(t, six)}
	// The refusal of a SYN comes back while it is still being sent here, and IPv6 does not believe it then: it does so when
	// the SYN is sent once more, after a second.
	s := start(t, fmt.Sprintf(`
		check * interval 500ms timeout 300ms fast 100ms fall 2 rise 1
		check tcp6 timeout 2s
		check tcp4  tcp://%[1]s:%[3]d
		check tcp6  tcp://[%[2]s]:%[3]d
		check udp4  udp://%[1]s:%[4]d send ping expect ping
		check udp6  udp://[%[2]s]:%[5]d send ping expect ping
		check icmp4 icmp://%[1]s
		check icmp6 icmp://[%[2]s]
		answer www 192.0.2.1 check tcp4 tcp6 udp4 udp6 icmp4 icmp6`, four, six, web.port, echo[four], echo[six]))
	checks := []string{"tcp4", "tcp6", "udp4", "udp6", "icmp4", "icmp6"}
	awaitHealthy(t, s, len(checks))
	ended := func(check, outcome, reason string) float64 {
		return max(0, s.Metric(t, "coredns_failover_probes_total", "check", check, "outcome", outcome, "reason", reason))
	}

	change := func(what string) {
		t.Helper()
		for family, address := range map[string]string{"-4": four, "-6": six} {
			if err := run("ip", family, "route", what, "prohibit", address); err != nil {
				t.Fatal(err)
			}
		}
	}
	change("add")
	during(t, 2*time.Second, nothingFalls(s))
	for _, check := range checks {
		if got := ended(check, "indeterminate", "permission"); got < 2 {
			t.Errorf("Expected probes of %s to be indeterminate for want of permission, got %v", check, got)
		}
	}
	change("del")

	// Nothing of it is to stand when it is over.
	for _, check := range checks {
		passed := ended(check, "pass", "ok")
		harness.Eventually(t, harness.Soon, check+" to pass", func() bool { return ended(check, "pass", "ok") > passed })
	}
	w.rule(t, six, "reject with icmpx type admin-prohibited")
	for _, check := range checks {
		harness.Eventually(t, harness.Soon, check+" to be unhealthy", func() bool {
			return s.Metric(t, "coredns_failover_check_state", "check", check) == 0
		})
		if got := ended(check, "fail", "unreachable"); got < 2 {
			t.Errorf("Expected probes of %s to fail as unreachable, got %v", check, got)
		}
	}
}

// echo answers datagrams to an address of the world with themselves, and returns the port.
func (w *world) echo(t *testing.T, address string) int {
	t.Helper()
	var conn net.PacketConn
	err := w.do(func() (err error) {
		conn, err = net.ListenPacket("udp", net.JoinHostPort(address, "0"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		datagram := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(datagram)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(datagram[:n], from)
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).Port
}
