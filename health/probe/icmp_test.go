package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// TestICMP pings for real with each kind of socket that this machine permits. Where it permits none, that is what New
// must say.
func TestICMP(t *testing.T) {
	for _, host := range localhosts(t) {
		f := family(netip.MustParseAddr(host))
		allowed := 0
		for name, open := range map[string]opener{"raw": rawEcho, "ping": pingEcho} {
			n := *systemNetwork
			n.echo = &echoSockets{raw: open, ping: open}
			p, err := newProber(Spec{Scheme: ICMP, Host: host}, &n)
			if err != nil {
				if !strings.Contains(err.Error(), "neither a raw socket (CAP_NET_RAW) nor a ping socket (net.ipv4.ping_group_range)") {
					t.Errorf("%s %s: %v", host, name, err)
				}
				t.Logf("%s: this machine permits no %s sockets", host, name)
				continue
			}
			allowed++
			for range 3 {
				got := try(t, p, 5*time.Second)
				wantResult(t, host+" "+name, got, Pass, ReasonOK, "answered")
				if got.Phases.FirstByte == 0 || got.Phases.Connect != 0 {
					t.Errorf("%s %s: phases %+v", host, name, got.Phases)
				}
			}
			bound, err := newProber(Spec{Scheme: ICMP, Host: host, Source: netip.MustParseAddr(host)}, &n)
			if err != nil {
				t.Fatal(err)
			}
			wantResult(t, host+" "+name+" with a source", try(t, bound, 5*time.Second), Pass, ReasonOK, "")
		}
		_, err := New(Spec{Scheme: ICMP, Host: host})
		if _, way := systemEcho.way(f); (err == nil) != (allowed > 0) || (way == nil) != (allowed > 0) {
			t.Errorf("%s: %d kinds of sockets are permitted, but New says %v, and the attempt %v", host, allowed, err, way)
		}
	}
}

// denied is an opener that may not.
func denied(errno syscall.Errno) opener {
	return func(context.Context, netip.Addr, netip.Addr) (net.Conn, error) { return nil, system("socket", errno) }
}

// dead is an opener whose sockets hear nothing but err.
func dead(err error) opener {
	return func(context.Context, netip.Addr, netip.Addr) (net.Conn, error) { return &scripted{read: err}, nil }
}

func TestICMPPermissionIsFoundOutAtLoad(t *testing.T) {
	for _, c := range []struct {
		name      string
		raw, ping opener
		want      string
	}{
		{"raw", dead(nil), denied(syscall.EACCES), ""},
		{"ping", denied(syscall.EPERM), dead(nil), ""},
		{"neither", denied(syscall.EPERM), denied(syscall.EACCES), "icmp: this process may open neither a raw socket (CAP_NET_RAW) " +
			"nor a ping socket (net.ipv4.ping_group_range): operation not permitted, permission denied"},
		{"a kernel without ping sockets", denied(syscall.EPERM), denied(syscall.EPROTONOSUPPORT), "protocol not supported"},
		{"not Linux", denied(syscall.EPERM), func(context.Context, netip.Addr, netip.Addr) (net.Conn, error) {
			return nil, errors.ErrUnsupported
		}, "unsupported operation"},
		// What is missing now need not be missing later.
		{"out of descriptors", denied(syscall.EMFILE), denied(syscall.EACCES), ""},
		{"no IPv6", denied(syscall.EAFNOSUPPORT), denied(syscall.EAFNOSUPPORT), ""},
	} {
		for _, s := range []Spec{
			{Scheme: ICMP, Host: "192.0.2.1"},
			{Scheme: ICMP, Host: "2001:db8::1"},
			{Scheme: ICMP, Host: "www.example.org"},
			{Scheme: ICMP, Host: "www.example.org", Source: netip.MustParseAddr("2001:db8::2")},
		} {
			n := (&stub{}).network(true)
			n.echo = &echoSockets{raw: c.raw, ping: c.ping}
			_, err := newProber(s, n)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.want)
			}
		}
	}
}

// TestICMPPermissionOfOneFamilyIsEnoughForAName is a machine on which only IPv4 may be pinged.
func TestICMPPermissionOfOneFamilyIsEnoughForAName(t *testing.T) {
	only4 := func(_ context.Context, _, target netip.Addr) (net.Conn, error) {
		if target.Is4() {
			return &scripted{read: system("read", syscall.ECONNREFUSED)}, nil
		}
		return nil, system("socket", syscall.EPERM)
	}
	s := &stub{addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}
	n := s.network(true)
	n.echo = &echoSockets{raw: only4, ping: only4}
	p, err := newProber(Spec{Scheme: ICMP, Host: "www.example.org"}, n)
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, "IPv6 only", try(t, p, time.Second), Indeterminate, ReasonPermission, "neither a raw socket")
	s.addrs = append(s.addrs, netip.MustParseAddr("192.0.2.1"))
	wantResult(t, "both", try(t, p, time.Second), Fail, ReasonRefused, "icmp 192.0.2.1: ")
}

func TestICMPPermissionIsRemembered(t *testing.T) {
	opened := 0
	n := (&stub{}).network(true)
	n.echo = &echoSockets{ping: denied(syscall.EACCES), raw: func(context.Context, netip.Addr, netip.Addr) (net.Conn, error) {
		opened++
		return &scripted{}, nil
	}}
	for range 100 {
		if _, err := newProber(Spec{Scheme: ICMP, Host: "192.0.2.1"}, n); err != nil {
			t.Fatal(err)
		}
	}
	if opened != 1 {
		t.Errorf("Asked %d times", opened)
	}
}

