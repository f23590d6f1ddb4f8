package test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// crowd is a number of clients that ask without a pause and judge each answer.
type crowd struct {
	wg      sync.WaitGroup
	ended   chan struct{}
	asked   atomic.Int64
	mu      sync.Mutex
	first   error
	failed  int
	slowest time.Duration
}

// query lets a crowd loose on the server, at the Corefile of generation.
func query(t *testing.T, s *harness.Server) *crowd {
	t.Helper()
	c := &crowd{ended: make(chan struct{})}
	for i := range 4 {
		network := "udp"
		if i == 3 {
			network = "tcp"
		}
		c.wg.Go(func() { c.run(network, s.Addr) })
	}
	return c
}

// stop ends the crowd, and fails the test if an answer was wrong or missing.
func (c *crowd) stop(t *testing.T) {
	t.Helper()
	close(c.ended)
	c.wg.Wait()
	if c.failed > 0 {
		t.Errorf("Expected all of %d queries to be answered rightly, %d were not, the first: %v", c.asked.Load(), c.failed, c.first)
	}
	t.Logf("%d queries, the slowest took %v", c.asked.Load(), c.slowest)
}

func (c *crowd) run(network, addr string) {
	client := dns.Client{Net: network, Timeout: harness.Patience}
	var conn *dns.Conn
	serial := uint32(0)
	for i := 0; ; i++ {
		select {
		case <-c.ended:
			if conn != nil {
				conn.Close()
			}
			return
		case <-time.After(time.Millisecond): // A bounded load: the reloads are to be tested, not the machine.
		}
		// A new TCP connection each time: an old one may be closed by a reload, as by any server that ends.
		if conn == nil || network == "tcp" {
			if conn != nil {
				conn.Close()
			}
			var err error
			if conn, err = client.Dial(addr); err != nil {
				c.note(err, 0)
				conn = nil
				continue
			}
		}
		q := crowdQuestions[i%len(crowdQuestions)]
		m := harness.Question(q.name, q.qtype)
		reply, took, err := client.ExchangeWithConn(m, conn)
		if network == "tcp" && closed(err) {
			// A server that ends may close a connection that it has accepted but not read from; the client has to
			// ask again (RFC 7766, section 6.2.4). CoreDNS does so on a reload, whatever its plugins.
			reply, took, err = client.Exchange(m, addr)
		}
		if err == nil {
			err = q.judge(reply)
		}
		if err == nil && q.qtype == dns.TypeSOA {
			now := reply.Answer[0].(*dns.SOA).Serial
			if serial != 0 && int32(now-serial) < 0 {
				err = fmt.Errorf("serial fell from %d to %d", serial, now)
			}
			serial = now
		}
		c.note(err, took)
	}
}

// closed tells that the other side closed the connection.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (c *crowd) note(err error, took time.Duration) {
	c.asked.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slowest = max(c.slowest, took)
	if err != nil {
		c.failed++
		if c.first == nil {
			c.first = fmt.Errorf("%s: %w", time.Now().Format(time.TimeOnly), err)
		}
	}
}

var crowdQuestions = []struct {
	name  string
	qtype uint16
	judge func(*dns.Msg) error
}{
	{"www.example.org.", dns.TypeA, isOnly("A 198.51.100.1")},
	{"api.example.org.", dns.TypeA, isOnly("A 192.0.2.2")},
	{"www.example.org.", dns.TypeAAAA, isNegative(dns.RcodeSuccess)},
	{"nope.example.org.", dns.TypeA, isNegative(dns.RcodeNameError)},
	{"example.org.", dns.TypeNS, isOnly("NS ns.dns.example.org.")},
	{"example.org.", dns.TypeSOA, func(m *dns.Msg) error {
		if len(m.Answer) != 1 || m.Answer[0].Header().Rrtype != dns.TypeSOA {
			return fmt.Errorf("expected the SOA, got: %v", m)
		}
		return nil
	}},
}

func isOnly(want string) func(*dns.Msg) error {
	return func(m *dns.Msg) error {
		if got := harness.Answer(m); len(got) != 1 || got[0] != want || !m.Authoritative {
			return fmt.Errorf("expected %s only, got: %v", want, m)
		}
		return nil
	}
}

func isNegative(rcode int) func(*dns.Msg) error {
	return func(m *dns.Msg) error { return harness.CheckNegative(m, rcode, "example.org.") }
}
