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

// udpPeer answers each datagram that comes to a loopback address with those that handle gives.
func udpPeer(tb testing.TB, host string, handle func(got string) []string) uint16 {
	tb.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, maxSentDatagram)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			for _, answer := range handle(string(buffer[:n])) {
				if _, err := conn.WriteTo([]byte(answer), from); err != nil {
					return
				}
			}
		}
	}()
	tb.Cleanup(func() { conn.Close(); <-done })
	return uint16(conn.LocalAddr().(*net.UDPAddr).Port)
}

// unheard is a UDP port that nobody listens on.
func unheard(tb testing.TB, host string) uint16 {
	tb.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	return uint16(conn.LocalAddr().(*net.UDPAddr).Port)
}

func always(answers ...string) func(string) []string {
	return func(string) []string { return answers }
}

func TestUDP(t *testing.T) {
	flood := make([]string, 2*maxUnexpected)
	for i := range flood {
		flood[i] = "nonsense"
	}
	for _, host := range localhosts(t) {
		for _, c := range []struct {
			name         string
			peer         func(string) []string
			send, expect string
			outcome      Outcome
			reason       Reason
			detail       string
		}{
			{"answers", always("pong"), "ping", "pong", Pass, ReasonOK, "matches"},
			{"answers, by expression", always("pong 17"), "ping", `pong \d+$`, Pass, ReasonOK, "matches"},
			{"any answer will do", always("what?"), "ping", "", Pass, ReasonOK, "answered"},
			{"an empty answer will do", always(""), "ping", "", Pass, ReasonOK, "answered"},
			{"the second matches", always("nonsense", "", "pong"), "ping", "pong", Pass, ReasonOK, "matches"},
			{"bytes", always("\xff\x00"), "\x00\x01", "\x00", Pass, ReasonOK, "matches"},
			{"long", always(strings.Repeat("x", 30000)), "ping", "x{100}", Pass, ReasonOK, "matches"},
			{"silent, nothing expected", always(), "ping", "", Pass, ReasonOK, "no answer, and no refusal"},
			{"silent", always(), "ping", "pong", Fail, ReasonTimeout, "udp"},
			{"wrong", always("secret", "secret"), "ping", "pong", Fail, ReasonBody, "no match in 2 datagrams"},
			{"too far in", always(strings.Repeat("x", maxBody) + "pong"), "ping", "pong", Fail, ReasonBody, "no match in 1 datagrams"},
			{"flood", always(flood...), "ping", "pong", Fail, ReasonBody, "no match in "},
		} {
			p := Spec{Scheme: UDP, Host: host, Port: udpPeer(t, host, c.peer), Send: c.send, Expect: c.expect}
			got := tryLonger(t, prober(t, p), c.reason, c.detail)
			wantResult(t, host+" "+c.name, got, c.outcome, c.reason, c.detail)
			if strings.Contains(got.Detail, "secret") {
				t.Errorf("%s: the detail holds what the peer said: %q", c.name, got.Detail)
			}
		}
		for _, expect := range []string{"", "pong"} {
			p := Spec{Scheme: UDP, Host: host, Port: unheard(t, host), Expect: expect}
			wantResult(t, host+" closed", try(t, prober(t, p), 5*time.Second), Fail, ReasonRefused, "udp "+net.JoinHostPort(host, ""))
		}
	}
}

func TestUDPWithoutExpectTakesHalfOfTheTime(t *testing.T) {
	const timeout = 200 * time.Millisecond
	p := Spec{Scheme: UDP, Host: "127.0.0.1", Port: udpPeer(t, "127.0.0.1", always())}
	began := time.Now()
	wantResult(t, "silent", try(t, prober(t, p), timeout), Pass, ReasonOK, "no answer")
	if took := time.Since(began); took < timeout/2 {
		t.Errorf("Gave up after %s of %s", took, timeout)
	}
}

func TestUDPSends(t *testing.T) {
	got := make(chan string, 1)
	port := udpPeer(t, "127.0.0.1", func(text string) []string { got <- text; return []string{"x"} })
	for _, send := range []string{"", "a\x00b", strings.Repeat("x", 9000)} {
		p := Spec{Scheme: UDP, Host: "127.0.0.1", Port: port, Send: send}
		result := try(t, prober(t, p), 5*time.Second)
		wantResult(t, "answered", result, Pass, ReasonOK, "")
		if text := <-got; text != send {
			t.Errorf("Sent %d bytes, %d came", len(send), len(text))
		}
		if result.Phases.FirstByte == 0 || result.Phases.Connect != 0 {
			t.Errorf("Got %+v", result.Phases)
		}
	}
}

// TestUDPIgnoresOthers lets the right answer come from the wrong port.
func TestUDPIgnoresOthers(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, from, err := conn.ReadFrom(make([]byte, 100)); err == nil {
			_, _ = other.WriteTo([]byte("pong"), from)
		}
	}()
	p := Spec{Scheme: UDP, Host: "127.0.0.1", Port: uint16(conn.LocalAddr().(*net.UDPAddr).Port), Expect: "pong"}
	wantResult(t, "spoofed", try(t, prober(t, p), 100*time.Millisecond), Fail, ReasonTimeout, "")
	<-done
}

