package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// localhosts are the loopback addresses of this machine, of both families if it has both.
func localhosts(tb testing.TB) []string {
	tb.Helper()
	hosts := []string{"127.0.0.1"}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		hosts = append(hosts, "::1")
	}
	return hosts
}

// listen accepts connections on a loopback address and gives each to handle, which should close it.
func listen(tb testing.TB, host string, handle func(net.Conn)) uint16 {
	tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go handle(conn)
		}
	}()
	tb.Cleanup(func() { l.Close(); <-done })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// refusing is a port that nobody listens on.
func refusing(tb testing.TB, host string) uint16 {
	tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// try makes one attempt with a timeout and checks that it kept to it.
func try(tb testing.TB, p Prober, timeout time.Duration) Result {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	begin := time.Now()
	result := p.Probe(ctx)
	if took := time.Since(begin); took > timeout+2*time.Second {
		tb.Errorf("An attempt of %s took %s", timeout, took)
	}
	if len(result.Detail) > maxDetail {
		tb.Errorf("A detail of %d bytes", len(result.Detail))
	}
	return result
}

func prober(tb testing.TB, p Spec) Prober {
	tb.Helper()
	made, err := New(p)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func wantResult(tb testing.TB, name string, got Result, outcome Outcome, reason Reason, detail string) {
	tb.Helper()
	if got.Outcome != outcome || got.Reason != reason || !strings.Contains(got.Detail, detail) {
		tb.Errorf("%s: got %s %s %q, want %s %s %q", name, got.Outcome, got.Reason, got.Detail, outcome, reason, detail)
	}
}

func TestTCP(t *testing.T) {
	for _, host := range localhosts(t) {
		port := listen(t, host, func(c net.Conn) { c.Close() })
		wantResult(t, host, try(t, prober(t, Spec{Scheme: TCP, Host: host, Port: port}), time.Second), Pass, ReasonOK, "")
		bound := Spec{Scheme: TCP, Host: host, Port: port, Source: netip.MustParseAddr(host)}
		wantResult(t, "from "+host, try(t, prober(t, bound), time.Second), Pass, ReasonOK, "")
		closed := refusing(t, host)
		wantResult(t, host, try(t, prober(t, Spec{Scheme: TCP, Host: host, Port: closed}), time.Second), Fail, ReasonRefused, "connect "+net.JoinHostPort(host, ""))
	}
}

func TestTCPSource(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8 on its loopback interface")
	}
	from := make(chan string, 1)
	port := listen(t, "127.0.0.1", func(c net.Conn) { from <- c.RemoteAddr().(*net.TCPAddr).IP.String(); c.Close() })
	try(t, prober(t, Spec{Scheme: TCP, Host: "127.0.0.1", Port: port, Source: netip.MustParseAddr("127.0.0.7")}), time.Second)
	if got := <-from; got != "127.0.0.7" {
		t.Errorf("Came from %s", got)
	}
}

// stub is a network without wires.
type stub struct {
	addrs   []netip.Addr
	err     error
	dials   map[string]error // by address; nil for success
	dialled []string
	family  string
}

func (s *stub) network(routed bool) *network {
	return &network{
		resolve: func(_ context.Context, family, _ string) ([]netip.Addr, error) {
			s.family = family
			return s.addrs, s.err
		},
		dial: func(ctx context.Context, _ netip.Addr, target netip.AddrPort) (connection, error) {
			s.dialled = append(s.dialled, target.Addr().String())
			err := s.dials[target.Addr().String()]
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if errors.Is(err, context.DeadlineExceeded) {
				<-ctx.Done()
			}
			if err == nil {
				return &net.TCPConn{}, nil
			}
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
		},
		routes: &routes{lookup: func(netip.Addr) bool { return routed }},
	}
}

func (s *stub) try(t *testing.T, p Spec, n *network) Result {
	t.Helper()
	made, err := newProber(p, n)
	if err != nil {
		t.Fatal(err)
	}
	return try(t, made, 200*time.Millisecond)
}

func TestH16_ErrorsOfOurOwnAreIndeterminate(t *testing.T) {
	for _, c := range []struct {
		err     error
		outcome Outcome
		reason  Reason
	}{
		{syscall.ECONNREFUSED, Fail, ReasonRefused},
		{syscall.ECONNRESET, Fail, ReasonReset},
		{syscall.ETIMEDOUT, Fail, ReasonTimeout},
		{context.DeadlineExceeded, Fail, ReasonTimeout},
		{syscall.EHOSTUNREACH, Fail, ReasonUnreachable},
		{syscall.ENETUNREACH, Fail, ReasonUnreachable},
		{syscall.EMFILE, Indeterminate, ReasonFDLimit},
		{syscall.ENFILE, Indeterminate, ReasonFDLimit},
		{syscall.ENOBUFS, Indeterminate, ReasonFDLimit},
		{syscall.ENOMEM, Indeterminate, ReasonFDLimit},
		{syscall.EADDRNOTAVAIL, Indeterminate, ReasonPorts},
		{syscall.EACCES, Indeterminate, ReasonPermission},
		{syscall.EPERM, Indeterminate, ReasonPermission},
		{syscall.EAFNOSUPPORT, Indeterminate, ReasonNoRoute},
		{syscall.EINVAL, Indeterminate, ReasonInternal},
		{syscall.ELOOP, Indeterminate, ReasonInternal},
		{errors.New("whatever"), Indeterminate, ReasonInternal},
	} {
		s := &stub{dials: map[string]error{"192.0.2.1": c.err}}
		got := s.try(t, Spec{Scheme: TCP, Host: "192.0.2.1", Port: 25}, s.network(true))
		wantResult(t, c.err.Error(), got, c.outcome, c.reason, "connect 192.0.2.1:25: ")
	}
}

func TestH16_NoRouteForTheFamilyIsIndeterminate(t *testing.T) {
	v4, v6 := Spec{Scheme: TCP, Host: "192.0.2.1", Port: 25}, Spec{Scheme: TCP, Host: "2001:db8::1", Port: 25}
	unreachable := map[string]error{"192.0.2.1": syscall.ENETUNREACH, "2001:db8::1": syscall.EHOSTUNREACH}
	s := &stub{dials: unreachable}
	n := s.network(false)
	for _, p := range []Spec{v4, v6} {
		wantResult(t, p.Host, s.try(t, p, n), Indeterminate, ReasonNoRoute, p.Host)
	}
	// There is no default route, but one to another target of the family.
	n.routes.lookup = func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.2") }
	s.try(t, Spec{Scheme: TCP, Host: "192.0.2.2", Port: 25}, n)
	if got := s.try(t, v4, n); got.Outcome != Fail || got.Reason != ReasonUnreachable {
		t.Errorf("Got %+v", got)
	}
	wantResult(t, "the other family", s.try(t, v6, n), Indeterminate, ReasonNoRoute, "")
	n.routes.lookup = func(netip.Addr) bool { return false }
	wantResult(t, "that one is gone as well", s.try(t, v4, n), Indeterminate, ReasonNoRoute, "")
}

// TestH16_DeadNeighbourWithoutADefaultRoute is of the first and only target on a network of its own: what is routed and
// does not answer is down.
func TestH16_DeadNeighbourWithoutADefaultRoute(t *testing.T) {
	s := &stub{dials: map[string]error{"192.0.2.1": syscall.EHOSTUNREACH}}
	n := s.network(false)
	n.routes.lookup = func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.1") }
	got := s.try(t, Spec{Scheme: TCP, Host: "192.0.2.1", Port: 25}, n)
	wantResult(t, "a route to nobody else", got, Fail, ReasonUnreachable, "192.0.2.1")
}

// TestH16_OwnTroubleBeatsTheClock is of a process that is both starved and late: what it was short of is the reason.
func TestH16_OwnTroubleBeatsTheClock(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for err, reason := range map[error]Reason{
		syscall.EMFILE: ReasonFDLimit, syscall.EADDRNOTAVAIL: ReasonPorts, syscall.EAGAIN: ReasonPorts, syscall.EPERM: ReasonPermission,
	} {
		got := classify(ctx, "connect", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)}, ReasonInternal)
		wantResult(t, err.Error(), got.result(), Indeterminate, reason, "")
	}
}

