package failover

import (
	"context"
	"fmt"
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
	{"Weighted", "api.example.org.", dns.TypeA},
	{"Shuffled", "many.example.org.", dns.TypeA},
	{"Tree", "tree.example.org.", dns.TypeA},
	{"NODATA", "www.example.org.", dns.TypeHTTPS},
	{"NXDOMAIN", "nope.example.org.", dns.TypeA},
	{"SOA", "example.org.", dns.TypeSOA},
}

// costly is a configuration with the sets that are asked for, and others beside them.
func costly(others int) string {
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
	weight 1 tree alias branch
	weight 1 tree alias www
	primary branch alias api
	secondary branch alias www
`)
	for i := range others {
		fmt.Fprintf(&b, "\tstatic name%d 203.0.113.%d\n", i, i%256)
	}
	b.WriteString("}\n")
	return b.String()
}

func TestAllocationsOfAQuery(t *testing.T) {
	fx := load(t, costly(0))
	ctx, w := context.Background(), new(discard)
	for _, q := range questions {
		r := new(dns.Msg)
		r.SetQuestion(q.name, q.qtype)
		if got := testing.AllocsPerRun(1000, func() { _, _ = fx.f.ServeDNS(ctx, w, r) }); got != 1 {
			t.Errorf("%s: %v allocations a query, want the reply alone", q.what, got)
		}
	}
}

func BenchmarkServeDNS(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		fx := load(b, costly(others))
		for _, q := range questions {
			b.Run(fmt.Sprintf("%s/sets=%d", q.what, len(fx.f.config.Zones[0].Sets)), func(b *testing.B) {
				ctx, w := context.Background(), new(discard)
				r := new(dns.Msg)
				r.SetQuestion(q.name, q.qtype)
				b.ReportAllocs()
				for b.Loop() {
					_, _ = fx.f.ServeDNS(ctx, w, r)
				}
			})
		}
	}
}

// BenchmarkHealthChange is one change of one check, to new answers, beside many other sets.
func BenchmarkHealthChange(b *testing.B) {
	fx := load(b, costly(100_000))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			fx.down("192.0.2.1:")
		} else {
			fx.up("192.0.2.1:")
		}
	}
}
