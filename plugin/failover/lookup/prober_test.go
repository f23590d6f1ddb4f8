package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

// rest is a plugin.
type rest func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error)

func (f rest) Name() string { return "rest" }

func (f rest) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return f(ctx, w, r)
}

// writes answers with records, of which it gives those that are asked for.
func writes(rcode int, records ...string) rest {
	return func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		m := new(dns.Msg).SetRcode(r, rcode)
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			if t := rr.Header().Rrtype; t == r.Question[0].Qtype || t == dns.TypeCNAME {
				m.Answer = append(m.Answer, rr)
			}
		}
		return dns.RcodeSuccess, w.WriteMsg(m)
	}
}

// byType has a plugin for each family.
func byType(four, six rest) rest {
	return func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		if r.Question[0].Qtype == dns.TypeA {
			return four(ctx, w, r)
		}
		return six(ctx, w, r)
	}
}

func fails(rcode int, err error) rest {
	return func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) { return rcode, err }
}

const name = "db.example.net."

var key = Key{Via: "example.org.", Name: name}

// bench is a Table with a name in use and a Prober of it.
type bench struct {
	*Table

	t      *testing.T
	use    *Use
	prober probe.Prober
	told   int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Table: NewTable(), t: t}
	b.use = b.Use(key, func() { b.told++ })
	t.Cleanup(b.use.Leave)
	var err error
	if b.prober, err = b.NewProber(probe.Spec{Scheme: probe.Lookup, Name: key.Name, Via: key.Via}); err != nil {
		t.Fatal(err)
	}
	return b
}

// look looks up once, through the given plugin.
func (b *bench) look(next plugin.Handler) probe.Result {
	b.t.Helper()
	defer b.Serve(key.Via, &Chain{Next: next}).Stop()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	return b.prober.Probe(ctx)
}

func text(f *Found) string {
	var parts []string
	for _, family := range f.Now {
		for _, addr := range family.Addrs {
			parts = append(parts, addr.String())
		}
	}
	return strings.Join(parts, " ")
}

