package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	transport "google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// healthServer answers as its function does.
type healthServer struct {
	health.UnimplementedHealthServer

	check func(ctx context.Context, service string) (*health.HealthCheckResponse, error)
}

func (s healthServer) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return s.check(ctx, r.GetService())
}

func says(answer health.HealthCheckResponse_ServingStatus) healthServer {
	return healthServer{check: func(context.Context, string) (*health.HealthCheckResponse, error) {
		return &health.HealthCheckResponse{Status: answer}, nil
	}}
}

func failsWith(code codes.Code) healthServer {
	return healthServer{check: func(context.Context, string) (*health.HealthCheckResponse, error) {
		return nil, status.Error(code, "secret")
	}}
}

// serveGRPC starts a server; with a certificate, over TLS.
func serveGRPC(tb testing.TB, host string, config *tls.Config, answers health.HealthServer) Spec {
	tb.Helper()
	spec := Spec{Scheme: GRPC, Host: host}
	var options []grpc.ServerOption
	if config != nil {
		spec.Scheme = GRPCS
		options = append(options, grpc.Creds(transport.NewTLS(config)))
	}
	server := grpc.NewServer(options...)
	if answers != nil {
		health.RegisterHealthServer(server, answers)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	tb.Cleanup(func() { server.Stop(); <-done })
	spec.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	return spec
}

func TestGRPC(t *testing.T) {
	services := healthServer{check: func(_ context.Context, service string) (*health.HealthCheckResponse, error) {
		switch service {
		case "":
			return &health.HealthCheckResponse{Status: health.HealthCheckResponse_NOT_SERVING}, nil
		case "shop.Cart":
			return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
		}
		return nil, status.Error(codes.NotFound, "unknown service")
	}}
	large := healthServer{check: func(context.Context, string) (*health.HealthCheckResponse, error) {
		answer := &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}
		answer.ProtoReflect().SetUnknown(append([]byte{0x7a, 0x80, 0x20}, make([]byte, 4<<10)...))
		return answer, nil
	}}
	for _, c := range []struct {
		name    string
		answers health.HealthServer
		service string
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"serving", says(health.HealthCheckResponse_SERVING), "", Pass, ReasonOK, "SERVING"},
		{"service", services, "shop.Cart", Pass, ReasonOK, "SERVING"},
		{"not serving", services, "", Fail, ReasonNotServing, "NOT_SERVING"},
		{"unknown", says(health.HealthCheckResponse_UNKNOWN), "", Fail, ReasonNotServing, "grpc: UNKNOWN"},
		{"a number of the future", says(77), "", Fail, ReasonNotServing, "grpc: 77"},
		{"unknown service", services, "shop.Stock", Fail, ReasonNotServing, "unknown service"},
		{"unknown service, as a watch says it", says(health.HealthCheckResponse_SERVICE_UNKNOWN), "", Fail,
			ReasonNotServing, "unknown service"},
		{"without the protocol", nil, "", Fail, ReasonProtocol, "does not implement grpc.health.v1"},
		{"status", failsWith(codes.Unavailable), "", Fail, ReasonStatus, "grpc: status Unavailable"},
		{"status", failsWith(codes.PermissionDenied), "", Fail, ReasonStatus, "grpc: status PermissionDenied"},
		{"the server's own timeout", failsWith(codes.DeadlineExceeded), "", Fail, ReasonTimeout, "no answer in time"},
		{"large", large, "", Fail, ReasonProtocol, "longer than 1024 bytes"},
	} {
		for _, host := range localhosts(t) {
			spec := serveGRPC(t, host, nil, c.answers)
			spec.Service = c.service
			got := try(t, prober(t, spec), 2*time.Second)
			wantResult(t, c.name+" "+host, got, c.outcome, c.reason, c.detail)
			if strings.Contains(got.Detail, "secret") {
				t.Errorf("%s: the status's message is in the detail", c.name)
			}
			if got.Outcome == Pass && (got.Phases.Connect <= 0 || got.Phases.FirstByte <= 0) {
				t.Errorf("%s: phases %+v", c.name, got.Phases)
			}
		}
	}
}