func TestH16_ICMPErrors(t *testing.T) {
	for _, c := range []struct {
		call    string
		errno   syscall.Errno
		outcome Outcome
		reason  Reason
	}{
		{"open", syscall.EMFILE, Indeterminate, ReasonFDLimit},
		{"open", syscall.EPERM, Indeterminate, ReasonPermission},
		{"open", syscall.ENETUNREACH, Fail, ReasonUnreachable},
		{"write", syscall.ENOBUFS, Indeterminate, ReasonFDLimit},
		{"write", syscall.EACCES, Indeterminate, ReasonPermission},
		{"write", syscall.EPERM, Indeterminate, ReasonPermission},
		{"read", syscall.EHOSTUNREACH, Fail, ReasonUnreachable},
		{"read", syscall.ECONNREFUSED, Fail, ReasonRefused},
		{"read", syscall.EACCES, Fail, ReasonUnreachable},
	} {
		n := (&stub{}).network(true)
		failed := system(c.call, c.errno)
		n.echo = &echoSockets{raw: func(_ context.Context, _, target netip.Addr) (net.Conn, error) {
			switch {
			case target.IsLoopback():
				return &scripted{}, nil
			case c.call == "open":
				return nil, failed
			case c.call == "write":
				return &scripted{write: failed}, nil
			default:
				return &scripted{read: failed}, nil
			}
		}}
		p, err := newProber(Spec{Scheme: ICMP, Host: "192.0.2.1"}, n)
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, c.call+" "+c.errno.Error(), try(t, p, time.Second), c.outcome, c.reason, "icmp 192.0.2.1: ")
	}
}

// TestICMPTimeout has a target that says a lot, but never answers.
func TestICMPTimeout(t *testing.T) {
	n := (&stub{}).network(true)
	n.echo = &echoSockets{raw: func(context.Context, netip.Addr, netip.Addr) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			request := make([]byte, maxEcho)
			size, err := theirs.Read(request)
			for ; err == nil; _, err = theirs.Write(request[:size]) { // the request is not the reply to itself
			}
		}()
		return ours, nil
	}}
	p, err := newProber(Spec{Scheme: ICMP, Host: "192.0.2.1"}, n)
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, "never answers", try(t, p, 50*time.Millisecond), Fail, ReasonTimeout, "icmp 192.0.2.1: no answer in time")
}

// reply is what a host answers to e.
func (e *echo) reply(tb testing.TB, change func(*icmp.Message, *icmp.Echo)) []byte {
	tb.Helper()
	body := &icmp.Echo{ID: int(e.id), Seq: int(e.seq), Data: e.token[:]}
	m := &icmp.Message{Type: ipv6.ICMPTypeEchoReply, Body: body}
	if e.v4 {
		m.Type = ipv4.ICMPTypeEchoReply
	}
	if change != nil {
		change(m, body)
	}
	message, err := m.Marshal(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return message
}

func TestICMPReply(t *testing.T) {
	for _, v4 := range []bool{true, false} {
		e := newEcho(v4)
		request, err := e.message()
		if err != nil {
			t.Fatal(err)
		}
		other := &echo{v4: !v4, id: e.id, seq: e.seq, token: e.token}
		for name, c := range map[string]struct {
			message []byte
			want    bool
		}{
			"reply": {e.reply(t, nil), true},
			// The identifier is the kernel's on a ping socket.
			"another identifier": {e.reply(t, func(_ *icmp.Message, b *icmp.Echo) { b.ID++ }), true},
			"another number":     {e.reply(t, func(_ *icmp.Message, b *icmp.Echo) { b.Seq++ }), false},
			"another code":       {e.reply(t, func(m *icmp.Message, _ *icmp.Echo) { m.Code = 1 }), false},
			"other data":         {e.reply(t, func(_ *icmp.Message, b *icmp.Echo) { b.Data = make([]byte, 16) }), false},
			"longer":             {e.reply(t, func(_ *icmp.Message, b *icmp.Echo) { b.Data = append([]byte{0}, b.Data...) }), false},
			"no data":            {e.reply(t, func(_ *icmp.Message, b *icmp.Echo) { b.Data = nil }), false},
			"the request":        {request, false},
			"the other family":   {other.reply(t, nil), false},
			"the data alone":     {e.token[:], false},
			"nothing":            {nil, false},
		} {
			if got := e.answeredBy(c.message); got != c.want {
				t.Errorf("IPv4 %v, %s: got %v", v4, name, got)
			}
		}
		if twin := newEcho(v4); twin.token == e.token || twin.id == e.id && twin.seq == e.seq {
			t.Error("Two requests are alike")
		}
	}
}

// FuzzEcho holds that nothing answers that is not the reply to the byte, apart from identifier and checksum.
func FuzzEcho(f *testing.F) {
	token := [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	for _, v4 := range []bool{true, false} {
		e := &echo{v4: v4, id: 1, seq: 2, token: token}
		f.Add(v4, e.reply(f, nil))
		f.Add(v4, e.reply(f, func(m *icmp.Message, _ *icmp.Echo) { m.Type = ipv4.ICMPTypeDestinationUnreachable }))
	}
	f.Fuzz(func(t *testing.T, v4 bool, message []byte) {
		e := &echo{v4: v4, id: 1, seq: 2, token: token}
		if !e.answeredBy(message) {
			return
		}
		want := e.reply(t, nil)
		if len(message) != len(want) {
			t.Fatalf("%x is taken for a reply", message)
		}
		for i := range want {
			if message[i] != want[i] && (i < 2 || i > 5) {
				t.Fatalf("%x is taken for a reply", message)
			}
		}
	})
}
