package health

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// tcpProber passes when a connection can be opened, and with tls when the handshake succeeds as well.
//
// With TLS 1.3 a server judges the client's certificate only after the handshake is over for the client, so a plain TLS
// check cannot see it refused; an HTTPS check can.
type tcpProber struct {
	endpoint *endpoint
	tls      *tlsClient // nil: plain TCP
}

func (p *tcpProber) Probe(ctx context.Context) Result {
	conn, err := p.endpoint.connect(ctx)
	if err != nil {
		return classify(ctx, "connect", err, ReasonInternal).result()
	}
	if p.tls == nil {
		conn.Close()
		return Result{Outcome: Pass, Reason: ReasonOK}
	}
	release := guard(ctx, conn)
	defer release()
	secured, err := p.tls.handshake(ctx, conn)
	if err != nil {
		abort(conn)
		return classify(ctx, "tls", err, ReasonTLS).result()
	}
	secured.Close()
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: tls.VersionName(secured.ConnectionState().Version)}
}

// guard makes every read and write of conn end with ctx. The function it returns must be called when conn is done with.
func guard(ctx context.Context, conn net.Conn) (release func()) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails only on a closed connection, which the next read reports
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// abort closes a connection whose peer does not behave with a reset: nothing is left to be acknowledged, neither here
// nor there. After a success the ordinary close is right, since many servers log a reset as an error. SO_LINGER with a
// time, as others use it, neither avoids TIME_WAIT on Linux nor returns at once.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	conn.Close()
}