func TestGRPCOverTLS(t *testing.T) {
	ca := newAuthority(t)
	serving := says(health.HealthCheckResponse_SERVING)
	good := ca.issue("127.0.0.1", time.Now().Add(time.Hour))
	expired := ca.issue("127.0.0.1", time.Now().Add(-time.Minute))
	trusted := func(s *Spec) { s.CAFile = ca.file }
	for _, c := range []struct {
		name    string
		config  *tls.Config
		change  func(*Spec)
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"pass", &tls.Config{Certificates: []tls.Certificate{good}}, trusted, Pass, ReasonOK, "SERVING"},
		{"untrusted", &tls.Config{Certificates: []tls.Certificate{good}}, func(*Spec) {}, Fail, ReasonTLS,
			"unknown authority"},
		{"insecure", &tls.Config{Certificates: []tls.Certificate{expired}}, func(s *Spec) { s.Insecure = true }, Pass,
			ReasonOK, ""},
		{"expired", &tls.Config{Certificates: []tls.Certificate{expired}}, trusted, Fail, ReasonTLS, "expired"},
		{"wrong name", &tls.Config{Certificates: []tls.Certificate{good}},
			func(s *Spec) { trusted(s); s.ServerName = "www.example.org" }, Fail, ReasonTLS, "to match www.example.org"},
		{"client certificate",
			&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert},
			trusted, Fail, ReasonTLS, "certificate required"},
	} {
		spec := serveGRPC(t, "127.0.0.1", c.config, serving)
		c.change(&spec)
		got := try(t, prober(t, spec), 2*time.Second)
		wantResult(t, c.name, got, c.outcome, c.reason, c.detail)
		if got.Phases.TLS <= 0 {
			t.Errorf("%s: phases %+v", c.name, got.Phases)
		}
	}
	for _, host := range localhosts(t)[1:] {
		spec := serveGRPC(t, host,
			&tls.Config{Certificates: []tls.Certificate{ca.issue(host, time.Now().Add(time.Hour))}}, serving)
		trusted(&spec)
		wantResult(t, host, try(t, prober(t, spec), 2*time.Second), Pass, ReasonOK, "SERVING")
	}
	// A web server without HTTP/2 refuses the protocol in the handshake, or does not speak of protocols at all.
	web := ca.serveTLS(&tls.Config{Certificates: []tls.Certificate{good}}, nil)
	spec := Spec{Scheme: GRPCS, Host: web.Host, Port: web.Port, CAFile: ca.file}
	wantResult(t, "HTTP/1", try(t, prober(t, spec), 2*time.Second), Fail, ReasonTLS, "no application protocol")
	spec.Port = listen(t, "127.0.0.1", func(c net.Conn) {
		secured := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{good}})
		if secured.Handshake() == nil {
			_, _ = io.Copy(io.Discard, secured)
		}
		c.Close()
	})
	wantResult(t, "no ALPN", try(t, prober(t, spec), 2*time.Second), Fail, ReasonProtocol, "does not offer HTTP/2")
	spec.Port = listen(t, "127.0.0.1",
		func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example.org\r\n"); readAll(c) })
	wantResult(t, "no TLS", try(t, prober(t, spec), 2*time.Second), Fail, ReasonTLS, "does not speak TLS")
}

// TestGRPCCall looks at a call from the server's side.
func TestGRPCCall(t *testing.T) {
	ca := newAuthority(t)
	seen := make(chan metadata.MD, 1)
	serving := healthServer{check: func(ctx context.Context, _ string) (*health.HealthCheckResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		seen <- md
		return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
	}}
	shop := ca.issue("shop.example.org", time.Now().Add(time.Hour))
	for _, config := range []*tls.Config{nil, {Certificates: []tls.Certificate{shop}}} {
		spec := serveGRPC(t, "127.0.0.1", config, serving)
		want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), spec.Port).String()
		if config != nil {
			spec.CAFile, spec.ServerName = ca.file, "shop.example.org"
			want = strings.Replace(want, "127.0.0.1", "shop.example.org", 1)
		}
		t.Setenv("HTTPS_PROXY", "http://192.0.2.1:1")
		wantResult(t, want, try(t, prober(t, spec), 2*time.Second), Pass, ReasonOK, "")
		md := <-seen
		if got := md.Get(":authority"); len(got) != 1 || got[0] != want {
			t.Errorf("Authority %q, want %q", got, want)
		}
		if got := md.Get("user-agent"); len(got) != 1 || !strings.HasPrefix(got[0], userAgent) {
			t.Errorf("User agent %q", got)
		}
	}
}

// http2Peer answers the first request of each connection with what then writes.
func http2Peer(tb testing.TB, then func(f *http2.Framer, c net.Conn, stream uint32)) Spec {
	tb.Helper()
	port := listen(tb, "127.0.0.1", func(c net.Conn) {
		defer c.Close()
		if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(c, c)
		if f.WriteSettings() != nil {
			return
		}
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if frame.Header().Type == http2.FrameHeaders {
				then(f, c, frame.Header().StreamID)
				_, _ = io.Copy(io.Discard, c)
				return
			}
		}
	})
	return Spec{Scheme: GRPC, Host: "127.0.0.1", Port: port}
}