func TestA08_WhatALookUpFinds(t *testing.T) {
	many := make([]string, 0, 100)
	for i := range 100 {
		many = append(many, fmt.Sprintf("%s 60 IN A 192.0.2.%d", name, 100-i))
	}
	for _, test := range []struct {
		name    string
		next    plugin.Handler
		outcome probe.Outcome
		detail  string
		want    string // addresses
	}{
		{"addresses, in one order", writes(0, name+" 60 A 192.0.2.2", name+" 60 A 192.0.2.1", name+" 60 AAAA 2001:db8::1"), probe.Pass,
			"found 2 IPv4 and 1 IPv6 addresses", "192.0.2.1 192.0.2.2 2001:db8::1"},
		{"twice the same", writes(0, name+" 60 A 192.0.2.2", name+" 60 A 192.0.2.2"), probe.Pass,
			"found 1 IPv4 and 0 IPv6 addresses", "192.0.2.2"},
		{"the letters of somebody else", writes(0, "DB.Example.NET. 60 A 192.0.2.2"), probe.Pass,
			"found 1 IPv4 and 0 IPv6 addresses", "192.0.2.2"},
		{"no address", writes(0), probe.Pass, "the name has no address", ""},
		{"no name", writes(dns.RcodeNameError), probe.Pass, "the name does not exist", ""},
		{"no name, says one family", byType(writes(0, name+" 60 A 192.0.2.1"), writes(dns.RcodeNameError)), probe.Pass,
			"found 1 IPv4 and 0 IPv6 addresses", "192.0.2.1"},
		{"no name, says the other", byType(writes(dns.RcodeNameError), writes(0, name+" 60 AAAA 2001:db8::1")), probe.Pass,
			"found 0 IPv4 and 1 IPv6 addresses", "2001:db8::1"},
		{"no name and no address", byType(writes(0), writes(dns.RcodeNameError)), probe.Pass, "the name does not exist", ""},
		{"no name, and a failure", byType(fails(dns.RcodeServerFailure, nil), writes(dns.RcodeNameError)), probe.Fail, "SERVFAIL", ""},
		{"a chain", writes(0, name+" 60 CNAME a.example.com.", "A.example.com. 60 CNAME b.example.com.", "b.example.com. 60 A 192.0.2.3",
			"c.example.com. 60 A 192.0.2.4", name+" 60 A 192.0.2.5"), probe.Pass, "found 1 IPv4 and 0 IPv6 addresses", "192.0.2.3"},
		{"a chain that ends nowhere", writes(0, name+" 60 CNAME a.example.com."), probe.Pass, "the name has no address", ""},
		{"a loop", writes(0, name+" 60 CNAME a.example.com.", "a.example.com. 60 CNAME "+name), probe.Pass, "the name has no address", ""},
		{"of other names and classes", writes(0, "other.example.net. 60 A 192.0.2.3", name+" 60 CH A 192.0.2.4"), probe.Pass,
			"the name has no address", ""},
		{"too many", writes(0, many...), probe.Pass, "found 64 IPv4 and 0 IPv6 addresses", ""},
		{"one family fails", byType(writes(0, name+" 60 A 192.0.2.1"), writes(dns.RcodeServerFailure)), probe.Pass,
			"found 1 IPv4 and 0 IPv6 addresses", "192.0.2.1"},
		{"one has nothing, and one fails", byType(writes(0), writes(dns.RcodeServerFailure)), probe.Fail, "SERVFAIL", ""},
		{"SERVFAIL", writes(dns.RcodeServerFailure), probe.Fail, "SERVFAIL", ""},
		{"SERVFAIL that is not written", fails(dns.RcodeServerFailure, errors.New("no\nupstream")), probe.Fail, "SERVFAIL: no?upstream", ""},
		{"REFUSED", writes(dns.RcodeRefused), probe.Fail, "REFUSED", ""},
		{"REFUSED that is not written", fails(dns.RcodeRefused, nil), probe.Fail, "REFUSED", ""},
		{"the last plugin hands it on", rest(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			return plugin.NextOrFailure("rest", nil, ctx, w, r)
		}), probe.Fail, "no plugin knows the name", ""},
		{"nothing is written", fails(dns.RcodeSuccess, nil), probe.Fail, "no plugin answered", ""},
		{"an odd rcode", writes(3841), probe.Fail, "RCODE3841", ""},
		{"no plugin", nil, probe.Fail, "no plugin comes after this one", ""},
		{"a panic", rest(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) { panic("oops") }), probe.Fail,
			"a plugin panicked", ""},
		{"packed", byType(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			rr, _ := dns.NewRR(name + " 60 A 192.0.2.1")
			m := new(dns.Msg).SetReply(r)
			m.Answer = []dns.RR{rr}
			packed, err := m.Pack()
			if err == nil {
				_, err = w.Write(packed)
			}
			return dns.RcodeSuccess, err
		}, writes(0)), probe.Pass, "found 1 IPv4 and 0 IPv6 addresses", "192.0.2.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			r := b.look(test.next)
			if r.Outcome != test.outcome || r.Detail != test.detail {
				t.Errorf("Got %s %q, want %s %q", r.Outcome, r.Detail, test.outcome, test.detail)
			}
			found := b.use.Found()
			if got := text(found); got != test.want && test.want != "" || got == "" && test.want != "" {
				t.Errorf("Found %q, want %q", got, test.want)
			}
			if found.Answered != (test.outcome == probe.Pass) || found.NXDomain != strings.Contains(test.detail, "not exist") {
				t.Errorf("Got %+v", found)
			}
			nobody := slices.Contains([]string{"REFUSED", "no plugin knows the name", "no plugin comes after this one"}, test.detail)
			if found.Nobody != nobody {
				t.Errorf("Nobody: %v, want %v", found.Nobody, nobody)
			}
			changed := test.outcome == probe.Pass || nobody
			if (b.told == 1) != changed {
				t.Errorf("Told %d times", b.told)
			}
		})
	}
}

// What is known stays through failures; what an answer says counts at once.
func TestA08_WhatStays(t *testing.T) {
	b := newBench(t)
	both := writes(0, name+" 60 A 192.0.2.1", name+" 60 AAAA 2001:db8::1")
	for _, step := range []struct {
		next      rest
		now, last string
		told      int
	}{
		{both, "192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1", 1},
		{both, "192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1", 1},
		{writes(dns.RcodeServerFailure), "192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1", 1},
		{byType(writes(0, name+" 60 A 192.0.2.2"), fails(dns.RcodeServerFailure, nil)),
			"192.0.2.2 2001:db8::1", "192.0.2.2 2001:db8::1", 2},
		{writes(dns.RcodeNameError), "", "192.0.2.2 2001:db8::1", 3},
		{writes(dns.RcodeServerFailure), "", "192.0.2.2 2001:db8::1", 3},
		{writes(0), "", "192.0.2.2 2001:db8::1", 4},
		{writes(0, name+" 60 A 192.0.2.3"), "192.0.2.3", "192.0.2.3", 5},
	} {
		b.look(step.next)
		found := b.use.Found()
		if got, last := text(found), text(&Found{Now: found.Last}); got != step.now || last != step.last || b.told != step.told {
			t.Errorf("Got %q, last %q, told %d times, want %+v", got, last, b.told, step)
		}
	}
}

