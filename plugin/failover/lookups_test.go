package failover

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// otherPlugin is a plugin that answers every question for an A record with one address, of what is otherwise far away with a
// CNAME to that. It works from its own start to its own shutdown, as plugins do.
type otherPlugin struct {
	works atomic.Bool
	early *atomic.Int32
}

// otherHost is the last octet of the address, and otherEarly how often a plugin was asked while it did not work.
var otherHost, otherEarly atomic.Int32

func others(c *caddy.Controller) error {
	o := &otherPlugin{early: &otherEarly}
	c.OnStartup(func() error {
		time.Sleep(20 * time.Millisecond) // it takes a moment to start, as kubernetes does
		o.works.Store(true)
		return nil
	})
	dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return o })
	return nil
}

func (*otherPlugin) Name() string { return "other" }

func (o *otherPlugin) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if !o.works.Load() {
		o.early.Add(1)
	}
	m := new(dns.Msg).SetReply(r)
	q := r.Question[0]
	switch {
	case q.Name == "far.example.net.":
		// As file and kubernetes do.
		m.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 30}, Target: "generation.example.org."}}
		if found, err := upstream.New().Lookup(ctx, request.Request{W: w, Req: r}, "near.example.org.", q.Qtype); err == nil {
			for _, rr := range found.Answer {
				rr = dns.Copy(rr)
				rr.Header().Name = "generation.example.org."
				m.Answer = append(m.Answer, rr)
			}
		}
	case q.Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 30}, A: net.IPv4(192, 0, 2, byte(otherHost.Load())),
		}}
	}
	return dns.RcodeSuccess, w.WriteMsg(m)
}

// outside is a Corefile with names that the plugin other answers for, and with a text that tells its generation.
func outside(generation int, more string) caddy.CaddyfileInput {
	return caddy.CaddyfileInput{ServerTypeName: "dns", Filepath: "Corefile", Contents: fmt.Appendf(nil, `example.org:0 {
		failover {
			primary   db alias db.example.net.
			secondary db 198.51.100.1
			static    far alias far.example.net.
			static    near 192.0.2.77
			static    www CNAME www.example.net.
			static    generation TXT %d
		}
		%s
		other
	}`, generation, more)}
}

// Look-ups go through the plugins that serve, whatever becomes of a reload, and through no others; each generation that
// serves looks up at once.
func TestO03_A08_LookUpsOverReloads(t *testing.T) {
	otherEarly.Store(0)
	otherHost.Store(50)
	i := boot(t, outside(0, ""))
	ended := false
	defer func() {
		if !ended {
			i.end(t)
		}
	}()
	i.await(t, "db.example.org.", dns.TypeA, "192.0.2.50")
	i.await(t, "far.example.org.", dns.TypeA, "192.0.2.77") // what a plugin asks the server for
	for _, step := range []struct {
		what, more    string
		fails         bool
		loads, serves int
		found         int32
	}{
		{"a reload", "", false, 1, 1, 51},
		{"a plugin that fails to start after ours", "stumble startup", true, 2, 1, 51},
		{"a reload after a failed one", "stumble shutdown", false, 3, 3, 53},
		{"a reload that fails while the old plugins are shut down", "", true, 4, 4, 54},
	} {
		otherHost.Store(step.found)
		next, err := i.Restart(outside(step.loads, step.more))
		if (err != nil) != step.fails {
			t.Fatalf("%s: got %v", step.what, err)
		}
		i.Instance = next
		if all := caddy.Instances(); err != nil {
			i.Instance = all[len(all)-1]
		}
		i.await(t, "generation.example.org.", dns.TypeTXT, fmt.Sprintf("%q", fmt.Sprint(step.serves)))
		i.await(t, "db.example.org.", dns.TypeA, fmt.Sprintf("192.0.2.%d", step.found))
	}
	if n := otherEarly.Load(); n > 0 {
		t.Errorf("A plugin was asked %d times before it worked", n)
	}
	ended = true
	i.end(t)
	use := lookups.Use(lookup.Key{Via: "dns://example.org.:0", Name: "db.example.net."}, func() {})
	defer use.Leave()
	if use.Found().Answered {
		t.Error("What was found outlived all who used it")
	}
}

// A server block whose plugins hold on to the load that they are part of does not keep it from being released.
func TestO03_A08_AForgottenGenerationWithLookUpsIsReleased(t *testing.T) {
	pretend(t)
	config := parsed(t, `failover {
		primary db alias db.example.net.
		static www CNAME www.example.net.
	}`)
	func() {
		g := generationOf(caddy.NewTestController("dns", ""))
		f := &Failover{config: config}
		f.Next = holder{g}
		g.add(blockOf(f))
		mustStart(t, g)
	}()
	collected(t)
}

type holder struct{ *generation }

func (holder) Name() string { return "holder" }

func (holder) ServeDNS(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) {
	return dns.RcodeRefused, nil
}

// An answer with what others answered costs no more than any other, and no query asks another plugin.
func TestA08_AllocationsOfANameElsewhere(t *testing.T) {
	fx := load(t, `failover {
		primary   db alias db.example.net.
		secondary db 198.51.100.1
		static    www CNAME db.example.net.
	}`)
	fx.f.Next = unaskable{t}
	found := &lookup.Found{Answered: true}
	found.Now[0] = lookup.Family{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, TTL: 30}
	found.Last = found.Now
	fx.f.index.Look = func(string) *lookup.Found { return found }
	fx.f.index.Found("db.example.net.")
	fx.f.index.Update(nil, fx.now)
	fx.want("db.example.org.", dns.TypeA, "192.0.2.1")
	fx.want("www.example.org.", dns.TypeA, "192.0.2.1 db.example.net.")
	fx.want("www.example.org.", dns.TypeMX, "db.example.net.")
	ctx, w := context.Background(), new(discard)
	r := new(dns.Msg).SetQuestion("db.example.org.", dns.TypeA)
	if got := testing.AllocsPerRun(1000, func() { _, _ = fx.f.ServeDNS(ctx, w, r) }); got != 1 {
		t.Errorf("%v allocations a query, want the reply alone", got)
	}
}

// unaskable is a plugin that nobody is to ask.
type unaskable struct{ testing.TB }

func (unaskable) Name() string { return "unaskable" }

func (u unaskable) ServeDNS(_ context.Context, _ dns.ResponseWriter, r *dns.Msg) (int, error) {
	u.Errorf("Another plugin was asked for %v", r.Question)
	return dns.RcodeServerFailure, nil
}
