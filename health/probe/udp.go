package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

const (
	// maxSentDatagram is what an IPv4 datagram can carry, in bytes.
	maxSentDatagram = 65507
	// maxUnexpected is how many datagrams that do not match are looked at in one attempt.
	maxUnexpected = 256
)

// udpProber sends one datagram from a socket of its own. An ICMP error that comes back is a failure.
//
// With something to expect, a datagram that matches passes; others are passed over, since they may be late, or not from
// the target at all. With nothing to expect any datagram passes at once, and so does silence until half of the time is
// over: most UDP services answer nothing that is not a question in their protocol, so all there is to see is that the
// port is not closed. That says little, and nothing at all where a firewall drops what it does not like.
type udpProber struct {
	endpoint endpoint
	dialogue *dialogue
}

func (s Spec) checkUDP() error {
	if len(s.Send) > maxSentDatagram {
		return fmt.Errorf("send: %d bytes are more than the %d of a datagram", len(s.Send), maxSentDatagram)
	}
	return nil
}

func newUDPProber(s Spec, n *network) (Prober, error) {
	dialogue, err := dialogueFor(s)
	return &udpProber{newEndpoint(s, n), dialogue}, err
}

func (p *udpProber) Probe(ctx context.Context) (result Result) {
	var phases Phases
	defer func() { result.Phases = phases }()
	detail := ""
	err := p.endpoint.each(ctx, &phases, "udp", func(ctx context.Context, target netip.AddrPort) error {
		conn, err := p.endpoint.network().dialUDP(ctx, p.endpoint.source(), target)
		if err != nil {
			return err
		}
		defer conn.Close()
		if p.dialogue.expect == nil {
			detail, err = p.listen(ctx, conn, &phases)
		} else {
			detail, err = "the answer matches", p.await(ctx, conn, &phases)
		}
		return err
	})
	if err != nil {
		return classify(ctx, "udp", err, ReasonInternal).result()
	}
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: detail}
}

// listen passes unless a refusal comes within half of the time that is left.
func (p *udpProber) listen(ctx context.Context, conn net.Conn, phases *Phases) (string, error) {
	half := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		half, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	defer guard(half, conn)()
	sent := time.Now() // the answer to a datagram can be there before Write returns
	if _, err := conn.Write([]byte(p.dialogue.send)); err != nil {
		return "", err
	}
	window := windows.Get().(*[maxBody]byte)
	defer windows.Put(window)
	_, err := conn.Read(window[:])
	switch {
	case err == nil:
		phases.took(&phases.FirstByte, sent)
		return "answered", nil
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		return "no answer, and no refusal", nil
	case errors.Is(err, os.ErrDeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded):
		// The other half is over as well: this process stood still, and whatever came meanwhile was not read.
		return "", indeterminate(ReasonOverrun, "udp "+conn.RemoteAddr().String()+": this process was late")
	default:
		return "", err
	}
}

// await passes with the first datagram that matches.
func (p *udpProber) await(ctx context.Context, conn net.Conn, phases *Phases) error {
	defer guard(ctx, conn)()
	sent := time.Now()
	if _, err := conn.Write([]byte(p.dialogue.send)); err != nil {
		return err
	}
	window := windows.Get().(*[maxBody]byte)
	defer windows.Put(window)
	for unexpected := range maxUnexpected {
		n, err := conn.Read(window[:])
		switch {
		case err == nil && p.dialogue.expect.match(window[:n]):
			phases.took(&phases.FirstByte, sent)
			return nil
		case err == nil:
		case unexpected > 0 && errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(ctx.Err(), context.Canceled):
			return failure(ReasonBody, fmt.Sprintf("udp %s: no match in %d datagrams", conn.RemoteAddr(), unexpected))
		default:
			return err
		}
	}
	return failure(ReasonBody, fmt.Sprintf("udp %s: no match in %d datagrams", conn.RemoteAddr(), maxUnexpected))
}
