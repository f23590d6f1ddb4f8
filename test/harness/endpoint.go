package harness

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Mode is how an endpoint treats a probe.
type Mode int

// The modes; OK is the one that an endpoint begins with.
const (
	OK    Mode = iota // answers 200
	Fail              // answers 500
	Hang              // takes the request and never answers
	Drip              // sends its answer so slowly that it never ends
	Empty             // answers 200 without the text that a match looks for
)

// Endpoint is a real HTTP server that a check probes. It can be told to misbehave and remembers when it was probed.
type Endpoint struct {
	Port int

	mu      sync.Mutex
	mode    Mode
	probes  []time.Time
	servers []*http.Server
	hosts   []string
}

// Serve starts an endpoint on a free port of each host given, 127.0.0.1 by default.
func Serve(t *testing.T, hosts ...string) *Endpoint {
	t.Helper()
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1"}
	}
	return ServeOn(t, FreePort(t), hosts...)
}

// ServeOn starts an endpoint on a port of each host given.
func ServeOn(t *testing.T, port int, hosts ...string) *Endpoint {
	t.Helper()
	e := &Endpoint{hosts: hosts, Port: port}
	e.Revive(t)
	t.Cleanup(e.Kill)
	return e
}

// Revive listens, again after Kill, on the same port.
func (e *Endpoint) Revive(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, host := range e.hosts {
		l, err := Listen(net.JoinHostPort(host, strconv.Itoa(e.Port)))
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
		e.servers = append(e.servers, server)
		go func() { _ = server.Serve(l) }()
	}
}

// Kill ends the endpoint as the end of its process would: connections are refused from now on.
func (e *Endpoint) Kill() {
	e.mu.Lock()
	servers := e.servers
	e.servers = nil
	e.mu.Unlock()
	for _, server := range servers {
		server.Close()
	}
}

// Set says how probes are treated from now on.
func (e *Endpoint) Set(m Mode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mode = m
}

// URL is the target for a check, on 127.0.0.1.
func (e *Endpoint) URL() string { return fmt.Sprintf("http://127.0.0.1:%d/healthz", e.Port) }

// Count returns how many probes have come.
func (e *Endpoint) Count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.probes)
}

// Times returns when the probes from the nth on came.
func (e *Endpoint) Times(n int) []time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]time.Time(nil), e.probes[n:]...)
}

func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.probes = append(e.probes, time.Now())
	m := e.mode
	e.mu.Unlock()
	switch m {
	case OK:
		fmt.Fprintln(w, "status: ok")
	case Empty:
		fmt.Fprintln(w, "status: no")
	case Fail:
		w.WriteHeader(http.StatusInternalServerError)
	case Hang:
		<-r.Context().Done()
	case Drip:
		w.Header().Set("Content-Length", "1000000")
		for r.Context().Err() == nil {
			fmt.Fprint(w, ".")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}
}
