package test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/seed-a19ac2b6/failover/plugin/failover"
	"github.com/seed-a19ac2b6/failover/test/harness"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/autopath"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/dnssec"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/minimal"
	_ "github.com/coredns/coredns/plugin/nsid"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/tsig"
	"github.com/miekg/dns"
)

// chain is a server in this process, so that the race detector sees it, behind everything that writes to a reply on its
// way out.
const chain = `example.org:%[5]d {
	bind 127.0.0.1
	metadata
	nsid chain
	prometheus 127.0.0.1:0
	errors
	log . "{name} {/failover/record} {/failover/policy} {/failover/id} {/failover/degraded}"
	tsig {
		secret key.example.org. %[1]s
	}
	autopath example.org %[2]s
	minimal
	cache 30
	rewrite name exact old.example.org www.example.org answer auto
	dnssec {
		key file %[3]s
	}
	loadbalance
	failover {
		ttl 60s 10s
		check * interval 100ms timeout 100ms fast 20ms fall 2 rise 1
		check web %[4]s
		primary   www 192.0.2.1 2001:db8::1 check web
		secondary www 198.51.100.1 2001:db8::2
		weight 10 api 192.0.2.11 check web
		weight 20 api 192.0.2.12
		weight 20 api 192.0.2.13
		answer    mul 192.0.2.21 check web
		answer    mul 192.0.2.22
		answer    mul 192.0.2.23
		set       mul max 2
		static    txt TXT one two three
		static    all 192.0.2.31 192.0.2.32 192.0.2.33 192.0.2.34
		static    *.wild 192.0.2.41 192.0.2.42
		static    own CNAME all
		primary   app alias www
		secondary app alias mul
		primary   @ MX "10 mx1.example.org." check web
		secondary @ MX "20 mx2.example.org."
	}
}
`

// chainSecret is the key of the clients that sign their queries.
var chainSecret = base64.StdEncoding.EncodeToString([]byte("a secret of the test's own"))

// chainAnswers are the records that each question may be answered with, in every state of health, and how many at once.
var chainAnswers = []struct {
	name  string
	qtype uint16
	from  []string
	count int
	// signed says that DNSSEC signatures must verify. What autopath and rewrite change is changed after signing.
	signed bool
}{
	{"www.example.org.", dns.TypeA, []string{"A 192.0.2.1", "A 198.51.100.1"}, 1, true},
	{"www.example.org.", dns.TypeAAAA, []string{"AAAA 2001:db8::1", "AAAA 2001:db8::2"}, 1, true},
	{"api.example.org.", dns.TypeA, []string{"A 192.0.2.11", "A 192.0.2.12", "A 192.0.2.13"}, 1, true},
	{"mul.example.org.", dns.TypeA, []string{"A 192.0.2.21", "A 192.0.2.22", "A 192.0.2.23"}, 2, true},
	{"txt.example.org.", dns.TypeTXT, []string{`TXT "one"`, `TXT "two"`, `TXT "three"`}, 3, true},
	{"all.example.org.", dns.TypeA, []string{"A 192.0.2.31", "A 192.0.2.32", "A 192.0.2.33", "A 192.0.2.34"}, 4, true},
	{"x.wild.example.org.", dns.TypeA, []string{"A 192.0.2.41", "A 192.0.2.42"}, 2, true},
	{"own.example.org.", dns.TypeA,
		[]string{"A 192.0.2.31", "A 192.0.2.32", "A 192.0.2.33", "A 192.0.2.34", "CNAME all.example.org."}, 5, true},
	{"app.example.org.", dns.TypeA, []string{"A 192.0.2.1", "A 198.51.100.1"}, 1, true},
	{"example.org.", dns.TypeMX, []string{"MX 10 mx1.example.org.", "MX 20 mx2.example.org."}, 1, true},
	{"example.org.", dns.TypeNS, []string{"NS ns.dns.example.org."}, 1, true},
	{"mul.example.org.", dns.TypeAAAA, nil, 0, false},
	{"nope.example.org.", dns.TypeA, nil, 0, false},
	{"old.example.org.", dns.TypeA, []string{"A 192.0.2.1", "A 198.51.100.1"}, 1, false},
	{"all.search.example.org.", dns.TypeA,
		[]string{"A 192.0.2.31", "A 192.0.2.32", "A 192.0.2.33", "A 192.0.2.34", "CNAME all.example.org."}, 5, false},
}

