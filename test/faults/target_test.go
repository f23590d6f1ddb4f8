//go:build linux

package faults

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// target is an HTTP server behind any number of addresses that notes when connections come. It is always well.
type target struct {
	port int
	// pause is how long it takes to answer.
	pause atomic.Int64

	mu       sync.Mutex
	accepted []time.Time
	from     map[string]int // connections by the address that they came to
}

// serve starts a target on a port of the loopback's addresses, or, in a world, of its addresses.
func serve(t *testing.T, w *world, tls bool) *target {
	t.Helper()
	g := &target{port: harness.FreePort(t), from: map[string]int{}}
	listen := func(port int) (net.Listener, error) { return harness.Listen(fmt.Sprintf(":%d", port)) }
	if w != nil {
		listen = w.listen
	}
	l, err := listen(g.port)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(g)
	server.Listener.Close()
	server.Listener = noting{l, g}
	server.Config.ErrorLog = silent
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	// Nothing is waited for: a connection of a world that is cut off never ends.
	t.Cleanup(func() { server.Config.Close() })
	return g
}

type noting struct {
	net.Listener
	target *target
}

func (l noting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		host, _, _ := net.SplitHostPort(conn.LocalAddr().String())
		l.target.mu.Lock()
		l.target.accepted = append(l.target.accepted, time.Now())
		l.target.from[host]++
		l.target.mu.Unlock()
	}
	return conn, err
}

func (g *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if pause := time.Duration(g.pause.Load()); pause > 0 {
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// count returns how many connections have come.
func (g *target) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.accepted)
}

// times returns when connections came, from the nth on.
func (g *target) times(n int) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.accepted[n:])
}

// busiest returns the most of the times that lie within a window of the length given.
func busiest(times []time.Time, window time.Duration) int {
	most, first := 0, 0
	for i, at := range times {
		for at.Sub(times[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
