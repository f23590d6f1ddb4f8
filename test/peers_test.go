package test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// fault is the switch of a peer that goes wrong on demand.
type fault struct{ atomic.Bool }

func (f *fault) breakIt(*testing.T, *harness.Server) { f.Store(true) }
func (f *fault) mend(*testing.T, *harness.Server)    { f.Store(false) }

// address of a free port of a host.
func address(t *testing.T, host string) string {
	t.Helper()
	return net.JoinHostPort(host, strconv.Itoa(harness.FreePort(t)))
}

// listen listens until the test ends. With a configuration it speaks TLS.
func listen(t *testing.T, at string, config *tls.Config) net.Listener {
	t.Helper()
	l, err := harness.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return l
}

// serveWeb starts an HTTP server that ends with the test, if not before.
func serveWeb(t *testing.T, l net.Listener, handler http.HandlerFunc, protocols *http.Protocols) *http.Server {
	t.Helper()
	server := &http.Server{
		Handler: handler, Protocols: protocols, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // what goes wrong goes wrong on purpose
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return server
}

// serveStream gives every connection to handle and then closes it.
func serveStream(l net.Listener, handle func(net.Conn)) {
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				handle(conn)
			}()
		}
	}()
}

// datagrams answers "ping" with "pong", or when broken with something else, until it is closed.
type datagrams struct {
	fault
	at   string
	mu   sync.Mutex
	conn net.PacketConn
}

func (d *datagrams) open(t *testing.T) {
	t.Helper()
	conn, err := net.ListenPacket("udp", d.at)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.conn = conn
	d.mu.Unlock()
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			answer := "pong"
			if d.Load() {
				answer = "nope"
			}
			if string(buffer[:n]) == "ping" {
				_, _ = conn.WriteTo([]byte(answer), from)
			}
		}
	}()
}

func (d *datagrams) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn.Close()
}

func newDatagrams(t *testing.T, at string) *datagrams {
	t.Helper()
	d := &datagrams{at: at}
	d.open(t)
	t.Cleanup(d.close)
	return d
}

// nameServer knows www.example.net and, as a resolver, hosts under example.com, all of which are 127.0.0.1. What it says
// when it is broken depends on the mood.
type nameServer struct {
	fault
	at    string
	mood  func(m *dns.Msg)
	asked atomic.Int64
}

func serveNames(t *testing.T, at string, mood func(m *dns.Msg)) *nameServer {
	t.Helper()
	n := &nameServer{at: at, mood: mood}
	l := listen(t, at, nil)
	conn, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{Listener: l, Handler: n}, {PacketConn: conn, Handler: n}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return n
}

func (n *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	n.asked.Add(1)
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	name := q.Question[0].Name
	header := dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
	switch {
	case n.Load():
		n.mood(m)
	case q.Question[0].Qtype != dns.TypeA:
	case name == "www.example.net.":
		m.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4(192, 0, 2, 80)}}
	case dns.IsSubDomain("example.com.", name):
		m.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)}}
	default:
		m.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(m)
}

// The moods of a name server.
func moodServFail(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }
func moodNoSuch(m *dns.Msg)   { m.Rcode = dns.RcodeNameError }
func moodEmpty(*dns.Msg)      {}

// serveHealth starts a gRPC server with grpc.health.v1 for a service.
func serveHealth(t *testing.T, l net.Listener, config *tls.Config) *grpchealth.Server {
	t.Helper()
	var options []grpc.ServerOption
	if config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	server, health := grpc.NewServer(options...), grpchealth.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return health
}

// prometheusAPI answers instant queries: with its vector, or when broken with another.
type prometheusAPI struct {
	fault
	well, ill string // values of the one sample, or empty for an empty vector
}

func (p *prometheusAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/prom/api/v1/query" || r.FormValue("query") != `sum(up{job="web"}) > bool 2` {
		http.NotFound(w, r)
		return
	}
	value := p.well
	if p.Load() {
		value = p.ill
	}
	if value != "" {
		value = fmt.Sprintf(`{"metric":{},"value":[1700000000,%q]}`, value)
	}
	fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, value)
}

// readLine reads up to the end of a line.
func readLine(conn net.Conn) string {
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}
