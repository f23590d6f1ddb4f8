package judge

import (
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// signedBlock is a zone with every kind of answer, signed by the dnssec plugin: every policy, every all_down, names
// without AAAA, wildcards, empty non-terminals, CNAMEs that lead everywhere. The checks one and two are those of two
// endpoints; what is behind failover in the chain is for all_down next. The second block is another zone, unsigned.
const signedBlock = `example.org:@DNS@ {
	bind 127.0.0.1
	errors
	prometheus 127.0.0.1:@METRICS@
	dnssec {
		key file %[1]s
	}
	failover {
		ns ns1 ns2.example.net.
		check * interval 300ms timeout 5s fast 60ms fall 3 rise 2
		check one %[2]s
		check two %[3]s
		static    ns1 127.0.0.1

		primary   www 192.0.2.1    2001:db8::1   check one
		secondary www 198.51.100.1 2001:db8:1::1 check two
		weight 10 api 192.0.2.11 check one
		weight 20 api 192.0.2.12 check two
		weight 0  api 192.0.2.13 check two
		answer    mul 192.0.2.21 2001:db8::21 check one
		answer    mul 192.0.2.22 2001:db8::22 check two
		answer    mul 192.0.2.23 check two
		set       mul max 2
		static    all 192.0.2.31 192.0.2.32 192.0.2.33
		static    all TXT one two three
		static    four 192.0.2.4

		primary   @ alias www
		primary   @ MX "10 mx1" check one
		secondary @ MX "20 mx2" check two
		static    @ CAA "0 issue ca.example.net"
		primary   app alias www
		secondary app alias mul
		static    svc HTTPS "1 . alpn=h2"
		static    svc 192.0.2.9
		static    _s._tcp SRV "0 0 443 www"

		primary   *.wild 192.0.2.6 check one
		secondary *.wild 198.51.100.6 check two
		static    *.wild TXT wildcard
		static    a.b.deep 192.0.2.5

		static    own CNAME www
		primary   moves CNAME www check one
		secondary moves CNAME all check two
		static    *.alias CNAME all
		static    far CNAME x.wild
		static    out CNAME host.example.net.
		static    dead CNAME nope
		static    none CNAME four

		primary   serve    192.0.2.41 check one
		primary   last     192.0.2.42 check one
		secondary last     198.51.100.42 check two
		primary   nodata   192.0.2.43 check one
		primary   servfail 192.0.2.44 check one
		primary   refuse   192.0.2.45 check one
		primary   next     192.0.2.46 check one
		primary   fixed    192.0.2.47 check one
		primary   second   192.0.2.48 check two
		static    empty CNAME nodata
		set last     all_down last
		set nodata   all_down nodata
		set servfail all_down servfail
		set refuse   all_down refuse
		set next     all_down next
		set fixed    all_down answer 203.0.113.47
		set second   all_down answer 203.0.113.48
	}
	hosts {
		203.0.113.46 next.example.org
	}
}
example.net:@DNS@ {
	bind 127.0.0.1
	failover {
		static host 203.0.113.1
	}
}
`

// zoneKey is a key of the zone with its two files.
type zoneKey struct {
	*dns.DNSKEY
	private crypto.Signer
	name    string
	files   []string
}

// newZoneKey makes one; flags are 257 for a key that may sign the keys, 256 for one that may not.
func newZoneKey(t *testing.T, name string, flags uint16, algorithm uint8, bits int) *zoneKey {
	t.Helper()
	public := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: flags, Protocol: 3, Algorithm: algorithm,
	}
	private, err := public.Generate(bits)
	if err != nil {
		t.Fatal(err)
	}
	return &zoneKey{public, private.(crypto.Signer), name, []string{
		name + ".key", public.String() + "\n", name + ".private", public.PrivateKeyString(private),
	}}
}

// signedServer is a server of signedBlock with its two endpoints.
type signedServer struct {
	*harness.Server
	one, two *harness.Endpoint
	keys     []*zoneKey
}

// startSigned starts one whose zone has these keys.
func startSigned(t *testing.T, keys ...*zoneKey) *signedServer {
	t.Helper()
	s := &signedServer{one: harness.Serve(t), two: harness.Serve(t), keys: keys}
	names := make([]string, 0, len(keys))
	var files []string
	for _, key := range keys {
		names = append(names, key.name)
		files = append(files, key.files...)
	}
	corefile := fmt.Sprintf(signedBlock, strings.Join(names, " "), s.one.URL(), s.two.URL())
	s.Server = harness.Start(t, corefile, files...)
	harness.Eventually(t, harness.Soon, "the settled TTL", func() bool {
		return s.TTL(t, "www.example.org.", dns.TypeA) == 60 && s.TTL(t, "last.example.org.", dns.TypeA) == 60
	})
	return s
}

// anchor writes a file for delv that trusts the keys which may sign keys, and nothing else.
func (s *signedServer) anchor(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, key := range s.keys {
		if key.Flags == 257 {
			fmt.Fprintf(&text, "trust-anchors { example.org. static-key %d %d %d %q; };\n",
				key.Flags, key.Protocol, key.Algorithm, key.PublicKey)
		}
	}
	path := filepath.Join(s.Dir, "anchor")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// state is a state of health of both endpoints.
type state int

const (
	bothUp state = iota
	oneDown
	bothDown
)

// states are gone through in this order: before a failover, after it, with nothing left, and after the recovery.
var states = []struct {
	name  string
	state state
}{{"both up", bothUp}, {"one down", oneDown}, {"both down", bothDown}, {"both up again", bothUp}}

// enter puts the endpoints into a state and waits until all answers show it.
func (s *signedServer) enter(t *testing.T, to state) {
	t.Helper()
	for e, down := range map[*harness.Endpoint]bool{s.one: to != bothUp, s.two: to == bothDown} {
		if down {
			e.Set(harness.Fail)
		} else {
			e.Set(harness.OK)
		}
	}
	// Each shows one check. All that a check decides is made anew at once.
	want := map[string]string{
		"fixed":  []string{"192.0.2.47", "203.0.113.47", "203.0.113.47"}[to],
		"second": []string{"192.0.2.48", "192.0.2.48", "203.0.113.48"}[to],
	}
	for label, address := range want {
		s.AwaitA(t, harness.Soon, label, address)
	}
}