// headerBlock encodes a header.
func headerBlock(pairs ...string) []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return b.Bytes()
}

// while writes until the peer has had enough.
func while(write func() error) {
	for write() == nil {
	}
}

func TestGRPCHostilePeers(t *testing.T) {
	raw := func(handle func(net.Conn)) Spec {
		return Spec{Scheme: GRPC, Host: "127.0.0.1", Port: listen(t, "127.0.0.1", handle)}
	}
	write := func(text string) Spec {
		return raw(func(c net.Conn) { _, _ = io.WriteString(c, text); readAll(c) })
	}
	web := serve(t, func(http.ResponseWriter, *http.Request) {})
	start := func(f *http2.Framer, stream uint32, end bool) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true, EndStream: end,
			BlockFragment: headerBlock(":status", "200", "content-type", "application/grpc")})
	}
	frame := append([]byte{0, 0, 0, 0, 2}, 8, 1)
	for _, c := range []struct {
		name   string
		spec   Spec
		reason Reason
		detail string
	}{
		{"hangs", raw(readAll), ReasonTimeout, ""},
		{"does not read", raw(func(c net.Conn) { defer c.Close(); <-t.Context().Done() }), ReasonTimeout, ""},
		{"closes", raw(func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)); c.Close() }), ReasonReset, ""},
		{"resets", raw(func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)); abort(c.(*net.TCPConn)) }), ReasonReset, ""},
		{"HTTP/1", Spec{Scheme: GRPC, Host: web.Host, Port: web.Port}, ReasonProtocol, "does not speak gRPC"},
		{"noise", write(strings.Repeat("\xff", 10000)), ReasonProtocol, ""},
		{"TLS", write("\x15\x03\x01\x00\x02\x02\x46"), ReasonTimeout, ""},
		{"drips", raw(func(c net.Conn) {
			drip(c, strings.Repeat("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 100), 5*time.Millisecond)
		}), ReasonTimeout, ""},
		{"floods", raw(func(c net.Conn) { defer c.Close(); writeForever(c) }), ReasonProtocol, ""},
		{"settings without end", http2Peer(t, func(f *http2.Framer, _ net.Conn, _ uint32) {
			while(func() error { return f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 20000}) })
		}), ReasonProtocol, "longer than 32768 bytes"},
		{"pings without end", http2Peer(t, func(f *http2.Framer, _ net.Conn, _ uint32) {
			while(func() error { return f.WritePing(false, [8]byte{}) })
		}), ReasonProtocol, "longer than 32768 bytes"},
		{"headers without end", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			block := headerBlock("x-long", strings.Repeat("x", 10000))
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block})
			while(func() error { return f.WriteContinuation(stream, false, block) })
		}), ReasonProtocol, ""},
		{"a large header", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true, EndStream: true,
				BlockFragment: headerBlock("x-long", strings.Repeat("\x00", 1<<20))})
		}), ReasonProtocol, ""},
		{"informational headers without end", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			while(func() error {
				return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true,
					BlockFragment: headerBlock(":status", "103")})
			})
		}), ReasonProtocol, "longer than 32768 bytes"},
		{"a message without end", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			start(f, stream, false)
			_ = f.WriteData(stream, false, []byte{0, 0xff, 0xff, 0xff, 0xff})
			while(func() error { return f.WriteData(stream, false, make([]byte, 10000)) })
		}), ReasonProtocol, "the answer is longer than"},
		{"messages without end", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			start(f, stream, false)
			while(func() error { return f.WriteData(stream, false, frame) })
		}), ReasonProtocol, ""},
		{"a message, but no status", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			start(f, stream, false)
			_ = f.WriteData(stream, false, frame)
		}), ReasonTimeout, ""},
		{"a header, but no message",
			http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) { start(f, stream, true) }), ReasonStatus, ""},
		{"a web page", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true,
				BlockFragment: headerBlock(":status", "200", "content-type", "text/html")})
			_ = f.WriteData(stream, true, []byte("secret"))
		}), ReasonProtocol, "does not speak gRPC"},
		{"goes away", http2Peer(t, func(f *http2.Framer, c net.Conn, _ uint32) {
			_ = f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte("secret"))
			c.Close()
		}), ReasonReset, ""},
		{"refuses the stream", http2Peer(t, func(f *http2.Framer, _ net.Conn, stream uint32) {
			_ = f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
		}), ReasonTimeout, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			timeout := 5 * time.Second
			if c.reason == ReasonTimeout {
				timeout = 50 * time.Millisecond
			}
			got := try(t, prober(t, c.spec), timeout)
			runtime.ReadMemStats(&after)
			wantResult(t, c.name, got, Fail, c.reason, c.detail)
			if strings.Contains(got.Detail, "secret") {
				t.Errorf("Detail %q", got.Detail)
			}
			if cost := after.TotalAlloc - before.TotalAlloc; cost > 16<<20 { // with what the peer used
				t.Errorf("It took %d bytes", cost)
			}
		})
	}
	awaitGone(t, "google.golang.org/grpc")
}

