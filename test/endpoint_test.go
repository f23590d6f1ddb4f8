package test

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// mode is how an endpoint treats a probe.
type mode int

const (
	ok    mode = iota
	fail       // answers 500
	hang       // takes the request and never answers
	drip       // sends its answer so slowly that it never ends
	empty      // answers 200 without the text that a match looks for
)

// endpoint is a real HTTP server that a check probes. It can be told to misbehave and remembers when it was probed.
type endpoint struct {
	port int

	mu      sync.Mutex
	mode    mode
	probes  []time.Time
	servers []*http.Server
	hosts   []string
}

// serve starts an endpoint on a free port of each host given, 127.0.0.1 by default.
func serve(t *testing.T, hosts ...string) *endpoint {
	t.Helper()
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1"}
	}
	e := &endpoint{hosts: hosts, port: freePort(t)}
	e.revive(t)
	t.Cleanup(e.kill)
	return e
}

// revive listens, again after kill, on the same port.
func (e *endpoint) revive(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, host := range e.hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(e.port)))
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
		e.servers = append(e.servers, server)
		go func() { _ = server.Serve(l) }()
	}
}

// kill ends the endpoint as the end of its process would: connections are refused from now on.
func (e *endpoint) kill() {
	e.mu.Lock()
	servers := e.servers
	e.servers = nil
	e.mu.Unlock()
	for _, server := range servers {
		server.Close()
	}
}

func (e *endpoint) set(m mode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mode = m
}

func (e *endpoint) url() string { return fmt.Sprintf("http://127.0.0.1:%d/healthz", e.port) }

// count returns how many probes have come.
func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.probes)
}

// times returns when the probes from the nth on came.
func (e *endpoint) times(n int) []time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]time.Time(nil), e.probes[n:]...)
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.probes = append(e.probes, time.Now())
	m := e.mode
	e.mu.Unlock()
	switch m {
	case ok:
		fmt.Fprintln(w, "status: ok")
	case empty:
		fmt.Fprintln(w, "status: no")
	case fail:
		w.WriteHeader(http.StatusInternalServerError)
	case hang:
		<-r.Context().Done()
	case drip:
		w.Header().Set("Content-Length", "1000000")
		for r.Context().Err() == nil {
			fmt.Fprint(w, ".")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}
}
