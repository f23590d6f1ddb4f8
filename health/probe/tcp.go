package probe

import (
	"context"
	"crypto/tls"
	"net"
)

// tcpProber passes when a connection can be opened, and with tls when the handshake succeeds as well. Then it sends what
// there is to send, and with something to expect the peer must say it.
//
// With TLS 1.3 a server judges the client's certificate only after the handshake is over for the client, so a TLS check
// that expects nothing cannot see it refused; one that does can, and so can an HTTPS check.
type tcpProber struct {
	endpoint endpoint
	dialogue *dialogue
}

func newTCPProber(s Spec, n *network) (Prober, error) {
	dialogue, err := dialogueFor(s)
	if err != nil {
		return nil, err
	}
	return &tcpProber{newEndpoint(s, n), dialogue}, nil
}

// tlsProber is a tcpProber that speaks over TLS.
type tlsProber struct {
	tcpProber
	client tlsClient
}

func newTLSProber(s Spec, n *network) (Prober, error) {
	dialogue, err := dialogueFor(s)
	if err != nil {
		return nil, err
	}
	p := &tlsProber{tcpProber: tcpProber{newEndpoint(s, n), dialogue}}
	return p, p.client.init(s)
}

func (p *tcpProber) Probe(ctx context.Context) Result { return p.attempt(ctx, nil) }

func (p *tlsProber) Probe(ctx context.Context) Result { return p.attempt(ctx, &p.client) }

// attempt makes one attempt, over TLS if there is a client for that.
func (p *tcpProber) attempt(ctx context.Context, client *tlsClient) (result Result) {
	var phases Phases
	defer func() { result.Phases = phases }()
	raw, err := p.endpoint.connect(ctx, &phases)
	if err != nil {
		return classify(ctx, "connect", err, ReasonInternal).result()
	}
	if client == nil && *p.dialogue == (dialogue{}) {
		abort(raw) // nothing was said, so nothing can be lost
		return Result{Outcome: Pass, Reason: ReasonOK, Detail: "connected"}
	}
	defer guard(ctx, raw)()
	detail, verdict := p.dialogue.converse(ctx, raw, client, &phases)
	if verdict != nil {
		abort(raw)
		return verdict.result()
	}
	if client == nil && p.dialogue.send == "" {
		abort(raw) // a peer that has greeted waits for us to speak, so it will not go first
	} else {
		finish(ctx, raw)
	}
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: detail}
}

// converse does what there is to do on an open connection, and tells the peer that this was all.
func (d *dialogue) converse(
	ctx context.Context, raw connection, client *tlsClient, phases *Phases,
) (detail string, _ *probeError) {
	if client == nil {
		if err := d.talk(ctx, raw, phases); err != nil {
			return "", classify(ctx, "tcp "+raw.RemoteAddr().String(), err, ReasonInternal)
		}
		if d.expect == nil {
			return "connected", nil
		}
		return "the answer matches", nil
	}
	secured, err := client.handshake(ctx, raw, phases)
	if err == nil {
		err = d.talk(ctx, secured, phases)
	}
	if err != nil {
		return "", classify(ctx, "tls "+raw.RemoteAddr().String(), err, ReasonTLS)
	}
	_ = secured.CloseWrite() // an error says that the peer is gone already
	return tls.VersionName(secured.ConnectionState().Version), nil
}

// guard makes every read and write of conn end with ctx. The function it returns must be called when conn is done with.
func guard(ctx context.Context, conn net.Conn) (release func()) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails only on a closed connection, which the next read reports
	}
	return whenOver(ctx, conn)
}

// abort closes a connection whose peer does not behave with a reset: nothing is left to be acknowledged, neither here
// nor there. After a success the ordinary close is right, since many servers log a reset as an error. SO_LINGER with a
// time, as others use it, neither avoids TIME_WAIT on Linux nor returns at once.
func abort(conn connection) {
	_ = conn.SetLinger(0)
	conn.Close()
}
