package judge

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// What a question of delvQuestions can be answered with beside records.
const (
	denied   = "-"        // signed and empty
	servfail = "SERVFAIL" // a failure, which nobody signs
	refused  = "REFUSED"  // the same
	unsigned = "unsigned" // empty without the SOA, as hosts answers, so that dnssec signs nothing
)

// delvQuestions are what delv is asked in every state, with the data that it may find: "a b" is one answer of both,
// "a|b" one of the two, "a+b+c:2" two of the three. A state without an entry has that of the state before.
var delvQuestions = []struct {
	name, rrtype string
	want         []string
}{
	{"www", "A", []string{"192.0.2.1", "198.51.100.1", "192.0.2.1"}},
	{"WwW", "A", []string{"192.0.2.1", "198.51.100.1", "192.0.2.1"}},
	{"www", "AAAA", []string{"2001:db8::1", "2001:db8:1::1", "2001:db8::1"}},
	{"www", "TXT", []string{denied}},
	{"www", "HTTPS", []string{denied}},
	{"www", "DS", []string{denied}},
	{"www", "ANY", []string{`"RFC8482" ""`}},
	{"api", "A", []string{"192.0.2.11|192.0.2.12", "192.0.2.12", "192.0.2.11|192.0.2.12"}},
	{"api", "AAAA", []string{denied}},
	{"mul", "A", []string{"192.0.2.21+192.0.2.22+192.0.2.23:2", "192.0.2.22 192.0.2.23",
		"192.0.2.21+192.0.2.22+192.0.2.23:2"}},
	{"mul", "AAAA", []string{"2001:db8::21 2001:db8::22", "2001:db8::22", "2001:db8::21 2001:db8::22"}},
	{"all", "A", []string{"192.0.2.31 192.0.2.32 192.0.2.33"}},
	{"all", "TXT", []string{`"one" "three" "two"`}},
	{"four", "AAAA", []string{denied}},
	{"nope", "A", []string{denied}},
	{"nope.below.www", "A", []string{denied}},
	{"svc", "HTTPS", []string{`1 . alpn="h2"`}},
	{"svc", "MX", []string{denied}},
	{"_s._tcp", "SRV", []string{"0 0 443 www.example.org."}},
	{"_tcp", "SRV", []string{denied}},
	{"", "SOA", nil},
	{"", "NS", []string{"ns1.example.org. ns2.example.net."}},
	{"", "DNSKEY", nil},
	{"", "A", []string{"192.0.2.1", "198.51.100.1", "192.0.2.1"}},
	{"", "MX", []string{"10 mx1.example.org.", "20 mx2.example.org.", "10 mx1.example.org."}},
	{"", "CAA", []string{`0 issue "ca.example.net"`}},
	{"", "TXT", []string{denied}},
	{"app", "A", []string{"192.0.2.1", "198.51.100.1", "192.0.2.1"}},
	{"x.wild", "A", []string{"192.0.2.6", "198.51.100.6", "192.0.2.6"}},
	{"A.b.WILD", "TXT", []string{`"wildcard"`}},
	{"x.wild", "MX", []string{denied}},
	{"*.wild", "A", []string{"192.0.2.6", "198.51.100.6", "192.0.2.6"}},
	{"wild", "A", []string{denied}},
	{"deep", "A", []string{denied}},
	{"b.deep", "TXT", []string{denied}},
	{"c.deep", "TXT", []string{denied}},
	{"own", "A", []string{"192.0.2.1 www.example.org.", "198.51.100.1 www.example.org.", "192.0.2.1 www.example.org."}},
	{"own", "CNAME", []string{"www.example.org."}},
	{"own", "TXT", []string{"www.example.org. -"}},
	{"moves", "A", []string{"192.0.2.1 www.example.org.",
		"192.0.2.31 192.0.2.32 192.0.2.33 all.example.org.", "192.0.2.1 www.example.org."}},
	{"x.alias", "A", []string{"192.0.2.31 192.0.2.32 192.0.2.33 all.example.org."}},
	{"far", "A", []string{"192.0.2.6 x.wild.example.org.", "198.51.100.6 x.wild.example.org.",
		"192.0.2.6 x.wild.example.org."}},
	{"dead", "A", []string{"nope.example.org. -"}},
	{"none", "AAAA", []string{"four.example.org. -"}},
	{"empty", "A", []string{"192.0.2.43 nodata.example.org.", "nodata.example.org. -"}},
	{"serve", "A", []string{"192.0.2.41"}},
	{"last", "A", []string{"192.0.2.42", "198.51.100.42"}},
	{"nodata", "A", []string{"192.0.2.43", denied}},
	{"servfail", "A", []string{"192.0.2.44", servfail}},
	{"refuse", "A", []string{"192.0.2.45", refused}},
	{"next", "A", []string{"192.0.2.46", "203.0.113.46"}},
	{"next", "AAAA", []string{denied, unsigned}},
	{"fixed", "A", []string{"192.0.2.47", "203.0.113.47"}},
	{"second", "A", []string{"192.0.2.48", "192.0.2.48", "203.0.113.48"}},
}

