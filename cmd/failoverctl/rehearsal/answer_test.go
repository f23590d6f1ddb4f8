package rehearsal

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestSides(t *testing.T) {
	for _, tc := range []struct {
		name, before, after, answer string
		moved, back                 bool
	}{
		{"before", "1 2", "3", "1 2", false, true},
		{"some of before", "1 2", "3", "2", false, true},
		{"after", "1 2", "3", "3", true, false},
		{"both", "1 2", "3", "1 3", false, false},
		{"neither", "1 2", "3", "4", false, false},
		{"nothing", "1 2", "3", "", false, false},
		{"nothing is what comes", "1 2", "", "", true, false},
		{"what is on both sides says nothing", "1 2", "2 3", "2", false, false},
		{"with what is on both sides", "1 2", "2 3", "2 3", true, false},
		{"a part of before", "1 2", "2", "2", true, false},
	} {
		s := newSides(strings.Fields(tc.before), strings.Fields(tc.after))
		a := Answer{Values: strings.Fields(tc.answer)}
		if s.moved(a) != tc.moved || s.back(a) != tc.back {
			t.Errorf("%s: Expected moved %v and back %v, got %v and %v", tc.name, tc.moved, tc.back, s.moved(a), s.back(a))
		}
	}
}

func TestTypes(t *testing.T) {
	for _, tc := range []struct {
		set, values string
		want        []uint16
	}{
		{"A/AAAA", "192.0.2.1", []uint16{dns.TypeA}},
		{"A/AAAA", "2001:db8::1 192.0.2.1 192.0.2.2", []uint16{dns.TypeA, dns.TypeAAAA}},
		{"A/AAAA", "", []uint16{dns.TypeA, dns.TypeAAAA}},
		{"MX", "", []uint16{dns.TypeMX}},
		{"TYPE65280", "", []uint16{65280}},
	} {
		if got := typesOf(tc.set, strings.Fields(tc.values)); !slices.Equal(got, tc.want) {
			t.Errorf("%s of %s: Expected %v, got %v", tc.set, tc.values, tc.want, got)
		}
	}
}

// TestNormal wants values to be equal to those of an answer however they are written.
func TestNormal(t *testing.T) {
	for _, tc := range []struct{ set, value, want string }{
		{"A/AAAA", "192.0.2.1", "192.0.2.1"},
		{"A/AAAA", "2001:DB8:0::1", "2001:db8::1"},
		{"MX", "10   Mail.Example.org.", "10 mail.example.org."},
		{"TXT", "some text", `"some" "text"`},
		{"MX", "what?", "what?"},
	} {
		if got := normal([]string{tc.value, tc.value}, tc.set); !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%s %q: Expected %q, got %q", tc.set, tc.value, tc.want, got)
		}
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:1053": "192.0.2.1:1053", "2001:db8::1": "[2001:db8::1]:53",
		"[2001:db8::1]": "[2001:db8::1]:53", "[::1]:1053": "[::1]:1053", "localhost:53": "localhost:53",
		"localhost": "", "": "", ":53": "", "127.0.0.1:": "",
	} {
		if got, err := Address(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: Expected %q, got %q and error %v", text, want, got, err)
		}
	}
}

// TestAsk asks a real name server, which cuts off what it says over UDP.
func TestAsk(t *testing.T) {
	address := nameServer(t, func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncated = true
		} else if r.Question[0].Qtype == dns.TypeA {
			for _, text := range []string{
				"www.example.org. 9 IN A 192.0.2.2", "www.example.org. 8 IN A 192.0.2.1", "www.example.org. 7 IN CNAME other.",
			} {
				rr, err := dns.NewRR(text)
				if err != nil {
					t.Error(err)
				}
				m.Answer = append(m.Answer, rr)
			}
		} else {
			m.Rcode = dns.RcodeServerFailure
		}
		_ = w.WriteMsg(m)
	})
	ask := Ask(address)
	a, err := ask(t.Context(), "www.example.org.", []uint16{dns.TypeA})
	if err != nil || a.String() != "192.0.2.1 192.0.2.2" || a.TTL != 8 {
		t.Errorf("Expected both addresses for 8 s, got %+v and error %v", a, err)
	}
	if a, err = ask(t.Context(), "www.example.org.", []uint16{dns.TypeAAAA}); err != nil || a.String() != "SERVFAIL" {
		t.Errorf("Expected SERVFAIL, got %+v and error %v", a, err)
	}
	if _, err := Ask("127.0.0.1:1")(t.Context(), "www.example.org.", []uint16{dns.TypeA}); err == nil {
		t.Error("Expected an error where nobody answers, got none")
	}
}

// nameServer answers on UDP and TCP of one port.
func nameServer(t *testing.T, handler dns.HandlerFunc) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			l.Close()
			continue
		}
		for _, s := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: p, Handler: handler}} {
			up, done := make(chan struct{}), make(chan struct{})
			s.NotifyStartedFunc = func() { close(up) }
			go func() {
				_ = s.ActivateAndServe()
				close(done)
			}()
			<-up
			t.Cleanup(func() {
				_ = s.Shutdown()
				<-done
			})
		}
		return l.Addr().String()
	}
	t.Fatal("No port is free for both UDP and TCP")
	return ""
}
