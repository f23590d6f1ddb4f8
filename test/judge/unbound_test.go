package judge

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// resolver is an unbound that trusts the zone's key and asks nobody but the server given.
type resolver struct{ addr string }

// unboundConfig has the words for the zone's server and for what it may conclude from denials (RFC 8198).
const unboundConfig = `server:
	interface: 127.0.0.1@%[1]d
	access-control: 127.0.0.0/8 allow
	username: ""
	chroot: ""
	directory: "%[2]s"
	pidfile: ""
	use-syslog: no
	logfile: ""
	num-threads: 1
	do-ip6: no
	do-not-query-localhost: no
	root-hints: ""
	module-config: "validator iterator"
	trust-anchor-file: "%[2]s/unbound.key"
	trust-anchor-signaling: no
	target-fetch-policy: "0 0 0 0 0"
	aggressive-nsec: %[4]s
remote-control:
	control-enable: no
stub-zone:
	name: example.org
	stub-addr: 127.0.0.1@%[3]d
stub-zone:
	name: example.net
	stub-addr: 127.0.0.1@%[3]d
`

// startUnbound starts one that ends with the test.
func (s *signedServer) startUnbound(t *testing.T, port int, aggressive string) *resolver {
	t.Helper()
	own := harness.FreePort(t)
	dir := t.TempDir()
	files := map[string]string{
		"unbound.key":  s.keys[0].String() + "\n",
		"unbound.conf": fmt.Sprintf(unboundConfig, own, dir, port, aggressive),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log harness.LogBuffer
	command := exec.Command("unbound", "-d", "-c", filepath.Join(dir, "unbound.conf"))
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("The log of unbound:\n%s", log.String())
		}
	})
	r := &resolver{net.JoinHostPort("127.0.0.1", strconv.Itoa(own))}
	harness.Eventually(t, harness.Soon, "an answer from unbound", func() bool {
		_, err := r.exchange("example.org.", dns.TypeSOA)
		return err == nil
	})
	return r
}

func (r *resolver) exchange(name string, qtype uint16) (*dns.Msg, error) {
	q := harness.Question(name, qtype)
	q.RecursionDesired = true
	q.SetEdns0(4096, true)
	m, _, err := (&dns.Client{Timeout: harness.Patience, UDPSize: 4096}).Exchange(q, r.addr)
	return m, err
}

func (r *resolver) ask(t *testing.T, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m, err := r.exchange(name, qtype)
	if err != nil {
		t.Fatalf("Expected an answer to %s %s from unbound, got error: %v", name, dns.Type(qtype), err)
	}
	return m
}

// TestUnboundValidatesEveryAnswer has another validator than delv's look at the same answers.
func TestUnboundValidatesEveryAnswer(t *testing.T) {
	t.Parallel()
	rare(t)
	need(t, "unbound", "unbound")
	count := 0
	deliver(t, "unbound", "signed answers", func() string {
		return fmt.Sprintf("%d asked before and after a failover: all that can be signed validate", count)
	})
	s := startSigned(t, newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256))
	for _, at := range states {
		s.enter(t, at.state)
		// A new one, since it keeps what it has seen.
		r := s.startUnbound(t, s.Ports["@DNS@"], "no")
		for _, q := range delvQuestions {
			want := ""
			if len(q.want) > 0 {
				want = q.want[min(int(at.state), len(q.want)-1)]
			}
			m := r.ask(t, strings.TrimPrefix(q.name+".example.org.", "."), dns.StringToType[q.rrtype])
			secure := want != servfail && want != refused && want != unsigned
			if m.AuthenticatedData != secure || secure != (m.Rcode == dns.RcodeSuccess) && want != unsigned {
				t.Errorf("%s, %s %s: expected %q, validated: %v, got: %v", at.name, q.name, q.rrtype, want, secure, m)
			}
			count++
		}
	}
}