// TestD08_DelvValidatesEveryAnswer has the validator of BIND look at every kind of answer in every state of health,
// and all the time while the answer moves.
func TestD08_DelvValidatesEveryAnswer(t *testing.T) {
	t.Parallel()
	need(t, "delv", "bind9-dnsutils")
	var count atomic.Int64
	deliver(t, "delv", "signed answers", func() string {
		return fmt.Sprintf("%d asked before, during and after a failover: all that can be signed validate", count.Load())
	})
	s := startSigned(t, newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256))
	d := newDelv(t, s, &count)
	for _, at := range states {
		address := []string{"192.0.2.1", "198.51.100.1", "192.0.2.1"}[at.state]
		d.during(t, address, func() { s.enter(t, at.state) })
		d.judge(t, at.name, at.state)
	}
}

// TestD08_DelvValidatesWithTwoKeys has one that signs the keys and one, of another kind, that signs all else.
func TestD08_DelvValidatesWithTwoKeys(t *testing.T) {
	t.Parallel()
	need(t, "delv", "bind9-dnsutils")
	var count atomic.Int64
	deliver(t, "delv", "signed answers, two keys", func() string {
		return fmt.Sprintf("%d asked: all that can be signed validate", count.Load())
	})
	s := startSigned(t, newZoneKey(t, "Kksk", 257, dns.ECDSAP384SHA384, 384),
		newZoneKey(t, "Kzsk", 256, dns.ECDSAP256SHA256, 256))
	s.enter(t, oneDown)
	newDelv(t, s, &count).judge(t, "one down", oneDown)
}

// A judge that never says no is none.
func TestDelvTrustsNoOtherKey(t *testing.T) {
	t.Parallel()
	need(t, "delv", "bind9-dnsutils")
	s := startSigned(t, newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256))
	s.keys = []*zoneKey{newZoneKey(t, "Kother", 257, dns.ECDSAP256SHA256, 256)}
	d := newDelv(t, s, new(atomic.Int64))
	for label, rrtype := range map[string]string{"www": "A", "nope": "A", "": "SOA"} {
		if v, err := d.ask(label, rrtype); err != nil || v.validated || v.failed == "" {
			t.Errorf("Expected %s %s to be refused, got error %v:\n%s", label, rrtype, err, v.text)
		}
	}
}

// delv asks the program, for names in example.org.
type delv struct {
	anchor, port string
	count        *atomic.Int64
}

func newDelv(t *testing.T, s *signedServer, count *atomic.Int64) *delv {
	t.Helper()
	return &delv{anchor: s.anchor(t), port: strconv.Itoa(s.Ports["@DNS@"]), count: count}
}

// verdict is what delv says of an answer.
type verdict struct {
	data      []string // of the records but signatures, sorted; denied at the end where it was denied
	failed    string   // the code of a failure
	validated bool     // everything in it
	text      string
}

// ask asks one question. The program is given more time than an answer takes on the busiest machine.
func (d *delv) ask(label, rrtype string) (verdict, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name := strings.TrimPrefix(label+".example.org.", ".")
	command := exec.CommandContext(ctx, "delv", "-a", d.anchor, "+root=example.org", "+nocrypto", "-p", d.port,
		"@127.0.0.1", name, rrtype)
	output, err := command.CombinedOutput()
	if err != nil {
		return verdict{}, fmt.Errorf("%w: %s", err, output)
	}
	d.count.Add(1)
	return readDelv(string(output))
}

