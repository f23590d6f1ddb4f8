package failover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

// discard is a client that takes replies and forgets them.
type discard struct{ test.ResponseWriter }

func (*discard) WriteMsg(*dns.Msg) error { return nil }

// questions are those of which the cost is watched: by allocation counts here and in time by the benchmark.
var questions = []struct {
	what  string
	name  string
	qtype uint16
}{
	{"A", "www.example.org.", dns.TypeA},
	{"Capitals", "WWW.Example.ORG.", dns.TypeA},
	{"Wildcard", "x.wild.example.org.", dns.TypeAAAA},
	{"Weighted", "api.example.org.", dns.TypeA},
	{"Shuffled", "many.example.org.", dns.TypeA},
	{"Tree", "tree.example.org.", dns.TypeA},
	{"NODATA", "www.example.org.", dns.TypeHTTPS},
	{"NXDOMAIN", "nope.example.org.", dns.TypeA},
	{"SOA", "example.org.", dns.TypeSOA},
}

// asked is how many sets costly has at least, and small how many there are in a small configuration.
const (
	asked = 7
	small = 10
	large = 100_000
)

// other is the name of one of the further sets.
func other(i int) string { return fmt.Sprintf("name%06d", i) }

// costly is a configuration with the sets that are asked for, and others beside them. The tree is three sets deep on
// each way.
func costly(sets int) string {
	var b strings.Builder
	b.WriteString(`failover {
	fallthrough elsewhere.example.org
	check web http://:80/healthz
	primary   www 192.0.2.1 check web
	secondary www 198.51.100.1 check web
	weight 10 api 192.0.2.11 check web
	weight 20 api 192.0.2.12 check web
	weight 20 api 192.0.2.13 check web
	answer many 192.0.2.11 check web
	answer many 192.0.2.12 check web
	answer many 192.0.2.13 check web
	static *.wild 2001:db8::1
	weight 1 tree alias left
	weight 1 tree alias right
	primary left alias api
	secondary left alias www
	primary right alias www
	secondary right alias api
`)
	for i := asked; i < sets; i++ {
		fmt.Fprintf(&b, "\tprimary   %s 203.0.113.%d check web\n\tsecondary %[1]s 198.51.100.1 check web\n", other(i), i%256)
	}
	b.WriteString("}\n")
	return b.String()
}

func TestAllocationsOfAQuery(t *testing.T) {
	for _, sets := range []int{small, large} {
		fx := load(t, costly(sets))
		if got := len(fx.f.config.Zones[0].Sets); got != sets {
			t.Fatalf("The configuration has %d sets, want %d", got, sets)
		}
		ctx, w := context.Background(), new(discard)
		for _, q := range questions {
			r := new(dns.Msg)
			r.SetQuestion(q.name, q.qtype)
			if got := testing.AllocsPerRun(1000, func() { _, _ = fx.f.ServeDNS(ctx, w, r) }); got != 1 {
				t.Errorf("%s, %d sets: %v allocations a query, want the reply alone", q.what, sets, got)
			}
		}
	}
}

// BenchmarkServeDNS is what a query costs without the rest of CoreDNS. The budget is 350 ns and one allocation, and at
// 100,000 sets no more than 1.5 times what it takes at ten. A single question always finds its set in the caches of the
// processor; Anywhere asks for another set each time, so that at 100,000 it waits for memory.
func BenchmarkServeDNS(b *testing.B) {
	for _, sets := range []int{small, large} {
		fx := load(b, costly(sets))
		for _, q := range questions {
			b.Run(fmt.Sprintf("%s/sets=%d", q.what, sets), func(b *testing.B) { serve(b, fx, ask(q.name, q.qtype)) })
		}
		b.Run(fmt.Sprintf("Anywhere/sets=%d", sets), func(b *testing.B) {
			// Not more than the requests themselves find room for in the caches.
			some := make([]*dns.Msg, 0, 1024)
			for range cap(some) {
				some = append(some, ask(other(asked+rand.IntN(sets-asked))+".example.org.", dns.TypeA))
			}
			serve(b, fx, some...)
		})
	}
}

func ask(name string, qtype uint16) *dns.Msg {
	r := new(dns.Msg)
	r.SetQuestion(name, qtype)
	return r
}

func serve(b *testing.B, fx *fixture, requests ...*dns.Msg) {
	b.Helper()
	ctx, w := context.Background(), new(discard)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = fx.f.ServeDNS(ctx, w, requests[i%len(requests)])
	}
}

// BenchmarkHealthChange is one change of one check, to new answers of the sets that depend on it, beside many others.
func BenchmarkHealthChange(b *testing.B) {
	fx := load(b, costly(large))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			fx.down("192.0.2.1:")
		} else {
			fx.up("192.0.2.1:")
		}
	}
}
