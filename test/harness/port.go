package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// FreePort returns a port that nobody listens on, for UDP nor TCP, and never the same one twice: CoreDNS shares its
// ports (SO_REUSEPORT), so two servers that were given the same would answer for each other. It lies below the ports
// that systems give to outgoing connections, as those of probes: one of them could take it until it is listened on, or
// while an endpoint is dead.
func FreePort(t *testing.T) int {
	t.Helper()
	handedOut.mu.Lock()
	defer handedOut.mu.Unlock()
	for range 1000 {
		port := 12_000 + rand.IntN(20_000)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		p, err := net.ListenPacket("udp", addr)
		l.Close()
		if err != nil {
			continue
		}
		p.Close()
		if !handedOut.ports[port] {
			handedOut.ports[port] = true
			return port
		}
	}
	t.Fatal("No port is free for both UDP and TCP")
	return 0
}

var handedOut = struct {
	mu    sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// Listen listens on a port from FreePort. A port that was tried there, or that a dead endpoint had, can be taken for a
// moment longer: by a process that is being started just then, until it has closed what it inherits.
func Listen(address string) (net.Listener, error) {
	for deadline := time.Now().Add(Soon); ; time.Sleep(time.Millisecond) {
		l, err := net.Listen("tcp", address)
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return l, err
		}
	}
}
