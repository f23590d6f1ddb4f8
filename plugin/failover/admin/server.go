package admin

import (
	"context"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxHeader is the most octets of the header of a request.
const maxHeader = 16 << 10

// farewell is how long requests under way may take when a listener is closed.
const farewell = time.Second

// timeouts bound a connection. Nobody who is slow keeps one for long, but for streams, which are closed when their client
// does not read.
type timeouts struct{ header, read, write, idle time.Duration }

var usual = timeouts{header: 5 * time.Second, read: 10 * time.Second, write: 15 * time.Second, idle: 60 * time.Second}

// Line is an address of the API and who may come in there.
type Line struct {
	Network string // "tcp" or "unix"
	Address string // HOST:PORT or a path
	// Local tells that only this machine can connect.
	Local bool
	// Token gives the token of now; nil without one.
	Token func() string
	// CertFile and KeyFile are for TLS, empty without; CAFile is for the certificates of clients, empty where they need
	// none. They are read again when they change.
	CertFile, KeyFile, CAFile string
}

// Servers are the listeners of a process. The zero value with a Backend is ready.
type Servers struct {
	Backend Backend
	// Panicked is told the value of a panic that a request or a stream survived, from within the panic.
	Panicked func(value any)

	mu    sync.Mutex
	sites map[string]*site // by address
	hub   hub
	gates gates
	pace  pace
	once  sync.Once
	mux   http.Handler
	// timeouts are the usual ones if they are zero.
	timeouts timeouts
}

// Lease is the use of a line.
type Lease struct {
	servers *Servers
	site    *site
	release sync.Once
}

// site is a listener and those who use it.
type site struct {
	address  string
	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed when the server has ended
	// line is that of the newest lease.
	line  atomic.Pointer[secured]
	users []user
}

// secured is a Line with its certificates.
type secured struct {
	Line

	credentials *credentials // nil without TLS
}

type user struct {
	lease *Lease
	line  *secured
}

// Acquire has a line answered. An address that is already is answered as the new line says, from the next request on, or
// for TLS from the next connection on.
func (s *Servers) Acquire(line Line) (*Lease, error) {
	s.once.Do(s.setup)
	with := &secured{Line: line}
	if line.CertFile != "" {
		var err error
		if with.credentials, err = newCredentials(line); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := line.Network + " " + line.Address
	at := s.sites[key]
	if at == nil {
		l, err := listen(line.Network, line.Address)
		if err != nil {
			return nil, err
		}
		at = &site{address: key, listener: l, served: make(chan struct{})}
		if s.sites == nil {
			s.sites = make(map[string]*site)
		}
		s.sites[key] = at
		at.line.Store(with)
		s.serve(at)
	}
	lease := &Lease{servers: s, site: at}
	at.users = append(at.users, user{lease, with})
	at.line.Store(with)
	return lease, nil
}

func (s *Servers) setup() {
	s.hub.backend, s.hub.panicked = s.Backend, s.Panicked
	s.mux = s.handler()
	s.pace = newPace()
	if s.timeouts == (timeouts{}) {
		s.timeouts = usual
	}
}

// siteKey is the key for the site of a connection.
type siteKey struct{}

// serve answers at a site until it is closed.
func (s *Servers) serve(at *site) {
	at.server = &http.Server{
		Handler:           s.mux,
		ReadHeaderTimeout: s.timeouts.header, ReadTimeout: s.timeouts.read,
		WriteTimeout: s.timeouts.write, IdleTimeout: s.timeouts.idle,
		MaxHeaderBytes: maxHeader,
		// What clients do wrong in TLS or HTTP they are told themselves; in the log it would be theirs to fill.
		ErrorLog:    stdlog.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), siteKey{}, at) },
	}
	gate := &gateway{Listener: at.listener, site: at, gates: &s.gates}
	go func() {
		defer close(at.served)
		_ = at.server.Serve(gate) // ends with http.ErrServerClosed
	}()
}

// Release ends the use of the line. A listener that nobody uses any more is closed; requests under way get a moment. It
// may be called again.
func (l *Lease) Release() { l.release.Do(func() { l.servers.drop(l) }) }

func (s *Servers) drop(l *Lease) {
	at := l.site
	s.mu.Lock()
	at.users = slices.DeleteFunc(at.users, func(u user) bool { return u.lease == l })
	unused := len(at.users) == 0
	if unused {
		delete(s.sites, at.address)
		_ = at.listener.Close() // under the lock, so that another can listen there when it has it
	} else {
		at.line.Store(at.users[len(at.users)-1].line)
	}
	s.mu.Unlock()
	if unused {
		s.close(at)
	}
}

// close ends what goes on at a site.
func (s *Servers) close(at *site) {
	s.hub.dismiss(at)
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if at.server.Shutdown(ctx) != nil {
		_ = at.server.Close()
	}
	<-at.served
}
