package test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestD01_TheSameOverEveryTransport asks over each of them, while the primary is healthy and when it is not.
func TestD01_TheSameOverEveryTransport(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := startTransports(t, e)
	carriers := s.carriers(t)
	s.settle(t)
	for _, address := range []string{"192.0.2.1", "198.51.100.1"} {
		s.AwaitA(t, harness.Soon, "www", address)
		for name, carrier := range carriers {
			t.Run(name+" "+address, func(t *testing.T) {
				if got := harness.Answer(carrier.ask(t, "own.Example.org.", dns.TypeA)); len(got) != 2 || got[0] != "A "+address {
					t.Errorf("Expected a CNAME and %s, got %q", address, got)
				}
				for qname, rcode := range map[string]int{"nope": dns.RcodeNameError, "www": dns.RcodeSuccess} {
					m := carrier.ask(t, qname+".example.org.", dns.TypeMX)
					if err := harness.CheckNegative(m, rcode, "example.org."); err != nil {
						t.Error(err)
					}
				}
				m := carrier.ask(t, "www.example.net.", dns.TypeA)
				if m.Rcode != dns.RcodeRefused {
					t.Errorf("Expected REFUSED for a zone of others, got: %v", m)
				}
			})
		}
		e.Set(harness.Fail)
	}
}

func (s *transports) settle(t *testing.T) {
	t.Helper()
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool {
		return s.TTL(t, "www.example.org.", dns.TypeA) == 60
	})
}

// TestD06_LongAnswersOverEveryTransport asks for more than a datagram holds.
func TestD06_LongAnswersOverEveryTransport(t *testing.T) {
	t.Parallel()
	s := startTransports(t, harness.Serve(t))
	for name, carrier := range s.carriers(t) {
		for announced, cut := range map[uint16]bool{
			// CoreDNS takes QUIC for UDP, and cuts.
			0: name == "UDP" || name == "QUIC" || name == "HTTPS over QUIC", 8192: false,
		} {
			q := harness.Question("big.example.org.", dns.TypeTXT)
			if announced > 0 {
				q.SetEdns0(announced, false)
			}
			m := carrier.send(t, q)
			if m.Truncated != cut || (len(m.Answer) == 20) == cut {
				t.Errorf("%s, %d announced: got %d of 20 records, TC %v", name, announced, len(m.Answer), m.Truncated)
			}
		}
	}
}

// TestD06_OddMessagesOverEveryTransport sends what is not to be answered with data, nor to stop the server.
func TestD06_OddMessagesOverEveryTransport(t *testing.T) {
	t.Parallel()
	s := startTransports(t, harness.Serve(t))
	normal := question(wireName("www", "example", "org"), dns.TypeA, dns.ClassINET)
	odd := map[string][]byte{
		"a reply":                        append(header(0, 0x8000, 1), normal...),
		"no question":                    header(0, 0),
		"a question that is not there":   header(0, 0, 1),
		"two questions":                  append(append(header(0, 0, 2), normal...), normal...),
		"an update":                      append(header(0, 5<<11, 1), normal...),
		"another class":                  append(header(0, 0, 1), question("\x03www\x00", dns.TypeA, dns.ClassCHAOS)...),
		"a pointer to itself":            append(header(0, 0, 1), 0xc0, 12, 0, 1, 0, 1),
		"octets that mean nothing":       bytes.Repeat([]byte{0x5a}, 100),
		"half a header":                  header(0, 0, 1)[:5],
		"a question with half an answer": append(append(header(0, 0, 1, 1), normal...), 0xc0, 12, 0),
	}
	for name, carrier := range s.carriers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, wire := range odd {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				reply, err := carrier(ctx, wire)
				cancel()
				var m dns.Msg
				switch {
				case err != nil: // to say nothing, or to close, is right for all of them
				case m.Unpack(reply) != nil, what == "a reply", m.Rcode == dns.RcodeSuccess, len(m.Answer) > 0:
					t.Errorf("%s: expected an error at most, got %x", what, reply)
				}
				if got := harness.Answer(carrier.ask(t, "www.example.org.", dns.TypeA)); len(got) != 1 {
					t.Errorf("After %s: expected an answer, got %q", what, got)
				}
			}
		})
	}
}

// TestManyQueriesOverOneConnection sends all before it reads the first reply (RFC 7766, section 6.2.1.1).
func TestManyQueriesOverOneConnection(t *testing.T) {
	t.Parallel()
	s := startTransports(t, harness.Serve(t))
	for network, address := range map[string]string{"tcp": s.Addr, "tcp-tls": s.address("@TLS@")} {
		client := dns.Client{Net: network, TLSConfig: s.config, Timeout: harness.Patience}
		conn, err := client.Dial(address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(harness.Patience))
		const n = 100
		waiting := map[uint16]bool{}
		for i := range n {
			q := harness.Question("www.example.org.", dns.TypeA)
			q.Id = uint16(i)
			waiting[q.Id] = true
			if err := conn.WriteMsg(q); err != nil {
				t.Fatal(err)
			}
		}
		for range n {
			m, err := conn.ReadMsg()
			if err != nil {
				t.Fatalf("%s: %d replies are missing: %v", network, len(waiting), err)
			}
			if !waiting[m.Id] || len(m.Answer) != 1 {
				t.Errorf("%s: expected one answer to each query, got: %v", network, m)
			}
			delete(waiting, m.Id)
		}
	}
}
