//go:build unix

package failover

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A reader that sleeps in the kernel, as one does that comes back to its socket just as a reload copies that, slept until
// somebody asked, and the reload with it.
func TestO03_AReloadDoesNotWaitForAQuestion(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			i := boot(t, quick(0, ""))
			defer i.end(t)
			server := i.Servers()[0]
			socket := server.LocalAddr()
			if network == "tcp" {
				socket = server.Addr()
			}
			makeBlocking(t, socket)
			// With this one the reader comes back to its socket.
			r := new(dns.Msg)
			r.SetQuestion("generation.example.org.", dns.TypeTXT)
			if _, _, err := (&dns.Client{Net: network}).Exchange(r, socket.String()); err != nil {
				t.Fatal(err)
			}
			defer time.AfterFunc(time.Minute, func() { panic("the reload waits for a question") }).Stop()
			i.restart(t, quick(1, ""), "<nil>")
			i.await(t, "generation.example.org.", dns.TypeTXT, `"1"`)
		})
	}
}

// makeBlocking makes this process's socket with an address a blocking one.
func makeBlocking(t *testing.T, socket net.Addr) {
	t.Helper()
	kind := map[string]int{"udp": syscall.SOCK_DGRAM, "tcp": syscall.SOCK_STREAM}[socket.Network()]
	port := netip.MustParseAddrPort(socket.String()).Port()
	for fd := range 1024 {
		if got, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE); err != nil || got != kind {
			continue
		}
		name, err := syscall.Getsockname(fd)
		if err != nil {
			continue
		}
		if local, ok := name.(*syscall.SockaddrInet6); ok && local.Port == int(port) {
			if err := syscall.SetNonblock(fd, false); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("Expected a socket at %s %s", socket.Network(), socket)
}
