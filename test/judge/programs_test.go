package judge

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// output runs a program that has a minute and returns what it said.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v:\n%s", program, args, err, said)
	}
	return string(said)
}

// TestKdigReadsEveryAnswer has the library of Knot read them, which is another one than that of the tests and of
// CoreDNS.
func TestKdigReadsEveryAnswer(t *testing.T) {
	t.Parallel()
	rare(t)
	need(t, "kdig", "knot-dnsutils")
	count := 0
	deliver(t, "kdig", "answers over UDP and TCP", func() string {
		return fmt.Sprintf("all of %d are read without a warning and say what they should", count)
	})
	s := startSigned(t, newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256))
	for _, transport := range []string{"+notcp", "+tcp"} {
		for _, q := range delvQuestions {
			name := strings.TrimPrefix(q.name+".example.org.", ".")
			said := output(t, "kdig", "@127.0.0.1", "-p", strconv.Itoa(s.Ports["@DNS@"]), "+norec", "+dnssec", "+nsid",
				transport, name, q.rrtype)
			count++
			var data []string
			signatures := 0
			for line := range strings.Lines(said) {
				if strings.HasPrefix(line, ";; WARNING") || strings.HasPrefix(line, ";; ERROR") {
					t.Errorf("%s %s: %s", q.name, q.rrtype, line)
				}
			}
			_, answer, _ := strings.Cut(said, ";; ANSWER SECTION:\n")
			answer, _, _ = strings.Cut(answer, "\n\n")
			parser := dns.NewZoneParser(strings.NewReader(answer+"\n"), ".", "")
			for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
				if rr.Header().Rrtype == dns.TypeRRSIG {
					signatures++
				} else {
					data = append(data, harness.Rdata(rr))
				}
			}
			slices.Sort(data)
			want := ""
			if len(q.want) > 0 {
				want = strings.TrimSuffix(strings.TrimSuffix(q.want[0], denied), " ")
			}
			good := fits(data, want) || len(q.want) == 0 && len(data) > 0
			if parser.Err() != nil || !good || len(data) > 0 && signatures == 0 || !strings.Contains(said, "Flags: qr aa") {
				t.Errorf("%s %s: expected %q with signatures, got error %v and:\n%s", q.name, q.rrtype, want, parser.Err(), said)
			}
		}
	}
}

// owners are the names of signedBlock that have records, and zoneTypes what they can have.
var (
	owners = strings.Fields("@ ns1 www api mul all four app svc _s._tcp *.wild a.b.deep own moves *.alias far out dead " +
		"none serve last nodata servfail refuse next fixed second empty")
	zoneTypes = []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeTXT,
		dns.TypeCAA, dns.TypeHTTPS, dns.TypeSRV}
)

// TestLDNSVerifiesTheZone puts the zone together from answers with their signatures, in two states of health, and has
// ldns verify it. The dnssec plugin makes a denial for every question and so has no chain of them; that one, without
// which there is no signed zone, is made here, with its key.
func TestLDNSVerifiesTheZone(t *testing.T) {
	t.Parallel()
	rare(t)
	need(t, "ldns-verify-zone", "ldnsutils")
	count := 0
	deliver(t, "ldns-verify-zone", "the zone, put together from answers", func() string {
		return fmt.Sprintf("all signatures of %d records are good, before and after a failover", count)
	})
	key := newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256)
	s := startSigned(t, key)
	trusted := filepath.Join(s.Dir, "trusted")
	if err := os.WriteFile(trusted, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []state{bothUp, oneDown} {
		s.enter(t, at)
		zone := s.collect(t)
		count += len(zone)
		zone = append(zone, chainOf(t, zone, key)...)
		if said := s.verify(t, trusted, zone); !strings.Contains(said, "Zone is verified and complete") {
			t.Errorf("Expected the zone to be verified, ldns-verify-zone says:\n%s", said)
		}
		// It can say no.
		i := slices.IndexFunc(zone, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeA })
		zone[i] = dns.Copy(zone[i])
		zone[i].(*dns.A).A[3]++
		if said := s.verify(t, trusted, zone); !strings.Contains(said, "There were errors in the zone") {
			t.Errorf("Expected a changed address to be found, ldns-verify-zone says:\n%s", said)
		}
	}
}

func (s *signedServer) verify(t *testing.T, trusted string, zone []dns.RR) string {
	t.Helper()
	var text bytes.Buffer
	for _, rr := range zone {
		fmt.Fprintln(&text, rr)
	}
	path := filepath.Join(s.Dir, "zone")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	// How it ended is in what it says.
	said, _ := exec.Command("ldns-verify-zone", "-V", "4", "-k", trusted, path).CombinedOutput()
	return string(said)
}

// collect asks for everything that the zone has.
func (s *signedServer) collect(t *testing.T) []dns.RR {
	t.Helper()
	var zone []dns.RR
	for _, label := range owners {
		name := strings.TrimPrefix(label+".example.org.", "@.")
		for _, qtype := range zoneTypes {
			q := harness.Question(name, qtype)
			q.SetEdns0(4096, true)
			for _, rr := range s.Exchange(t, "tcp", q).Answer {
				// Behind a CNAME there is what is asked for by itself.
				known := func(other dns.RR) bool { return other.String() == rr.String() }
				if rr.Header().Name == name && !slices.ContainsFunc(zone, known) {
					zone = append(zone, rr)
				}
			}
		}
	}
	return zone
}

// chainOf returns the NSEC records of a zone (RFC 4034, section 4) and their signatures.
func chainOf(t *testing.T, zone []dns.RR, key *zoneKey) []dns.RR {
	t.Helper()
	types := map[string][]uint16{}
	for _, rr := range zone {
		h := rr.Header()
		if !slices.Contains(types[h.Name], h.Rrtype) {
			types[h.Name] = append(types[h.Name], h.Rrtype)
		}
	}
	names := slices.SortedFunc(maps.Keys(types), canonicalOrder)
	chain := make([]dns.RR, 0, 2*len(names))
	for i, name := range names {
		bitmap := append(types[name], dns.TypeNSEC)
		slices.Sort(bitmap)
		nsec := &dns.NSEC{
			Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 60},
			NextDomain: names[(i+1)%len(names)], TypeBitMap: bitmap,
		}
		now := time.Now()
		sig := &dns.RRSIG{
			Hdr: dns.RR_Header{Ttl: 60}, Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: key.Hdr.Name,
			Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(time.Hour).Unix()),
		}
		if err := sig.Sign(key.private, []dns.RR{nsec}); err != nil {
			t.Fatal(err)
		}
		chain = append(chain, nsec, sig)
	}
	return chain
}

// canonicalOrder is that of RFC 4034, section 6.1: by labels, from the right.
func canonicalOrder(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return cmp.Or(slices.Compare(x, y), cmp.Compare(len(x), len(y)))
}
