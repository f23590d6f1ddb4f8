package test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

const outsideZone = `$ORIGIN example.net.
@ 3600 IN SOA ns hostmaster %d 3600 600 86400 60
@ 3600 IN NS ns
%s
`

// outsideRecords is a zone file with records; each one is a newer version than the one before.
func outsideRecords(version int, records ...string) string {
	return fmt.Sprintf(outsideZone, version, strings.Join(records, "\n"))
}

// TestA08_NamesOfOtherPlugins has aliases to names that other plugins of the server block answer for: the answer moves
// with theirs.
func TestA08_NamesOfOtherPlugins(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		failover {
			ttl 30s 2s
			primary   db alias db.example.net.
			secondary db 198.51.100.1 2001:db8::1
			primary   in alias hosted.example.com.
			static    ptr alias moved.example.net.
			static    www CNAME db.example.net.
			static    ext CNAME hosted.example.com.
		}
		hosts hosts.txt example.com {
			ttl 9
			reload 100ms
		}
		file db.zone example.net {
			reload 100ms
		}
	}`, "hosts.txt", "192.0.2.30 hosted.example.com\n", "db.zone", outsideRecords(1,
		"db 20 IN A 192.0.2.11", "db 20 IN A 192.0.2.10", "moved 40 IN CNAME hosted.example.com."))
	await := func(what, name string, qtype uint16, want ...string) {
		t.Helper()
		var got []string
		harness.Eventually(t, 2*harness.Soon, what, func() bool {
			got = harness.Answer(s.Ask(t, name, qtype))
			return slices.Equal(got, want)
		})
	}
	await("both addresses", "db.example.org.", dns.TypeA, "A 192.0.2.10", "A 192.0.2.11")
	await("the hosts file", "in.example.org.", dns.TypeA, "A 192.0.2.30")
	await("a CNAME to another plugin", "ptr.example.org.", dns.TypeA, "A 192.0.2.30")
	await("the target of a CNAME", "www.example.org.", dns.TypeA, "A 192.0.2.10", "A 192.0.2.11", "CNAME db.example.net.")
	m := s.Ask(t, "DB.example.org.", dns.TypeA)
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Name != "DB.example.org." || h.Ttl != 20 || !m.Authoritative {
			t.Errorf("Expected the asked name with the TTL of the target, got %v", m)
		}
	}
	// The tier has no IPv6 address, and is healthy all the same (R18).
	if m := s.Ask(t, "db.example.org.", dns.TypeAAAA); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 {
		t.Errorf("Expected no AAAA, got %v", m)
	}
	serial := s.Serial(t, "example.org.")
	s.Write(t, "hosts.txt", "192.0.2.31 hosted.example.com\n2001:db8::31 hosted.example.com\n")
	await("another hosts file", "in.example.org.", dns.TypeA, "A 192.0.2.31")
	await("another hosts file", "in.example.org.", dns.TypeAAAA, "AAAA 2001:db8::31")
	if next := s.Serial(t, "example.org."); int32(next-serial) <= 0 {
		t.Errorf("Expected a higher serial than %d, got %d", serial, next)
	}
	s.Write(t, "db.zone", outsideRecords(2, "db 20 IN TXT nothing", "moved 40 IN CNAME hosted.example.com."))
	await("the secondary when there is no address", "db.example.org.", dns.TypeA, "A 198.51.100.1")
	s.Write(t, "db.zone", outsideRecords(3, "db 20 IN AAAA 2001:db8::10"))
	await("the primary again", "db.example.org.", dns.TypeAAAA, "AAAA 2001:db8::10")
	s.Write(t, "db.zone", outsideRecords(4, "db 20 IN CNAME db.example.org."))
	await("the secondary when the name leads back", "db.example.org.", dns.TypeAAAA, "AAAA 2001:db8::1")
	s.Write(t, "db.zone", outsideRecords(5, "db 20 IN AAAA 2001:db8::11"))
	await("the primary again", "db.example.org.", dns.TypeAAAA, "AAAA 2001:db8::11")
	s.Write(t, "db.zone", outsideRecords(6, "other 20 IN A 192.0.2.99"))
	await("the secondary when the name is gone", "db.example.org.", dns.TypeAAAA, "AAAA 2001:db8::1")
	await("no target", "www.example.org.", dns.TypeA, "CNAME db.example.net.")
	if m := s.Ask(t, "www.example.org.", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("Expected the rcode of the CNAME's end, got %v", m)
	}
}

// upstream is a name server that can be told to hang. Addr is where.
type upstream struct {
	Addr string
	hang atomic.Bool
}

func serveUpstream(t *testing.T) *upstream {
	t.Helper()
	u := new(upstream)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Addr = conn.LocalAddr().String()
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		if u.hang.Load() {
			return
		}
		m := new(dns.Msg).SetReply(r)
		if q := r.Question[0]; q.Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{
				Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 50),
			}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return u
}

// TestA08_AHangingForwardHoldsUpNoQuery has the plugin behind hang: answers go on, with what is known, and at once.
func TestA08_AHangingForwardHoldsUpNoQuery(t *testing.T) {
	t.Parallel()
	u := serveUpstream(t)
	s := harness.Start(t, fmt.Sprintf(`example.org:@DNS@ {
		bind 127.0.0.1
		errors
		failover {
			ttl 30s 2s
			primary   db alias db.example.net.
			secondary db 198.51.100.1
			static    only alias db.example.net.
			static    www CNAME www.example.net.
		}
		forward . %s
	}`, u.Addr))
	for _, name := range []string{"db", "only"} {
		s.AwaitA(t, harness.Soon, name, "192.0.2.50")
	}
	u.hang.Store(true)
	quick := func(name string, want ...string) bool {
		t.Helper()
		began := time.Now()
		got := harness.Answer(s.Ask(t, name, dns.TypeA))
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("%s took %s", name, took)
		}
		return slices.Equal(got, want)
	}
	// By fall: some failures, each a timeout.
	harness.Eventually(t, 40*time.Second, "the secondary", func() bool {
		return quick("db.example.org.", "A 198.51.100.1")
	})
	if !quick("only.example.org.", "A 192.0.2.50") {
		t.Error("Expected what was known last, where all is down")
	}
	if !quick("www.example.org.", "A 192.0.2.50", "CNAME www.example.net.") {
		t.Error("Expected what was known last of a CNAME's target")
	}
	u.hang.Store(false)
	s.AwaitA(t, 2*harness.Soon, "db", "192.0.2.50")
}

// TestA08_AddressesSurviveAReload reloads while the plugin behind hangs: what is known stays known.
func TestA08_AddressesSurviveAReload(t *testing.T) {
	t.Parallel()
	u := serveUpstream(t)
	corefile := func(ttl string) string {
		return fmt.Sprintf(`example.org:@DNS@ {
			bind 127.0.0.1
			errors
			failover {
				ttl %s 2s
				primary   db alias db.example.net.
				secondary db 198.51.100.1
				set       db failback manual
			}
			forward . %s
		}`, ttl, u.Addr)
	}
	s := harness.Start(t, corefile("30s"))
	s.AwaitA(t, harness.Soon, "db", "192.0.2.50")
	u.hang.Store(true)
	s.SignalReload(t, corefile("31s"), false)
	if got := s.A(t, "db"); got != "192.0.2.50" {
		t.Errorf("Expected the address to be known after the reload, got %q", got)
	}
}

// TestA07_NobodyComesAfter refuses an alias that nobody could look up.
func TestA07_NobodyComesAfter(t *testing.T) {
	t.Parallel()
	log := harness.Refused(t, `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		failover {
			primary db alias db.example.net.
		}
	}`)
	if want := "Corefile:5 - alias leads to no record set, and no plugin that could look the name up comes after this one in " +
		"the server block: db.example.org. -> db.example.net."; !strings.Contains(log, want) {
		t.Errorf("Expected %q in\n%s", want, log)
	}
}

// TestA08_NoViewInheritsAnothers takes a view away, so that the block of the other one stands in its place: what was found
// for the clients of the one must not be answered to those of the other, least of all while nothing can be found for them.
func TestA08_NoViewInheritsAnothers(t *testing.T) {
	t.Parallel()
	u := serveUpstream(t)
	u.hang.Store(true)
	const block = `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		%s
		failover {
			primary   db alias db.example.net.
			secondary db 198.51.100.1
			static    only alias db.example.net.
			static    generation TXT %d
		}
		%s
	}
	`
	inside := fmt.Sprintf(block, "view inside {\nexpr type() in ['A']\n}", 1, "hosts hosts.txt example.net")
	outside := func(generation int) string { return fmt.Sprintf(block, "", generation, "forward . "+u.Addr) }
	s := harness.Start(t, inside+outside(1), "hosts.txt", "192.0.2.30 db.example.net\n")
	for _, name := range []string{"db", "only"} {
		s.AwaitA(t, harness.Soon, name, "192.0.2.30")
	}
	s.SignalReload(t, outside(2), false)
	harness.Eventually(t, harness.Soon, "the reload", func() bool {
		return slices.Equal(harness.Answer(s.Ask(t, "generation.example.org.", dns.TypeTXT)), []string{`TXT "2"`})
	})
	if got := s.A(t, "db"); got != "198.51.100.1" {
		t.Errorf("Expected the secondary, got %q", got)
	}
	if m := s.Ask(t, "only.example.org.", dns.TypeA); len(m.Answer) != 0 {
		t.Errorf("Expected none of the other view's addresses, got %v", m)
	}
}