func TestH16_SystemRoutes(t *testing.T) {
	if !hasRoute(netip.MustParseAddr("127.0.0.1")) {
		t.Error("Expected a route to loopback")
	}
	r := &routes{lookup: hasRoute}
	r.saw(netip.MustParseAddr("127.0.0.1"))
	if r.witness[0].Load() != nil {
		t.Error("Loopback proves no route")
	}
}

func TestH16_CancelIsIndeterminate(t *testing.T) {
	port := listen(t, "127.0.0.1", func(c net.Conn) { readAll(c) })
	for _, p := range []Spec{
		{Scheme: TLS, Host: "127.0.0.1", Port: port},
		{Scheme: HTTP, Host: "127.0.0.1", Port: port, Path: "/", Method: "GET", Status: "200"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		wantResult(t, string(p.Scheme), prober(t, p).Probe(ctx), Indeterminate, ReasonCanceled, "")
	}
}

// readAll says nothing and reads until the peer goes.
func readAll(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 4096)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

func TestResultTexts(t *testing.T) {
	for o, want := range map[Outcome]string{Pass: "pass", Fail: "fail", Indeterminate: "indeterminate", 9: "indeterminate"} {
		if o.String() != want {
			t.Errorf("Got %q, want %q", o, want)
		}
	}
	for text, want := range map[string]string{
		"plain":                        "plain",
		"a\nb\x1b[31m\x00":             "a?b?[31m?",
		"\xff\xfe":                     "??",
		"żółw":                         "żółw",
		strings.Repeat("x", 300):       strings.Repeat("x", 256),
		strings.Repeat("ó", 200):       strings.Repeat("ó", 128),
		"x" + strings.Repeat("ó", 200): "x" + strings.Repeat("ó", 127),
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