// TestChainOfWriters asks through all of them at once while the health of a target goes up and down, and then looks
// whether the records that all answers share are what they were.
func TestChainOfWriters(t *testing.T) {
	e := harness.Serve(t)
	addr, key := startChain(t, e)

	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() { flap(e, ended) })
	errs := make(chan error, 8)
	var clients sync.WaitGroup
	for i := range cap(errs) {
		clients.Go(func() { errs <- chainClient(addr, key, rand.New(rand.NewPCG(1, uint64(i))), 500) })
	}
	clients.Wait()
	close(ended)
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}

	// In peace, and over TCP: the names as configured, the settled TTL, nothing added.
	e.Set(harness.OK)
	settled := func() bool { return chainAsk(t, addr, "www.example.org.", dns.TypeA).Answer[0].Header().Ttl == 60 }
	harness.Eventually(t, harness.Soon, "the settled TTL", settled)
	for _, q := range chainAnswers {
		m := chainAsk(t, addr, q.name, q.qtype)
		if err := judgeChain(m, q.name, q.from, q.count); err != nil {
			t.Errorf("Afterwards: %v", err)
		}
		for _, rr := range m.Answer {
			if h := rr.Header(); h.Ttl != 60 || h.Class != dns.ClassINET || h.Name != strings.ToLower(h.Name) {
				t.Errorf("Afterwards: expected the record as configured, got: %v", rr)
			}
		}
	}
}

func chainAsk(t *testing.T, addr, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m, _, err := (&dns.Client{Net: "tcp", Timeout: harness.Patience}).Exchange(harness.Question(name, qtype), addr)
	if err != nil {
		t.Fatalf("Expected an answer to %s, got error: %v", name, err)
	}
	if len(m.Answer) == 0 && name == "www.example.org." {
		t.Fatalf("Expected an answer to %s, got: %v", name, m)
	}
	return m
}

// startChain starts the server in this process and returns its address and the key that it signs with.
func startChain(t *testing.T, e *harness.Endpoint) (string, *dns.DNSKEY) {
	t.Helper()
	clog.Discard() // The log plugin is there to be exercised, not to be read.
	caddy.Quiet, dnsserver.Quiet = true, true
	if directives := dnsserver.Directives; !slices.Contains(directives, "failover") {
		at := slices.Index(directives, "hosts")
		if err := dnsserver.SetDirectives(slices.Insert(slices.Clone(directives), at, "failover")); err != nil {
			t.Fatal(err)
		}
	}

	dir := t.TempDir()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	resolv := filepath.Join(dir, "resolv.conf")
	base := filepath.Join(dir, "Kexample.org")
	for path, content := range map[string]string{
		base + ".key":     key.String() + "\n",
		base + ".private": key.PrivateKeyString(private),
		resolv:            "search search.example.org example.org\nnameserver 127.0.0.1\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	instance, err := caddy.Start(caddy.CaddyfileInput{
		Filepath:       "Corefile",
		Contents:       fmt.Appendf(nil, chain, chainSecret, resolv, base, e.URL(), harness.FreePort(t)),
		ServerTypeName: "dns",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(append(instance.ShutdownCallbacks(), instance.Stop())...); err != nil {
			t.Error(err)
		}
		instance.Wait()
	})
	return instance.Servers()[0].Addr().String(), key
}

// flap breaks and mends the endpoint until ended.
func flap(e *harness.Endpoint, ended <-chan struct{}) {
	for modes := []harness.Mode{harness.Fail, harness.OK}; ; slices.Reverse(modes) {
		e.Set(modes[0])
		select {
		case <-ended:
			return
		case <-time.After(150 * time.Millisecond):
		}
	}
}

