package failover

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

// fixture is a handler whose checks are in the states a test puts them in; nothing is probed.
type fixture struct {
	t      testing.TB
	f      *Failover
	states []health.Status
	now    time.Time
}

// load starts a handler for the stanzas in text, in a server block for example.org. Every check is healthy.
func load(tb testing.TB, text string) *fixture {
	tb.Helper()
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"example.org."}
	config, err := corefile.Parse(c)
	if err != nil {
		tb.Fatal(err)
	}
	fx := &fixture{t: tb, f: &Failover{config: config}, now: time.Unix(1_800_000_000, 0)}
	fx.f.Next = test.NextHandler(dns.RcodeRefused, nil)
	fx.states = make([]health.Status, config.Leaves())
	for i := range fx.states {
		fx.states[i].State = health.Healthy
	}
	fx.f.index = zone.New(config, uncounted)
	fx.f.index.Start(fx.status, fx.now)
	return fx
}

// uncounted lets nobody look at the tallies.
func uncounted(string, string, uint16, *zone.Tallies) {}

func (fx *fixture) status(leaf int) health.Status { return fx.states[leaf] }

// put changes the status of every check whose target contains one of the given texts.
func (fx *fixture) put(status health.Status, targets ...string) {
	fx.t.Helper()
	var leaves []int
	for i, c := range fx.f.config.Checks {
		if slices.ContainsFunc(targets, func(s string) bool { return strings.Contains(c.Probe.Target(), s) }) {
			fx.states[i] = status
			leaves = append(leaves, i)
		}
	}
	if len(leaves) == 0 {
		fx.t.Fatalf("No check has a target like %q", targets)
	}
	fx.f.index.Update(leaves, fx.now)
}

func (fx *fixture) down(targets ...string) {
	fx.t.Helper()
	fx.put(health.Status{State: health.Unhealthy}, targets...)
}

func (fx *fixture) up(targets ...string) {
	fx.t.Helper()
	fx.put(health.Status{State: health.Healthy}, targets...)
}

// ask returns the reply and what ServeDNS returned.
func (fx *fixture) ask(name string, qtype uint16) (*dns.Msg, int) {
	fx.t.Helper()
	r := new(dns.Msg)
	r.SetQuestion(name, qtype)
	return fx.send(r)
}

func (fx *fixture) send(r *dns.Msg) (*dns.Msg, int) {
	fx.t.Helper()
	rec := dnstest.NewRecorder(&test.ResponseWriter{})
	rcode, err := fx.f.ServeDNS(context.Background(), rec, r)
	if err != nil && rec.Msg != nil {
		fx.t.Errorf("Wrote a reply to %s and returned %v", r.Question[0].Name, err)
	}
	return rec.Msg, rcode
}

// values asks and returns the data of the answer section, sorted; for an empty answer, the rcode or NODATA.
func (fx *fixture) values(name string, qtype uint16) string {
	fx.t.Helper()
	m, rcode := fx.ask(name, qtype)
	switch {
	case m == nil:
		return "unwritten " + dns.RcodeToString[rcode]
	case m.Rcode != dns.RcodeSuccess:
		return dns.RcodeToString[m.Rcode]
	case len(m.Answer) == 0:
		return "NODATA"
	}
	var data []string
	for _, rr := range m.Answer {
		data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(data)
	return strings.Join(data, " ")
}

func (fx *fixture) want(name string, qtype uint16, want string) {
	fx.t.Helper()
	if got := fx.values(name, qtype); got != want {
		fx.t.Errorf("%s %s: got %q, want %q", name, dns.Type(qtype), got, want)
	}
}
