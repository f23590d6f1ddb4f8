package harness

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Patience is how long a client waits for an answer. It is far beyond what an answer takes, so a query that runs into
// it was lost.
const Patience = 5 * time.Second

// Question returns a query without recursion desired and without EDNS.
func Question(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.RecursionDesired = false
	return m
}

// Ask sends one question over UDP, once, and returns the reply.
func (s *Server) Ask(t *testing.T, name string, qtype uint16) *dns.Msg {
	t.Helper()
	return s.Exchange(t, "udp", Question(name, qtype))
}

// Exchange sends one message, once, and returns the reply.
func (s *Server) Exchange(t *testing.T, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	reply, _, err := (&dns.Client{Net: network, Timeout: Patience}).Exchange(m, s.Addr)
	if err != nil {
		t.Fatalf("Expected an answer to %s %s, got error: %v", m.Question[0].Name,
			dns.TypeToString[m.Question[0].Qtype], err)
	}
	return reply
}

// Wire sends one message over UDP and returns the reply as it came, to judge its size.
func (s *Server) Wire(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	packed, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(Patience))
	if _, err := conn.Write(packed); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(reply)
	if err != nil {
		t.Fatalf("Expected an answer to %s, got error: %v", m.Question[0].Name, err)
	}
	return reply[:n]
}

// Answer returns the data of the answer section, sorted, each record as "TYPE data".
func Answer(m *dns.Msg) []string {
	data := make([]string, 0, len(m.Answer))
	for _, rr := range m.Answer {
		data = append(data, dns.Type(rr.Header().Rrtype).String()+" "+Rdata(rr))
	}
	slices.Sort(data)
	return data
}

// Rdata renders the data of a record as a zone file would.
func Rdata(rr dns.RR) string {
	if unknown, is := rr.(*dns.RFC3597); is {
		return fmt.Sprintf(`\# %d %s`, len(unknown.Rdata)/2, unknown.Rdata)
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// Addresses asks for a name and returns the data of its A or AAAA records, sorted and joined by a blank.
func (s *Server) Addresses(t *testing.T, name string, qtype uint16) string {
	t.Helper()
	m := s.Ask(t, name, qtype)
	var found []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype {
			found = append(found, Rdata(rr))
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// A is Addresses for IPv4, of a name in example.org.
func (s *Server) A(t *testing.T, label string) string {
	t.Helper()
	return s.Addresses(t, label+".example.org.", dns.TypeA)
}

// TTL returns the TTL of the first record of an answer, in seconds.
func (s *Server) TTL(t *testing.T, name string, qtype uint16) uint32 {
	t.Helper()
	m := s.Ask(t, name, qtype)
	if len(m.Answer) == 0 {
		t.Fatalf("Expected an answer to %s, got none: %v", name, m)
	}
	return m.Answer[0].Header().Ttl
}

// Serial returns the serial of a zone.
func (s *Server) Serial(t *testing.T, zone string) uint32 {
	t.Helper()
	m := s.Ask(t, zone, dns.TypeSOA)
	if len(m.Answer) != 1 {
		t.Fatalf("Expected the SOA of %s, got: %v", zone, m)
	}
	soa, ok := m.Answer[0].(*dns.SOA)
	if !ok {
		t.Fatalf("Expected the SOA of %s, got: %v", zone, m)
	}
	return soa.Serial
}

// AwaitA waits until the only address of a name in example.org is the wanted one; "" waits for no address.
func (s *Server) AwaitA(t *testing.T, within time.Duration, label, want string) {
	t.Helper()
	last := ""
	deadline := time.Now().Add(within)
	for time.Now().Before(deadline) {
		if last = s.A(t, label); last == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("Expected %s to answer %q within %v, still got %q", label, want, within, last)
}

// CheckNegative says what is wrong with a reply that has to be negative with exactly the zone's SOA, or nothing.
func CheckNegative(m *dns.Msg, rcode int, zone string) error {
	if m.Rcode != rcode || len(m.Answer) != 0 {
		return fmt.Errorf("expected %s without an answer, got: %v", dns.RcodeToString[rcode], m)
	}
	if !m.Authoritative {
		return fmt.Errorf("expected an authoritative reply, got: %v", m)
	}
	if len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA || m.Ns[0].Header().Name != zone {
		return fmt.Errorf("expected exactly the SOA of %s in the authority section, got: %v", zone, m)
	}
	return nil
}
