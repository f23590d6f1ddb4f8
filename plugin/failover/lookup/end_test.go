package lookup

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

const far = "far.example.com."

// kubernetes answers for a name as the plugin of that name does for a Service that is far.example.com: with the CNAME,
// and with what the server has of it, whatever becomes of the question.
func kubernetes(end plugin.Handler, denial ...dns.RR) rest {
	return func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		q := r.Question[0]
		if q.Name == far {
			return end.ServeDNS(ctx, w, r)
		}
		m := new(dns.Msg).SetReply(r)
		m.Ns = denial
		m.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 5}, Target: far}}
		if found, err := upstream.New().Lookup(ctx, request.Request{W: w, Req: r}, far, q.Qtype); err == nil && found != nil {
			m.Answer = append(m.Answer, found.Answer...)
		}
		return dns.RcodeSuccess, w.WriteMsg(m)
	}
}

// lookFurther looks up once, through a plugin that asks its server for more.
func (b *bench) lookFurther(next rest) probe.Result {
	b.t.Helper()
	server, err := dnsserver.NewServer("dns://:0", []*dnsserver.Config{{
		Zone: ".", Plugin: []plugin.Plugin{func(plugin.Handler) plugin.Handler { return next }},
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	defer b.Serve(key.Via, &Chain{Next: next, Context: func(ctx context.Context) context.Context {
		return context.WithValue(context.WithValue(ctx, dnsserver.Key{}, server), dnsserver.LoopKey{}, 0)
	}}).Stop()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	return b.prober.Probe(ctx)
}

// What a plugin looks up for itself fails as what it answers by itself does, though it says nothing of it.
func TestA08_TheEndOfCNAMEs(t *testing.T) {
	four := writes(0, far+" 60 A 192.0.2.1")
	for _, test := range []struct {
		what    string
		end     plugin.Handler
		outcome probe.Outcome
		detail  string
		want    string // addresses: those of before are 192.0.2.9
	}{
		{"an address", four, probe.Pass, "found 1 IPv4 and 0 IPv6 addresses", "192.0.2.1"},
		{"of one family, the other fails", byType(four, fails(dns.RcodeServerFailure, nil)), probe.Pass, "found 1 IPv4 and 0 IPv6 addresses", "192.0.2.1"},
		{"no address", writes(0), probe.Pass, "the name has no address", ""},
		{"no name", writes(dns.RcodeNameError), probe.Pass, "the name has no address", ""},
		{"SERVFAIL", fails(dns.RcodeServerFailure, errors.New("unreachable")), probe.Fail, far + ": SERVFAIL", "192.0.2.9"},
		{"REFUSED", writes(dns.RcodeRefused), probe.Fail, far + ": REFUSED", "192.0.2.9"},
		{"nothing", rest(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) { return dns.RcodeSuccess, nil }), probe.Fail,
			far + ": no plugin answered", "192.0.2.9"},
		{"a loop", writes(0, far+" 60 CNAME "+name, name+" 60 CNAME "+far), probe.Pass, "the name has no address", ""},
		{"a panic", rest(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) { panic("oh") }), probe.Fail, far + ": SERVFAIL", "192.0.2.9"},
	} {
		t.Run(test.what, func(t *testing.T) {
			b := newBench(t)
			b.look(writes(0, name+" 60 A 192.0.2.9"))
			got := b.lookFurther(kubernetes(test.end))
			if got.Outcome != test.outcome || got.Detail != test.detail {
				t.Errorf("%v, want %v with %q", got, test.outcome, test.detail)
			}
			if got := text(b.use.Found()); got != test.want {
				t.Errorf("Found %q, want %q", got, test.want)
			}
		})
	}
}

// One failure in passing is found out by the second question.
func TestA08_TheEndOfCNAMEsIsAskedOnceMore(t *testing.T) {
	asked := 0
	end := byType(rest(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		if asked++; asked == 1 {
			return dns.RcodeServerFailure, nil
		}
		return writes(0, far+" 60 A 192.0.2.1")(ctx, w, r)
	}), writes(0))
	b := newBench(t)
	b.lookFurther(kubernetes(end))
	if got := text(b.use.Found()); got != "192.0.2.1" || asked != 2 {
		t.Errorf("Found %q after %d questions", got, asked)
	}
	// What is denied is not asked for.
	asked = 0
	soa, err := dns.NewRR("example.com. 60 SOA ns.example.com. mail.example.com. 1 2 3 4 5")
	if err != nil {
		t.Fatal(err)
	}
	b.lookFurther(kubernetes(end, soa))
	if got := text(b.use.Found()); got != "" || asked != 1 {
		t.Errorf("Denied: found %q after %d questions", got, asked)
	}
}
