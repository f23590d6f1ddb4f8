package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// icmpProber sends one echo request and passes when the reply to it comes. Any other answer that a router or the target
// gives is a failure.
//
// It does not use pro-bing, whose Pinger is made for a row of pings: one that may not send (ENOBUFS of a full queue,
// EACCES of a route that prohibits) tries again without a pause, whatever its context says; it takes an ICMP error for
// nothing; and it costs three goroutines, a timer for each and a poll of the socket.
type icmpProber struct {
	endpoint endpoint
}

func (s Spec) checkICMP() error {
	if s.Port != 0 {
		return errors.New("target: icmp has no ports")
	}
	return nil
}

// newICMPProber fails where this process may not ping.
func newICMPProber(s Spec, n *network) (Prober, error) {
	p := &icmpProber{endpoint: newEndpoint(s, n)}
	families := []int{0, 1}
	switch addr, source := p.endpoint.addr(), p.endpoint.source(); {
	case addr.IsValid():
		families = []int{family(addr)}
	case source.IsValid():
		families = []int{family(source)}
	}
	var err error
	for _, f := range families {
		// A name can have addresses of both families, so one that works is enough.
		if _, err = n.echo.way(f); err == nil {
			return p, nil
		}
	}
	return nil, err
}

func (p *icmpProber) Probe(ctx context.Context) (result Result) {
	var phases Phases
	defer func() { result.Phases = phases }()
	err := p.endpoint.each(ctx, &phases, "icmp", func(ctx context.Context, target netip.AddrPort) error {
		if err := p.ping(ctx, target.Addr(), &phases); err != nil {
			return classify(ctx, "icmp "+target.Addr().String(), err, ReasonInternal)
		}
		return nil
	})
	if err != nil {
		return classify(ctx, "icmp", err, ReasonInternal).result()
	}
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: "answered"}
}

// ping waits for the reply of target until ctx ends.
func (p *icmpProber) ping(ctx context.Context, target netip.Addr, phases *Phases) error {
	open, err := p.endpoint.network().echo.way(family(target))
	if err != nil {
		return indeterminate(ReasonPermission, err.Error())
	}
	conn, err := open(ctx, p.endpoint.source(), target)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer guard(ctx, conn)()
	request := newEcho(target.Is4())
	message, err := request.message()
	if err != nil {
		return err
	}
	sent := time.Now() // the reply can be there before Write returns
	if _, err := conn.Write(message); err != nil {
		return err
	}
	buffer := make([]byte, maxEcho)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return remote("icmp "+target.String(), err)
		}
		if request.answeredBy(buffer[:n]) {
			phases.took(&phases.FirstByte, sent)
			return nil
		}
	}
}

// maxEcho is what is read of a message, in bytes: our own echo with the longest IPv4 header, and room to tell a longer
// one from it.
const maxEcho = 128

// echo is one request. Identifier, number and data are random, so that no firewall takes two attempts for one, and only
// who has seen the request can answer it.
type echo struct {
	v4    bool
	id    uint16 // a ping socket of Linux puts its own in place of it, and takes only replies to that
	seq   uint16
	token [16]byte
}

func newEcho(v4 bool) *echo {
	e := &echo{v4: v4}
	var numbers [4]byte
	_, _ = rand.Read(numbers[:]) // it never fails
	_, _ = rand.Read(e.token[:])
	e.id, e.seq = binary.BigEndian.Uint16(numbers[:]), binary.BigEndian.Uint16(numbers[2:])
	return e
}

// message is the request as it is sent. The checksum of ICMPv6 is the kernel's.
func (e *echo) message() ([]byte, error) {
	m := icmp.Message{Type: ipv6.ICMPTypeEchoRequest}
	if e.v4 {
		m.Type = ipv4.ICMPTypeEcho
	}
	m.Body = &icmp.Echo{ID: int(e.id), Seq: int(e.seq), Data: e.token[:]}
	return m.Marshal(nil)
}

// answeredBy tells whether message is the reply. On a raw socket replies to others come along, and on the loopback the
// request itself. The identifier proves nothing that the data does not.
func (e *echo) answeredBy(message []byte) bool {
	if !bytes.HasSuffix(message, e.token[:]) {
		return false // nearly all others end here
	}
	protocol, reply := ipv6.ICMPTypeEchoReply.Protocol(), icmp.Type(ipv6.ICMPTypeEchoReply)
	if e.v4 {
		protocol, reply = ipv4.ICMPTypeEchoReply.Protocol(), ipv4.ICMPTypeEchoReply
	}
	m, err := icmp.ParseMessage(protocol, message)
	if err != nil || m.Type != reply || m.Code != 0 {
		return false
	}
	body, ok := m.Body.(*icmp.Echo)
	return ok && body.Seq == int(e.seq) && bytes.Equal(body.Data, e.token[:])
}

// rawEcho makes a raw socket that takes messages from target only. It needs CAP_NET_RAW or what other systems have in
// its place.
func rawEcho(ctx context.Context, source, target netip.Addr) (net.Conn, error) {
	dialer := net.Dialer{Control: reportRefusals}
	if source.IsValid() {
		dialer.LocalAddr = &net.IPAddr{IP: source.AsSlice(), Zone: source.Zone()}
	}
	protocol := "ip6:58"
	if target.Is4() {
		protocol = "ip4:1"
	}
	conn, err := dialer.DialContext(ctx, protocol, target.String())
	if err != nil {
		return nil, err
	}
	return rawConn{conn.(*net.IPConn)}, nil
}

// rawConn is a raw socket whose Read gives what a ping socket's would: no IPv4 header.
type rawConn struct{ *net.IPConn }

func (c rawConn) Read(p []byte) (int, error) {
	n, _, err := c.ReadFromIP(p)
	return n, err
}