// readDelv reads the program's output: records as in a zone file, and remarks behind semicolons.
func readDelv(text string) (verdict, error) {
	v := verdict{text: text}
	good, bad := 0, 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasSuffix(line, "fully validated"):
			good++
		case strings.HasSuffix(line, "unsigned answer"):
			bad++
		case strings.Contains(line, "unexpected RCODE resolving"):
			v.failed = strings.Fields(strings.TrimLeft(line, "; "))[0]
		case strings.HasPrefix(line, ";; resolution failed: ncache"):
			v.data = append(v.data, denied)
		case strings.HasPrefix(line, ";; resolution failed: "):
			if v.failed == "" {
				v.failed = strings.TrimPrefix(line, ";; resolution failed: ")
			}
		case strings.HasPrefix(line, ";"):
		default:
			rr, err := dns.NewRR(strings.ReplaceAll(line, "[omitted]", "AA=="))
			if err != nil {
				return v, fmt.Errorf("a line of delv: %w", err)
			}
			if rr.Header().Rrtype != dns.TypeRRSIG {
				v.data = append(v.data, harness.Rdata(rr))
			}
		}
	}
	slices.Sort(v.data)
	if i := slices.Index(v.data, denied); i >= 0 { // it is said first and comes last
		v.data = append(slices.Delete(v.data, i, i+1), denied)
	}
	v.validated = good > 0 && bad == 0
	return v, nil
}

// during asks for www all the time while something happens, from before it until the answer is the address given. Every
// answer must validate.
func (d *delv) during(t *testing.T, address string, something func()) {
	t.Helper()
	asked, ended := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(asked) })
	var asking sync.WaitGroup
	asking.Go(func() {
		defer once()
		for {
			last := false
			select {
			case <-ended:
				last = true
			default:
			}
			v, err := d.ask("www", "A")
			if err != nil || !v.validated || len(v.data) != 1 || last && v.data[0] != address {
				t.Errorf("Expected validated answers all the time and %s in the end, got error %v:\n%s", address, err, v.text)
				return
			}
			once()
			if last {
				return
			}
		}
	})
	<-asked
	something()
	close(ended)
	asking.Wait()
}

// judge asks everything in one state.
func (d *delv) judge(t *testing.T, state string, at state) {
	t.Helper()
	for _, q := range delvQuestions {
		v, err := d.ask(q.name, q.rrtype)
		if err != nil {
			t.Errorf("%s, %s %s: %v", state, q.name, q.rrtype, err)
			continue
		}
		if len(q.want) == 0 {
			if !v.validated || len(v.data) == 0 {
				t.Errorf("%s, %s %s: expected a validated answer, got:\n%s", state, q.name, q.rrtype, v.text)
			}
			continue
		}
		want := q.want[min(int(at), len(q.want)-1)]
		if failure := want == servfail || want == refused; failure {
			if v.validated || len(v.data) > 0 || v.failed == "" || want == refused && v.failed != refused {
				t.Errorf("%s, %s %s: expected %s, got:\n%s", state, q.name, q.rrtype, want, v.text)
			}
			continue
		}
		if want == unsigned {
			if v.validated || !strings.Contains(v.text, "negative response, unsigned answer") {
				t.Errorf("%s, %s %s: expected an empty answer that nobody signed, got:\n%s", state, q.name, q.rrtype, v.text)
			}
			continue
		}
		if !v.validated || !fits(v.data, want) {
			t.Errorf("%s, %s %s: expected a validated %q, got %q:\n%s", state, q.name, q.rrtype, want, v.data, v.text)
		}
	}
}

// fits tells whether data is what want allows, in the notation of delvQuestions.
func fits(data []string, want string) bool {
	if of, count, is := strings.Cut(want, ":"); is && strings.Contains(of, "+") {
		from := strings.Split(of, "+")
		for _, d := range data {
			if !slices.Contains(from, d) {
				return false
			}
		}
		return strconv.Itoa(len(data)) == count
	}
	return slices.Contains(strings.Split(want, "|"), strings.Join(data, " "))
}
