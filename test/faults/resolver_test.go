//go:build linux

package faults

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// systemResolver is what resolv.conf names in our namespace.
const systemResolver = "127.0.0.53"

// stub is a resolver that knows one address for all names under known.example.com, until it is told to misbehave.
type stub struct {
	mood  atomic.Int32
	asked atomic.Int64
}

const (
	answers int32 = iota
	fails         // answers SERVFAIL
	silence       // does not answer
)

// resolve starts a stub.
func resolve(t *testing.T, address string) *stub {
	t.Helper()
	r := new(stub)
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: r}, {Listener: l, Handler: r}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return r
}

func (r *stub) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r.asked.Add(1)
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	switch mood := r.mood.Load(); {
	case mood == silence:
		return
	case mood == fails, !dns.IsSubDomain("known.example.com.", q.Question[0].Name):
		m.Rcode = dns.RcodeServerFailure
	case q.Question[0].Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1},
			A:   net.IPv4(127, 0, 0, 1),
		}}
	}
	_ = w.WriteMsg(m)
}

// TestF11_ResolverGone breaks the resolver of hosts that are well: the system's, and one that the check names.
func TestF11_ResolverGone(t *testing.T) {
	t.Parallel()
	t.Run("system", func(t *testing.T) {
		t.Parallel()
		resolverGone(t, resolve(t, net.JoinHostPort(systemResolver, "53")), "")
	})
	t.Run("named", func(t *testing.T) {
		t.Parallel()
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(harness.FreePort(t)))
		resolverGone(t, resolve(t, address), "resolver "+address)
	})
}

func resolverGone(t *testing.T, r *stub, words string) {
	t.Helper()
	const checks = 5
	web := serve(t, nil, false)
	stanza := "check * interval 1s timeout 800ms fast 300ms fall 2 " + words + "\n"
	for n := range checks {
		stanza += fmt.Sprintf("check web%d http://web%d.known.example.com:%d/\nanswer web%d 192.0.2.1 check web%d\n",
			n, n, web.port, n, n)
	}
	// One whose name was never resolved: nothing is known of it, and nothing is made up.
	stanza += fmt.Sprintf("check never http://never.example.com:%d/\nanswer never 192.0.2.1 check never", web.port)
	s := start(t, stanza)
	awaitHealthy(t, s, checks)
	for _, mood := range []int32{fails, silence} {
		r.mood.Store(mood)
		seen, asked := web.count(), r.asked.Load()
		during(t, 5*time.Second, nothingFalls(s))
		if got := web.count() - seen; got < 3*checks {
			t.Errorf("Mood %d: expected probes to go on to the addresses from before, got %d", mood, got)
		}
		if r.asked.Load() == asked {
			t.Errorf("Mood %d: expected the resolver to be asked, it was not", mood)
		}
	}
	if got := s.Metric(t, "coredns_failover_probes_total", "check", "never", "reason", "resolver"); got < 2 {
		t.Errorf("Expected probes without an address to be indeterminate, got %v", got)
	}
	if got := s.Metric(t, "coredns_failover_check_state", "check", "never"); got != -1 {
		t.Errorf("Expected a check that was never resolved to stay unknown, got %v", got)
	}
	wantNoneFallen(t, s)
}