// awaitGone waits until no goroutine is in a package any more.
func awaitGone(tb testing.TB, pkg string) {
	tb.Helper()
	stacks := make([]byte, 1<<20)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		if n := runtime.Stack(stacks, true); !bytes.Contains(stacks[:n], []byte(pkg)) {
			return
		}
		<-tick.C
	}
	tb.Errorf("Goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
}

// TestGRPCConnectsOnce holds that grpc does not try again by itself.
func TestGRPCConnectsOnce(t *testing.T) {
	var connections atomic.Int32
	port := listen(t, "127.0.0.1", func(c net.Conn) {
		connections.Add(1)
		_, _ = c.Read(make([]byte, 1000))
		c.Close()
	})
	spec := Spec{Scheme: GRPC, Host: "127.0.0.1", Port: port}
	for range 3 {
		wantResult(t, "closes", try(t, prober(t, spec), time.Second), Fail, ReasonReset, "")
	}
	if got := connections.Load(); got != 3 {
		t.Errorf("%d connections for 3 attempts", got)
	}
}

func TestGRPCNobodyListens(t *testing.T) {
	for _, host := range localhosts(t) {
		spec := Spec{Scheme: GRPC, Host: host, Port: refusing(t, host)}
		wantResult(t, host, try(t, prober(t, spec), time.Second), Fail, ReasonRefused, "connect "+net.JoinHostPort(host, ""))
	}
}

func TestH16_GRPCErrorsOfOurOwnAreIndeterminate(t *testing.T) {
	s := &stub{dials: map[string]error{"192.0.2.1": syscall.EMFILE}}
	spec := Spec{Scheme: GRPC, Host: "192.0.2.1", Port: 50051}
	wantResult(t, "no descriptors", s.try(t, spec, s.network(true)), Indeterminate, ReasonFDLimit, "connect")
	started := make(chan struct{})
	spec = serveGRPC(t, "127.0.0.1", nil,
		healthServer{check: func(ctx context.Context, _ string) (*health.HealthCheckResponse, error) {
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	wantResult(t, "canceled", prober(t, spec).Probe(ctx), Indeterminate, ReasonCanceled, "")
}

func TestGRPCLeavesNoTimeWait(t *testing.T) {
	wantNothingLingers(t, serveGRPC(t, "127.0.0.1", nil, says(health.HealthCheckResponse_SERVING)))
}

func TestGRPCFieldsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"service: it must be": func(s *Spec) { s.Service = "a\nb" },
		"service: it must":    func(s *Spec) { s.Service = strings.Repeat("x", 256) },
		"service: ":           func(s *Spec) { s.Service = "\xff" },
		"takes no servername": func(s *Spec) { s.ServerName = "www.example.org" },
		"target: a port is":   func(s *Spec) { s.Port = 0 },
		"tls: a certificate":  func(s *Spec) { s.Scheme, s.CertFile = GRPCS, "cert.pem" },
		"takes no path":       func(s *Spec) { s.Path = "/" },
	} {
		s := Spec{Scheme: GRPC, Host: "192.0.2.1", Port: 50051}
		change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
}

func BenchmarkProbeGRPC(b *testing.B) {
	ca := newAuthority(b)
	serving := says(health.HealthCheckResponse_SERVING)
	b.Run("plain", func(b *testing.B) { benchmarkProbe(b, serveGRPC(b, "127.0.0.1", nil, serving)) })
	b.Run("tls", func(b *testing.B) {
		spec := serveGRPC(b, "127.0.0.1",
			&tls.Config{Certificates: []tls.Certificate{ca.issue("127.0.0.1", time.Now().Add(time.Hour))}}, serving)
		spec.CAFile = ca.file
		benchmarkProbe(b, spec)
	})
}