func TestUDPSource(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8 on its loopback interface")
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	p := Spec{
		Scheme: UDP, Host: "127.0.0.1", Port: uint16(conn.LocalAddr().(*net.UDPAddr).Port),
		Source: netip.MustParseAddr("127.0.0.7"),
	}
	try(t, prober(t, p), 200*time.Millisecond)
	if _, from, err := conn.ReadFrom(make([]byte, 1)); err != nil || from.(*net.UDPAddr).IP.String() != "127.0.0.7" {
		t.Errorf("Came from %v, %v", from, err)
	}
	p.Source = netip.MustParseAddr("192.0.2.1")
	wantResult(t, "an address that is not ours", try(t, prober(t, p), time.Second), Indeterminate, ReasonPorts, "")
}

// overUDP is a network in which hosts have addresses, and sockets fail or do as they are made to.
func overUDP(addrs []netip.Addr, dial func(context.Context, netip.AddrPort) (net.Conn, error)) *network {
	n := (&stub{addrs: addrs}).network(true)
	n.dialUDP = func(ctx context.Context, _ netip.Addr, target netip.AddrPort) (net.Conn, error) {
		return dial(ctx, target)
	}
	return n
}

func TestH11_UDPTriesAllAddresses(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}
	n := overUDP(addrs, func(ctx context.Context, target netip.AddrPort) (net.Conn, error) {
		return dialUDP(ctx, netip.Addr{}, target)
	})
	p, err := newProber(Spec{Scheme: UDP, Host: "www.example.org", Port: udpPeer(t, "127.0.0.1", always("pong")), Expect: "pong"}, n)
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, "the first refuses", try(t, p, 5*time.Second), Pass, ReasonOK, "")
}

// scripted is a datagram socket with these errors.
type scripted struct {
	net.Conn
	write, read error
}

func (s *scripted) Write(p []byte) (int, error) { return len(p), s.write }
func (s *scripted) SetDeadline(time.Time) error { return nil }
func (s *scripted) Close() error                { return nil }
func (s *scripted) RemoteAddr() net.Addr        { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 53} }
func (s *scripted) Read([]byte) (int, error)    { return 0, s.read }
func (s *scripted) dial() (net.Conn, error)     { return refusable{s}, nil }
func system(call string, errno syscall.Errno) error {
	return &net.OpError{Op: call, Err: os.NewSyscallError(call, errno)}
}

func TestH16_UDPErrorsOfOurOwnAreIndeterminate(t *testing.T) {
	for _, c := range []struct {
		call    string
		errno   syscall.Errno
		outcome Outcome
		reason  Reason
	}{
		{"dial", syscall.EMFILE, Indeterminate, ReasonFDLimit},
		{"dial", syscall.EADDRNOTAVAIL, Indeterminate, ReasonPorts},
		{"dial", syscall.ENETUNREACH, Fail, ReasonUnreachable},
		{"write", syscall.EPERM, Indeterminate, ReasonPermission},
		{"write", syscall.EACCES, Indeterminate, ReasonPermission},
		{"write", syscall.ENOBUFS, Indeterminate, ReasonFDLimit},
		{"write", syscall.ECONNREFUSED, Fail, ReasonRefused},
		{"read", syscall.ECONNREFUSED, Fail, ReasonRefused},
		{"read", syscall.EHOSTUNREACH, Fail, ReasonUnreachable},
		{"read", syscall.ENOMEM, Indeterminate, ReasonFDLimit},
	} {
		for _, expect := range []string{"", "pong"} {
			p, err := newProber(Spec{Scheme: UDP, Host: "192.0.2.1", Port: 53, Expect: expect}, overUDP(nil,
				func(context.Context, netip.AddrPort) (net.Conn, error) {
					switch err := system(c.call, c.errno); c.call {
					case "dial":
						return nil, err
					case "write":
						return (&scripted{write: err}).dial()
					default:
						return (&scripted{read: err}).dial()
					}
				}))
			if err != nil {
				t.Fatal(err)
			}
			wantResult(t, c.call+" "+c.errno.Error(), try(t, p, time.Second), c.outcome, c.reason, "udp 192.0.2.1:53: ")
		}
	}
}

// TestH16_UDPSilenceOfAStoppedProcessIsNone is a process that was stopped while it waited: what came is unread.
func TestH16_UDPSilenceOfAStoppedProcessIsNone(t *testing.T) {
	p, err := newProber(Spec{Scheme: UDP, Host: "192.0.2.1", Port: 53}, overUDP(nil,
		func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			<-ctx.Done()
			return (&scripted{read: os.ErrDeadlineExceeded}).dial()
		}))
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, "late", try(t, p, 20*time.Millisecond), Indeterminate, ReasonOverrun, "late")
}

func TestH16_UDPCancelIsIndeterminate(t *testing.T) {
	port := udpPeer(t, "127.0.0.1", always())
	for _, expect := range []string{"", "pong"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		p := Spec{Scheme: UDP, Host: "127.0.0.1", Port: port, Expect: expect}
		wantResult(t, "canceled", prober(t, p).Probe(ctx), Indeterminate, ReasonCanceled, "")
	}
}

func TestRefusalsOfTheNetworkAreFailures(t *testing.T) {
	for _, errno := range refusals {
		_, err := refusable{&scripted{read: system("read", errno)}}.Read(nil)
		wantResult(t, errno.Error(), classify(t.Context(), "udp", err, ReasonInternal).result(), Fail, ReasonUnreachable, "udp 192.0.2.1:53: ")
	}
	if err := remote("udp", errors.New("odd")); err.Error() != "odd" {
		t.Errorf("Got %v", err)
	}
}
