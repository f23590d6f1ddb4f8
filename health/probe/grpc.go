package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
	"unique"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	transport "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	// maxMessage bounds a message of a gRPC answer, in bytes; a health answer has two.
	maxMessage = 1 << 10
	// maxCall bounds what is read in an attempt, in bytes, so that no peer can keep us busy until the timeout.
	maxCall = 32 << 10
	// grpcBuffer is the size of grpc's buffers, in bytes. Its default of 32 KiB each is more than an attempt ever needs.
	grpcBuffer = 2 << 10
	// grpcWindow is how many bytes may be on their way to us, HTTP/2's default. Being set it is never widened.
	grpcWindow = 65535
	// maxService is the longest name of a service, in bytes: it is sent with every attempt.
	maxService = 255
)

// grpcProber asks a server for its health by the gRPC Health Checking Protocol, grpc.health.v1.
//
// Connecting and the TLS handshake are done as for every other kind, and grpc is then given the connection: what is
// wrong with them is told as elsewhere, and a target that is down costs no more than with TCP.
type grpcProber struct {
	endpoint endpoint
	tls      *tlsClient          // nil for grpc
	rest     unique.Handle[Spec] // without Host and Port
}

var fieldsGRPC = group{[]string{"Service"}, Spec.checkGRPC}

func (s Spec) checkGRPC() error {
	if len(s.Service) > maxService || !utf8.ValidString(s.Service) || strings.ContainsFunc(s.Service, unicode.IsControl) {
		return fmt.Errorf("service: it must be text of at most %d bytes", maxService)
	}
	return nil
}

func newGRPCProber(s Spec, n *network) (Prober, error) {
	p := &grpcProber{endpoint: newEndpoint(s, n), rest: s.ID().rest}
	if s.Scheme == GRPCS {
		var err error
		if p.tls, err = newTLSClient(s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *grpcProber) Probe(ctx context.Context) (result Result) {
	var phases Phases
	defer func() { result.Phases = phases }()
	raw, err := p.endpoint.connect(ctx, &phases)
	if err != nil {
		return classify(ctx, "connect", err, ReasonInternal).result()
	}
	defer abort(raw)
	defer guard(ctx, raw)()
	var conn net.Conn = raw
	if p.tls != nil {
		secured, err := p.tls.handshake(ctx, raw, &phases)
		if err != nil {
			return classify(ctx, "tls", err, ReasonTLS).result()
		}
		if secured.ConnectionState().NegotiatedProtocol != alpnHTTP2[0] {
			return failure(ReasonProtocol, "tls: the peer does not offer HTTP/2").result()
		}
		conn = secured
	}
	began := time.Now()
	answer, err := p.ask(ctx, newGRPCConn(conn, raw))
	if err != nil {
		return classify(ctx, "grpc", err, ReasonProtocol).result()
	}
	phases.took(&phases.FirstByte, began)
	return judgeGRPC(answer)
}

func judgeGRPC(answer health.HealthCheckResponse_ServingStatus) Result {
	switch answer {
	case health.HealthCheckResponse_SERVING:
		return Result{Outcome: Pass, Reason: ReasonOK, Detail: "SERVING"}
	case health.HealthCheckResponse_SERVICE_UNKNOWN:
		return failure(ReasonNotServing, "grpc: unknown service").result()
	default:
		return failure(ReasonNotServing, "grpc: "+answer.String()).result()
	}
}

// ask makes one call over conn, which is reset afterwards: an HTTP/2 server waits for further calls, so with an orderly
// end every attempt would leave its connection in TIME_WAIT on our side.
func (p *grpcProber) ask(ctx context.Context, conn *grpcConn) (health.HealthCheckResponse_ServingStatus, error) {
	spec := p.endpoint.spec(p.rest)
	client, err := grpc.NewClient("passthrough:///"+spec.authority(), p.options(spec, conn)...)
	if err != nil {
		return 0, indeterminate(ReasonInternal, "grpc: the client cannot be made")
	}
	// Close waits for what is still to be written. The reset comes first, so there is nothing to wait for.
	defer client.Close()
	defer conn.Close()
	var header, trailer metadata.MD
	answer, err := health.NewHealthClient(client).Check(ctx, &health.HealthCheckRequest{Service: spec.Service},
		grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return 0, conn.explain(ctx, err, header, trailer)
	}
	return answer.GetStatus(), nil
}

func (p *grpcProber) options(s Spec, conn *grpcConn) []grpc.DialOption {
	security := insecure.NewCredentials()
	if p.tls != nil {
		security = alreadySecured{security}
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(security),
		grpc.WithContextDialer(conn.take),
		grpc.WithAuthority(s.authority()),
		grpc.WithUserAgent(userAgent),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithReadBufferSize(grpcBuffer),
		grpc.WithWriteBufferSize(grpcBuffer),
		grpc.WithStaticStreamWindowSize(grpcWindow),
		grpc.WithStaticConnWindowSize(grpcWindow),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	}
}

// authority is the name that the server is told it is asked by.
func (s Spec) authority() string { return net.JoinHostPort(s.tlsName(), strconv.Itoa(int(s.Port))) }

// alreadySecured makes grpc call the scheme https without a handshake of its own.
type alreadySecured struct{ transport.TransportCredentials }

func (alreadySecured) Info() transport.ProtocolInfo {
	return transport.ProtocolInfo{SecurityProtocol: "tls"}
}

func (s alreadySecured) Clone() transport.TransportCredentials { return s }

// grpcConn is the connection that is lent to grpc. It keeps the deadlines that guard has set, and remembers what went
// wrong, of which grpc passes on only a text.
type grpcConn struct {
	net.Conn

	raw   connection
	takes atomic.Int32
	left  int // bytes that may still be read

	mu     sync.Mutex
	ended  bool          // no error counts any more
	failed error         // the first error, if it came before the end
	unread chan struct{} // closed once Read has failed, or the connection was closed
}

func newGRPCConn(conn net.Conn, raw connection) *grpcConn {
	return &grpcConn{Conn: conn, raw: raw, left: maxCall, unread: make(chan struct{})}
}

// errTaken keeps grpc from a second attempt within the first.
var errTaken = errors.New("an attempt has one connection")

func (c *grpcConn) take(context.Context, string) (net.Conn, error) {
	if c.takes.Add(1) > 1 {
		return nil, errTaken
	}
	return c, nil
}

func (c *grpcConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.end(failure(ReasonProtocol, fmt.Sprintf("grpc: the answer is longer than %d bytes", maxCall)))
		return 0, errTooLong
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	if err != nil {
		c.end(err)
	}
	return n, err
}

// lastWords is how long a failed Write waits for Read to find out why: a peer that breaks off may have said so before.
const lastWords = 20 * time.Millisecond

func (c *grpcConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		wait := time.NewTimer(lastWords)
		defer wait.Stop()
		select {
		case <-c.unread:
		case <-wait.C:
			c.end(err)
		}
	}
	return n, err
}

func (c *grpcConn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended, c.failed = true, err
		close(c.unread)
	}
}