// TestUnboundIsMisledByDenials shows what README.md says under Bugs of the dnssec plugin: its denials name a fixed list
// of types, and a resolver that draws conclusions from them takes types beside these for absent. It is so with the file
// plugin, too.
func TestUnboundIsMisledByDenials(t *testing.T) {
	t.Parallel()
	rare(t)
	need(t, "unbound", "unbound")
	deliver(t, "unbound", "types beside a denied one", func() string {
		return "KNOWN, CoreDNS's own: dnssec's denials hide HTTPS, CAA... from resolvers that use them (RFC 8198)"
	})
	s := &signedServer{keys: []*zoneKey{newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256)}}
	block := "example.org:%s {\n bind 127.0.0.1\n dnssec {\n key file Kexample.org\n }\n %s\n}\n"
	s.Server = harness.Start(t,
		fmt.Sprintf(block, "@DNS@", "failover {\n static svc 192.0.2.1\n static svc HTTPS \"1 . alpn=h2\"\n }")+
			fmt.Sprintf(block, "@FILE@", "file zone"),
		append(s.keys[0].files, "zone",
			"@ 60 SOA ns.dns hostmaster 1 7200 1800 86400 60\n@ 60 NS ns.dns\n"+
				"svc 60 A 192.0.2.1\nsvc 60 HTTPS 1 . alpn=h2\n")...)
	for _, port := range []string{"@DNS@", "@FILE@"} {
		for aggressive, answers := range map[string]int{"yes": 0, "no": 2} {
			r := s.startUnbound(t, s.Ports[port], aggressive)
			if m := r.ask(t, "svc.example.org.", dns.TypeCAA); len(m.Answer) != 0 || !m.AuthenticatedData {
				t.Errorf("Expected a validated denial, got: %v", m)
			}
			if m := r.ask(t, "svc.example.org.", dns.TypeHTTPS); len(m.Answer) != answers || !m.AuthenticatedData {
				t.Errorf("%s, aggressive-nsec: %s: expected %d records, got: %v", port, aggressive, answers, m)
			}
			if m := r.ask(t, "svc.example.org.", dns.TypeA); len(m.Answer) != 2 || !m.AuthenticatedData {
				t.Errorf("%s, aggressive-nsec: %s: expected the address, got: %v", port, aggressive, m)
			}
		}
	}
}

// TestUnboundTakesStrippedAnswers shows the other thing that README.md says of the dnssec plugin: it denies the DS of
// any name as that of an insecure delegation is denied, so an answer without its signatures is no forgery to a
// validator.
func TestUnboundTakesStrippedAnswers(t *testing.T) {
	t.Parallel()
	rare(t)
	need(t, "unbound", "unbound")
	deliver(t, "unbound", "answers without their signatures", func() string {
		return "KNOWN, CoreDNS's own: dnssec's denial of DS below the apex makes forged answers count as unsigned"
	})
	s := startSigned(t, newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256))
	port := s.forger(t)
	r := s.startUnbound(t, port, "no")
	m := r.ask(t, "www.example.org.", dns.TypeA)
	if m.AuthenticatedData || !slices.Equal(harness.Answer(m), []string{"A 203.0.113.66"}) {
		t.Errorf("Expected the forged address, not validated, got: %v", m)
	}
	// At the apex there is no such denial.
	if m := r.ask(t, "example.org.", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("Expected the forged address to be refused, got: %v", m)
	}
}

// forger listens between a resolver and the server, puts another address into answers and takes the signatures away.
func (s *signedServer) forger(t *testing.T) int {
	t.Helper()
	port := harness.FreePort(t)
	conn, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	forge := func(w dns.ResponseWriter, q *dns.Msg) {
		m, _, err := (&dns.Client{Net: "tcp", Timeout: harness.Patience}).Exchange(q, s.Addr)
		if err != nil {
			return
		}
		if q.Question[0].Qtype == dns.TypeA && len(m.Answer) > 0 {
			forged, err := dns.NewRR(m.Answer[0].Header().Name + " 60 IN A 203.0.113.66")
			if err != nil {
				return
			}
			m.Answer = []dns.RR{forged}
		}
		_ = w.WriteMsg(m)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(forge)}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { conn.Close() })
	return port
}
