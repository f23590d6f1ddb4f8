package harness

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Raw sends octets as they are, which may be no message at all, and returns what comes back, or nil if that is nothing
// until the time is up or the connection is closed. Over "tcp" the octets get their length in front.
func (s *Server) Raw(t *testing.T, network string, wire []byte, within time.Duration) []byte {
	t.Helper()
	return s.raw(t, new(net.Dialer), network, wire, within)
}

// RawFrom is Raw over UDP from another address of the loopback.
func (s *Server) RawFrom(t *testing.T, source string, m *dns.Msg, within time.Duration) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return s.raw(t, &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}, "udp", wire, within)
}

func (s *Server) raw(t *testing.T, dialer *net.Dialer, network string, wire []byte, within time.Duration) []byte {
	t.Helper()
	conn, err := dialer.DialContext(t.Context(), network, s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(within))
	if network == "tcp" {
		wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	}
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, dns.MaxMsgSize)
	if network == "tcp" {
		if _, err := io.ReadFull(conn, reply[:2]); err != nil {
			return nil
		}
		n, err := io.ReadFull(conn, reply[:binary.BigEndian.Uint16(reply)])
		if err != nil {
			t.Fatalf("Expected a whole reply over TCP, got %d octets and error: %v", n, err)
		}
		return reply[:n]
	}
	n, err := conn.Read(reply)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return reply[:n]
}

// AskFrom is Ask from another address of the loopback, for what depends on the client.
func (s *Server) AskFrom(t *testing.T, source, name string, qtype uint16) *dns.Msg {
	t.Helper()
	client := dns.Client{
		Timeout: Patience,
		Dialer:  &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}, Timeout: Patience},
	}
	reply, _, err := client.Exchange(Question(name, qtype), s.Addr)
	if err != nil {
		t.Fatalf("Expected an answer to %s %s for %s, got error: %v", name, dns.TypeToString[qtype], source, err)
	}
	return reply
}
