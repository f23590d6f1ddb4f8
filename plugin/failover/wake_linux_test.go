package failover

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

func init() { plugin.Register("freeze", freeze) }

// freeze is a plugin that puts the readers of the old configuration to sleep while the new one starts, as happens to
// one that comes back to its socket just as a reload copies that. Copying ends with sockets that are non-blocking.
func freeze(c *caddy.Controller) error {
	c.Next()
	c.OnStartup(func() error {
		if len(caddy.Instances()) == 1 {
			return nil // the first start
		}
		for _, socket := range sockets(caddy.Instances()[0]) {
			if err := setNonblock(socket, false); err != nil {
				return err
			}
			// With this one the reader comes back to its socket.
			r := new(dns.Msg)
			r.SetQuestion("generation.example.org.", dns.TypeTXT)
			if _, _, err := (&dns.Client{Net: socket.Network()}).Exchange(r, socket.String()); err != nil {
				return err
			}
		}
		return nil
	})
	c.OnRestartFailed(func() error {
		for _, socket := range sockets(caddy.Instances()[0]) {
			if err := setNonblock(socket, true); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

func sockets(i *caddy.Instance) []net.Addr {
	return []net.Addr{i.Servers()[0].LocalAddr(), i.Servers()[0].Addr()}
}

// setNonblock has this process's socket with an address be a non-blocking one, or a blocking one.
func setNonblock(socket net.Addr, nonblocking bool) error {
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
			return syscall.SetNonblock(fd, nonblocking)
		}
	}
	return fmt.Errorf("no socket at %s %s", socket.Network(), socket)
}

// A reader that sleeps in the kernel slept until somebody asked, and with it a reload, or the end of a server whose
// reload had failed.
func TestO03_NothingWaitsForTheNextQuestion(t *testing.T) {
	for _, test := range []struct {
		what     string
		new, err string
	}{
		{"a reload", "freeze", "<nil>"},
		{"the end after a failed reload", "freeze\nstumble startup", "stumbled startup"},
	} {
		t.Run(test.what, func(t *testing.T) {
			defer time.AfterFunc(time.Minute, func() { panic(test.what + " waits for a question") }).Stop()
			i := boot(t, quick(0, "freeze"))
			i.restart(t, quick(1, test.new), test.err)
			i.end(t)
		})
	}
}