// An answer that was cut short is asked for again by TCP.
func TestALongAnswer(t *testing.T) {
	b := newBench(t)
	var networks []string
	long := rest(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		m := new(dns.Msg).SetReply(r)
		networks = append(networks, w.RemoteAddr().Network())
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncated = true
		} else {
			rr, _ := dns.NewRR(name + " 60 A 192.0.2.1")
			m.Answer = []dns.RR{rr}
		}
		return dns.RcodeSuccess, w.WriteMsg(m)
	})
	b.look(byType(long, writes(0)))
	if got := text(b.use.Found()); got != "192.0.2.1" || !slices.Equal(networks, []string{"udp", "tcp"}) {
		t.Errorf("Found %q over %q", got, networks)
	}
}

// An answer that was cut short and cannot be had as a whole is no word on what is not in it: some addresses are some, and
// none is a failure.
func TestALongAnswerWithoutTCP(t *testing.T) {
	short := func(records ...string) rest {
		return func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			if w.RemoteAddr().Network() == "tcp" {
				return dns.RcodeServerFailure, errors.New("connection refused")
			}
			keep := new(writer)
			code, err := writes(0, records...)(ctx, keep, r)
			keep.msg.Truncated = true
			return code, errors.Join(err, w.WriteMsg(keep.msg))
		}
	}
	b := newBench(t)
	b.look(writes(0, name+" 60 A 192.0.2.1"))
	if r := b.look(byType(short(), writes(0))); r.Outcome != probe.Fail || r.Detail != "the answer was cut short" {
		t.Errorf("Got %+v for an answer with nothing in it", r)
	}
	if got := text(b.use.Found()); got != "192.0.2.1" {
		t.Errorf("Found %q, want what was known", got)
	}
	if r := b.look(byType(short(name+" 60 A 192.0.2.2"), writes(0))); r.Outcome != probe.Pass || text(b.use.Found()) != "192.0.2.2" {
		t.Errorf("Got %+v and %q for an answer with an address", r, text(b.use.Found()))
	}
}

// A plugin that hangs holds up nobody, and is not asked a second time meanwhile.
func TestAPluginThatHangs(t *testing.T) {
	b := newBench(t)
	b.look(writes(0, name+" 60 A 192.0.2.1"))
	release, asked := make(chan struct{}), make(chan struct{}, 10)
	hangs := rest(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) {
		asked <- struct{}{}
		<-release
		return dns.RcodeServerFailure, nil
	})
	s := b.Serve(key.Via, &Chain{Next: hangs})
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if r := b.prober.Probe(ctx); r.Outcome != probe.Fail || r.Reason != probe.ReasonTimeout {
			t.Errorf("Got %+v", r)
		}
		cancel()
	}
	if n := len(asked); n != 2 {
		t.Errorf("Asked %d times, want once for each family", n)
	}
	if got := text(b.use.Found()); got != "192.0.2.1" {
		t.Errorf("Found %q", got)
	}
	close(release)
	s.Stop()
	deadline := time.Now().Add(20 * time.Second)
	for b.look(writes(0, name+" 60 A 192.0.2.2")); text(b.use.Found()) != "192.0.2.2"; b.look(writes(0, name+" 60 A 192.0.2.2")) {
		if time.Now().After(deadline) {
			t.Fatal("It is not asked again")
		}
	}
}

// A plugin that hangs for ever does not keep those of a reload from being asked.
func TestAPluginThatHangsAndAReload(t *testing.T) {
	b := newBench(t)
	release, ended := make(chan struct{}), make(chan struct{}, 2)
	hangs := rest(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) {
		<-release
		ended <- struct{}{}
		return dns.RcodeServerFailure, nil
	})
	defer b.Serve(key.Via, &Chain{Next: hangs}).Stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.prober.Probe(ctx)
	if r := b.look(writes(0, name+" 60 A 192.0.2.1")); r.Outcome != probe.Pass || text(b.use.Found()) != "192.0.2.1" {
		t.Errorf("Got %+v", r)
	}
	close(release)
	<-ended
	<-ended
}

// What was said by plugins that are not those of now counts for nothing.
func TestOtherPluginsMeanwhile(t *testing.T) {
	b := newBench(t)
	var second *Serving
	first := rest(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		if r.Question[0].Qtype == dns.TypeA {
			second = b.Serve(key.Via, &Chain{Next: writes(0, name+" 60 A 192.0.2.2")})
		}
		return writes(dns.RcodeNameError)(ctx, w, r)
	})
	if r := b.look(first); r.Outcome != probe.Indeterminate {
		t.Errorf("Got %+v", r)
	}
	if b.told != 0 {
		t.Error("What the old plugins said was believed")
	}
	if r := b.prober.Probe(t.Context()); r.Outcome != probe.Pass || text(b.use.Found()) != "192.0.2.2" {
		t.Errorf("Got %+v", r)
	}
	second.Stop()
	if r := b.prober.Probe(t.Context()); r.Outcome != probe.Indeterminate {
		t.Errorf("Got %+v without plugins", r)
	}
}