// Close is called by grpc too, when it does not like what the peer says.
func (c *grpcConn) Close() error {
	c.end(nil)
	abort(c.raw)
	return nil
}

// The deadlines are those of the attempt.

func (c *grpcConn) SetDeadline(time.Time) error      { return nil }
func (c *grpcConn) SetReadDeadline(time.Time) error  { return nil }
func (c *grpcConn) SetWriteDeadline(time.Time) error { return nil }

// explain makes a verdict of a call that went wrong. Nothing of a status but its code is shown: its message is the
// peer's.
func (c *grpcConn) explain(ctx context.Context, err error, header, trailer metadata.MD) error {
	if ctx.Err() != nil {
		return err
	}
	code := status.Code(err)
	switch code {
	case codes.DeadlineExceeded: // of both clocks the server's was first
		return failure(ReasonTimeout, "grpc: no answer in time")
	case codes.Unimplemented:
		return failure(ReasonProtocol, "grpc: the server does not implement grpc.health.v1")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(trailer) == 0 && c.failed != nil: // an error without an answer has its fields in the trailer
		return c.failed
	case len(trailer) == 0 && c.takes.Load() > 1: // the peer, about to stop, wants the call to be made elsewhere
		return failure(ReasonReset, "grpc: the peer goes away")
	case len(trailer) == 0 && len(header) == 0:
		return failure(ReasonProtocol, "grpc: the peer does not speak gRPC")
	case len(trailer) == 0 && code == codes.ResourceExhausted:
		return failure(ReasonProtocol, fmt.Sprintf("grpc: the answer is longer than %d bytes", maxMessage))
	case code == codes.NotFound:
		return failure(ReasonNotServing, "grpc: unknown service")
	default:
		return failure(ReasonStatus, "grpc: status "+code.String())
	}
}
