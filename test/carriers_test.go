package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/coredns/pb"
	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// carrier sends the octets of a message in its way and returns those of the reply, or why there is none.
type carrier func(ctx context.Context, wire []byte) ([]byte, error)

// transports is a server that answers the same over everything that CoreDNS can listen on.
type transports struct {
	*harness.Server

	config *tls.Config // for its clients, who trust its authority and no other
}

func startTransports(t *testing.T, e *harness.Endpoint) *transports {
	t.Helper()
	ca := newAuthority(t)
	corefile := fmt.Sprintf(`(zone) {
		bind 127.0.0.1
		errors
		failover {
			ttl 60s 10s
			check web %s %s
			primary   www 192.0.2.1 check web
			secondary www 198.51.100.1
			static    own CNAME www
			static    big TXT %s
		}
	}
	example.org:@DNS@ {
		import zone
	}
	`, e.URL(), timing, manyStrings(20))
	for _, scheme := range []string{"tls", "https", "quic", "grpc", "https3"} {
		corefile += fmt.Sprintf("%s://example.org:@%s@ {\n tls pair.pem pair.pem\n import zone\n}\n",
			scheme, strings.ToUpper(scheme))
	}
	s := harness.Start(t, corefile, "pair.pem", pemPair(t, ca.issue(t, peerName, time.Hour)))
	return &transports{s, &tls.Config{RootCAs: ca.pool(), ServerName: peerName}}
}

// manyStrings are n different values of 200 octets.
func manyStrings(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " %q", fmt.Sprintf("%03d", i)+strings.Repeat("x", 197))
	}
	return b.String()
}

func (s *transports) address(word string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Ports[word]))
}

// carriers are the ways to the server, by name.
func (s *transports) carriers(t *testing.T) map[string]carrier {
	t.Helper()
	overTLS := &http.Transport{TLSClientConfig: s.config.Clone(), ForceAttemptHTTP2: true}
	overQUIC := &http3.Transport{TLSClientConfig: s.config.Clone()}
	conn, err := grpc.NewClient(s.address("@GRPC@"), grpc.WithTransportCredentials(credentials.NewTLS(s.config.Clone())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		overTLS.CloseIdleConnections()
		overQUIC.Close()
		conn.Close()
	})
	web, web3 := "https://"+s.address("@HTTPS@")+"/dns-query", "https://"+s.address("@HTTPS3@")+"/dns-query"
	return map[string]carrier{
		"UDP": func(ctx context.Context, wire []byte) ([]byte, error) {
			return datagram(ctx, s.Addr, wire)
		},
		"TCP": func(ctx context.Context, wire []byte) ([]byte, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
			return stream(ctx, conn, err, wire)
		},
		"TLS": func(ctx context.Context, wire []byte) ([]byte, error) {
			conn, err := (&tls.Dialer{Config: s.config.Clone()}).DialContext(ctx, "tcp", s.address("@TLS@"))
			return stream(ctx, conn, err, wire)
		},
		"HTTPS POST": func(ctx context.Context, wire []byte) ([]byte, error) { return post(ctx, overTLS, web, wire) },
		"HTTPS GET": func(ctx context.Context, wire []byte) ([]byte, error) {
			url := web + "?dns=" + base64.RawURLEncoding.EncodeToString(wire)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			return fetch(overTLS, r, err)
		},
		"HTTPS over QUIC": func(ctx context.Context, wire []byte) ([]byte, error) { return post(ctx, overQUIC, web3, wire) },
		"QUIC": func(ctx context.Context, wire []byte) ([]byte, error) {
			config := s.config.Clone()
			config.NextProtos = []string{"doq"}
			conn, err := quic.DialAddr(ctx, s.address("@QUIC@"), config, nil)
			if err != nil {
				return nil, err
			}
			defer func() { _ = conn.CloseWithError(0, "") }()
			st, err := conn.OpenStreamSync(ctx)
			if err != nil {
				return nil, err
			}
			wire = append([]byte{0, 0}, wire[2:]...) // the id is 0 (RFC 9250, section 4.2.1)
			return exchange(ctx, st, wire)
		},
		"gRPC": func(ctx context.Context, wire []byte) ([]byte, error) {
			reply, err := pb.NewDnsServiceClient(conn).Query(ctx, &pb.DnsPacket{Msg: wire})
			return reply.GetMsg(), err
		},
	}
}

func datagram(ctx context.Context, address string, wire []byte) ([]byte, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	reply := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(reply)
	return reply[:n], err
}

func stream(ctx context.Context, conn net.Conn, err error, wire []byte) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return exchange(ctx, halfOpen{conn}, wire)
}

// halfOpen is a connection that stays open for the reply when the query has been sent.
type halfOpen struct{ net.Conn }

func (halfOpen) Close() error { return nil }

// exchange sends a message with its length in front, and reads one. Closing ends the sending only.
func exchange(ctx context.Context, conn interface {
	io.ReadWriteCloser
	SetDeadline(deadline time.Time) error
}, wire []byte,
) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
		return nil, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	length := make([]byte, 2)
	if _, err := io.ReadFull(conn, length); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(length))
	_, err := io.ReadFull(conn, reply)
	return reply, err
}

func post(ctx context.Context, by http.RoundTripper, url string, wire []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(wire))
	if err == nil {
		r.Header.Set("Content-Type", "application/dns-message")
	}
	return fetch(by, r, err)
}

// fetch wants what an HTTP cache may hold to be held for no longer than the lowest TTL in it (RFC 8484, section 5.1).
func fetch(by http.RoundTripper, r *http.Request, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	resp, err := by.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	var m dns.Msg
	if err := m.Unpack(body); err != nil {
		return nil, err
	}
	for _, rr := range append(m.Answer, m.Ns...) {
		var age uint32
		if _, err := fmt.Sscanf(resp.Header.Get("Cache-Control"), "max-age=%d", &age); err != nil || age > rr.Header().Ttl {
			return nil, fmt.Errorf("%q for a TTL of %d", resp.Header.Get("Cache-Control"), rr.Header().Ttl)
		}
	}
	return body, nil
}

// ask wants a reply to a question.
func (c carrier) ask(t *testing.T, name string, qtype uint16) *dns.Msg {
	t.Helper()
	return c.send(t, harness.Question(name, qtype))
}

func (c carrier) send(t *testing.T, q *dns.Msg) *dns.Msg {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	wire, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c(ctx, wire)
	if err != nil {
		t.Fatalf("Expected a reply to %v, got error: %v", q, err)
	}
	var m dns.Msg
	if err := m.Unpack(reply); err != nil {
		t.Fatal(err)
	}
	return &m
}