// chainClient asks n times, each time in some other way, and judges the answers.
func chainClient(addr string, key *dns.DNSKEY, random *rand.Rand, n int) error {
	plain := dns.Client{Timeout: harness.Patience, UDPSize: dns.MaxMsgSize}
	signing := plain
	signing.TsigSecret = map[string]string{"key.example.org.": chainSecret}
	for range n {
		q := chainAnswers[random.IntN(len(chainAnswers))]
		name := q.name
		if random.IntN(4) == 0 && q.signed {
			name = strings.ToUpper(name[:1]) + name[1:]
		}
		m := harness.Question(name, q.qtype)
		// To a client that wants signatures dnssec denies no name, only its types, and autopath ends there.
		secure := random.IntN(3) == 0 && q.signed
		if secure || random.IntN(3) == 0 {
			m.SetEdns0(4096, secure)
		}
		if opt := m.IsEdns0(); opt != nil && random.IntN(2) == 0 {
			opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		}
		client := &plain
		if random.IntN(3) == 0 {
			client = &signing
			m.SetTsig("key.example.org.", dns.HmacSHA256, 300, time.Now().Unix())
		}
		reply, _, err := client.Exchange(m, addr)
		if err != nil {
			return fmt.Errorf("%s %s: %w", name, dns.TypeToString[q.qtype], err)
		}
		if (client == &signing) != (reply.IsTsig() != nil) {
			return fmt.Errorf("expected a signed reply just to a signed query, got: %v", reply)
		}
		if err := judgeChain(reply, name, q.from, q.count); err != nil {
			return err
		}
		if secure {
			if err := verify(reply, key); err != nil {
				return fmt.Errorf("%w in: %v", err, reply)
			}
		}
	}
	return nil
}

// judgeChain wants so many different records of those, the first of them with the name that was asked.
func judgeChain(m *dns.Msg, name string, from []string, count int) error {
	records := slices.DeleteFunc(harness.Answer(m), func(data string) bool { return strings.HasPrefix(data, "RRSIG ") })
	if len(records) != count || len(slices.Compact(slices.Clone(records))) != count {
		return fmt.Errorf("%s: expected %d of %q, got: %v", name, count, from, m)
	}
	for _, data := range records {
		if !slices.Contains(from, data) {
			return fmt.Errorf("%s: expected none but %q, got: %v", name, from, m)
		}
	}
	isSOA := func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }
	if count == 0 && !slices.ContainsFunc(m.Ns, isSOA) {
		return fmt.Errorf("%s: expected the SOA, got: %v", name, m)
	}
	// With signatures the letters of answers may be small: those are made over small letters anyhow (RFC 4034, 6.2).
	asAsked := func(owner string) bool {
		return owner == name || m.IsEdns0() != nil && m.IsEdns0().Do() && strings.EqualFold(owner, name)
	}
	if m.Question[0].Name != name || count > 0 && !asAsked(m.Answer[0].Header().Name) {
		return fmt.Errorf("%s: expected the name that was asked, got: %v", name, m)
	}
	return nil
}

// verify checks that every record set of the answer has a signature, and that each signature is right.
func verify(m *dns.Msg, key *dns.DNSKEY) error {
	sets := map[uint16][]dns.RR{}
	for _, rr := range m.Answer {
		if rr.Header().Rrtype != dns.TypeRRSIG {
			sets[rr.Header().Rrtype] = append(sets[rr.Header().Rrtype], rr)
		}
	}
	for _, rr := range m.Answer {
		if sig, is := rr.(*dns.RRSIG); is {
			set := sets[sig.TypeCovered]
			// A signature is verified over records in the letters that were asked; these do not matter to it.
			if err := sig.Verify(key, set); err != nil {
				return fmt.Errorf("signature of %s: %w", dns.TypeToString[sig.TypeCovered], err)
			}
			delete(sets, sig.TypeCovered)
		}
	}
	for qtype := range sets {
		return fmt.Errorf("no signature of %s", dns.TypeToString[qtype])
	}
	return nil
}
