package health

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// TestH03_RealServerFallsAndRises has no fakes in it: real time, real sockets, real probers.
func TestH03_RealServerFallsAndRises(t *testing.T) {
	var down, probes atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		probes.Add(1)
		if down.Load() == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	at := server.Listener.Addr().(*net.TCPAddr).AddrPort()
	p := probe.Spec{
		Scheme: probe.HTTP, Host: at.Addr().String(), Port: at.Port(), Path: "/", Method: "GET", Status: "200",
	}.ID()
	r := NewRegistry(Options{})
	quick := Timing{Interval: 100 * time.Millisecond, Timeout: time.Second, Fast: 20 * time.Millisecond, Fall: 3, Rise: 2}
	l := acquire(t, r, Definition{Probe: p, Timing: quick})
	await(t, l, Healthy)
	down.Store(1)
	await(t, l, Unhealthy)
	if s := l.Status(0); s.Reason != probe.ReasonStatus || s.Detail != "status 503" {
		t.Errorf("Got %+v", s)
	}
	down.Store(0)
	await(t, l, Healthy)
	l.Release()
	r.Wait()
	after := probes.Load()
	time.Sleep(2 * quick.Interval) // nothing to wait for: no attempt may come
	if probes.Load() != after {
		t.Error("Probed after the last release")
	}
}
