package explain_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/explain"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// began is when the tests' time begins.
var began = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// fixture is an index whose checks are in the states a test puts them in.
type fixture struct {
	t        *testing.T
	config   *corefile.Config
	index    *zone.Index
	statuses []health.Status
	known    map[string]*lookup.Found
	now      time.Time
}

// load starts an index for a server block for example.org. Every check is healthy.
func load(t *testing.T, text string) *fixture {
	t.Helper()
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"example.org."}
	config, err := corefile.Parse(c)
	if err != nil {
		t.Fatal(err)
	}
	fx := &fixture{t: t, config: config, now: began, known: map[string]*lookup.Found{}}
	for range config.Leaves() {
		fx.statuses = append(fx.statuses, health.Status{State: health.Healthy, Since: began})
	}
	fx.index = zone.New(config, func(string, string, uint16, *zone.Tallies) {})
	fx.index.Look = func(name string) *lookup.Found {
		if found := fx.known[name]; found != nil {
			return found
		}
		return new(lookup.Found)
	}
	fx.index.Start(func(leaf int) health.Status { return fx.statuses[leaf] }, fx.now)
	return fx
}

// find has addresses found for a name elsewhere, none for one that does not exist.
func (fx *fixture) find(name string, addrs ...string) {
	f := &lookup.Found{Answered: true, NXDomain: len(addrs) == 0, Since: fx.now}
	for _, addr := range addrs {
		f.Now[0].Addrs, f.Now[0].TTL = append(f.Now[0].Addrs, netip.MustParseAddr(addr)), 20
	}
	f.Last = f.Now
	fx.known[name] = f
	fx.index.Found(name)
	fx.index.Update(nil, fx.now)
}

// leaf is the check with a target like the text, or with that name.
func (fx *fixture) leaf(target string) int {
	fx.t.Helper()
	for i := range fx.config.Checks {
		if strings.Contains(fx.config.Checks[i].Probe.Target(), target) {
			return i
		}
	}
	for i := range fx.config.Checks {
		if slices.Contains(fx.config.Checks[i].Names, target) {
			return i
		}
	}
	for i, name := range fx.config.Combined {
		if name == target {
			return len(fx.config.Checks) + i
		}
	}
	fx.t.Fatalf("No check has a target like %q", target)
	return -1
}

func (fx *fixture) put(status health.Status, targets ...string) {
	fx.t.Helper()
	for _, target := range targets {
		leaf := fx.leaf(target)
		fx.statuses[leaf] = status
		fx.index.Update([]int{leaf}, fx.now)
	}
}

var down = health.Status{State: health.Unhealthy, Since: began, Reason: "status", Detail: "status 500"}

func (fx *fixture) explain(q explain.Question) *api.Explanation {
	fx.t.Helper()
	x, err := explain.Explain(fx.index, fx.config, q, fx.now)
	if err != nil {
		fx.t.Fatal(err)
	}
	return x
}

var update = flag.Bool("update", false, "write the expected texts anew")

// want compares an explanation with its text in testdata, where a serial is written SERIAL.
func (fx *fixture) want(q explain.Question, file string) {
	fx.t.Helper()
	got := serial.ReplaceAllString(strings.Join(fx.explain(q).Lines(), "\n"), "SERIAL") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			fx.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		fx.t.Fatal(err)
	}
	if got != string(want) {
		fx.t.Errorf("Got\n%s\nwant\n%s", got, want)
	}
}

var serial = regexp.MustCompile(`\d{10}`)

const sites = `failover {
	ttl 60s 10s
	check web http://:80/
	check gate tcp://192.0.2.200:80
	check hand manual
	check both all gate hand
	primary www 192.0.2.1 192.0.2.2 2001:db8::1 check web
	secondary www 198.51.100.1
	set www failback 5m min 2
	weight 10 api 192.0.2.11 check web id blue
	weight 20 api 192.0.2.12 check web id green
	weight 0 api 192.0.2.13 check web id red
	set api ttl 20s 3s
	primary app alias www check both
	secondary app alias api
	answer many 192.0.2.1 192.0.2.3
	answer many alias api
	answer many 192.0.2.5
	set many max 2
	static c CNAME app
	static *.w 192.0.2.9
	primary last 192.0.2.21 check web
	secondary last 192.0.2.22 check web
	set last all_down last
	primary far alias far.example.net. check gate
	secondary far alias other.example.net.
	static cfar CNAME www.example.net.
	primary none 192.0.2.31 check web
	set none all_down servfail
}
failover sub.example.org {
	fallthrough
	static www 192.0.2.41
}`

func TestLines(t *testing.T) {
	by := func(state health.State) health.Status { return health.Status{State: health.Healthy, Manual: state} }
	gone := health.Status{State: health.Unhealthy, Since: began.Add(-24 * time.Hour), Reason: "refused"}
	for _, c := range []struct {
		what string
		live func(fx *fixture)
		ask  func(fx *fixture) explain.Question
	}{
		{"a healthy failover set", nil, plain("www.example.org.", dns.TypeA)},
		{
			"too few values",
			func(fx *fixture) { fx.put(down, "192.0.2.1:") },
			plain("www.example.org.", dns.TypeA),
		},
		{
			"waiting for failback",
			func(fx *fixture) {
				fx.put(down, "192.0.2.1:")
				fx.now = fx.now.Add(time.Minute)
				fx.put(health.Status{State: health.Healthy, Streak: true, Since: fx.now}, "192.0.2.1:")
			},
			plain("www.example.org", dns.TypeA),
		},
		{
			"a tree with an assumption",
			func(fx *fixture) { fx.put(gone, "192.0.2.12:") },
			func(fx *fixture) explain.Question {
				return explain.Question{
					Name: "APP.example.org.", Type: dns.TypeA, Client: netip.MustParseAddr("203.0.113.7"),
					Assume: map[int]health.Status{fx.leaf("200:80"): explain.Assume(fx.config, fx.leaf("200:80"), health.Unhealthy)},
				}
			},
		},
		{
			"by hand",
			func(fx *fixture) { fx.put(by(health.Unhealthy), "hand") },
			func(*fixture) explain.Question {
				return explain.Question{Name: "app.example.org.", Type: dns.TypeA, Manual: func(int) *api.Manual {
					until := began.Add(time.Hour)
					return &api.Manual{Reason: "a move", Author: "ann", Until: &until}
				}}
			},
		},
		{
			"an assumption of what is not probed",
			nil,
			func(fx *fixture) explain.Question {
				return explain.Question{Name: "app.example.org.", Type: dns.TypeA, Assume: map[int]health.Status{
					fx.leaf("both"): explain.Assume(fx.config, fx.leaf("both"), health.Unhealthy),
				}}
			},
		},
		{
			"untold",
			func(fx *fixture) { fx.put(gone, "192.0.2.12:") },
			func(*fixture) explain.Question {
				return explain.Question{Name: "app.example.org.", Type: dns.TypeA, Untold: func(leaf int) string {
					return map[bool]string{true: "no_route, no route to anybody"}[leaf == 0]
				}}
			},
		},
		{
			"an alias to a name elsewhere",
			func(fx *fixture) { fx.find("far.example.net.", "192.0.2.61", "192.0.2.62") },
			plain("far.example.org.", dns.TypeA),
		},
		{
			"look-ups that fail",
			func(fx *fixture) {
				fx.find("far.example.net.", "192.0.2.61")
				fx.put(health.Status{State: health.Unhealthy, Since: began, Reason: "rcode", Detail: "SERVFAIL"}, "lookup far.example.net.")
				fx.find("other.example.net.")
			},
			plain("far.example.org.", dns.TypeA),
		},
		{"names elsewhere that nothing is known of", nil, plain("far.example.org.", dns.TypeA)},
		{
			"a CNAME to a name elsewhere",
			func(fx *fixture) { fx.find("www.example.net.", "192.0.2.63") },
			plain("cfar.example.org.", dns.TypeA),
		},
		{"odds", nil, plain("many.example.org.", dns.TypeA)},
		{"a CNAME", nil, plain("c.example.org.", dns.TypeAAAA)},
		{
			"all down last",
			func(fx *fixture) {
				fx.put(down, "192.0.2.21:")
				fx.put(down, "192.0.2.22:")
			},
			plain("last.example.org.", dns.TypeA),
		},
		{
			"all down servfail",
			func(fx *fixture) { fx.put(by(health.Unhealthy), "192.0.2.31:") },
			plain("none.example.org.", dns.TypeA),
		},
		{
			"nothing known yet",
			func(fx *fixture) { fx.put(health.Status{}, "192.0.2.31:") },
			plain("none.example.org.", dns.TypeA),
		},
		{"a wildcard without the type", nil, plain("a.b.W.example.org.", dns.TypeTXT)},
		{"no such name", nil, plain("nope.example.org.", dns.TypeA)},
		{"a name error that falls through", nil, plain("nope.sub.example.org.", dns.TypeA)},
		{"no such zone", nil, plain("www.example.net.", dns.TypeA)},
		{"an empty non-terminal", nil, plain("w.example.org.", dns.TypeA)},
		{"the apex", nil, plain("example.org.", dns.TypeNS)},
		{"ANY", nil, plain("www.example.org.", dns.TypeANY)},
		{"a transfer", nil, plain("example.org.", dns.TypeAXFR)},
	} {
		t.Run(c.what, func(t *testing.T) {
			fx := load(t, sites)
			if c.live != nil {
				c.live(fx)
			}
			fx.want(c.ask(fx), filepath.Join("testdata", strings.ReplaceAll(c.what, " ", "_")+".txt"))
		})
	}
}

// plain asks without assumptions.
func plain(name string, qtype uint16) func(*fixture) explain.Question {
	return func(*fixture) explain.Question { return explain.Question{Name: name, Type: qtype} }
}

// What cannot be asked is refused.
func TestRefused(t *testing.T) {
	fx := load(t, sites)
	for _, q := range []explain.Question{
		{Name: strings.Repeat("a", 64) + ".example.org.", Type: dns.TypeA},
		{Name: strings.Repeat("a.", 130), Type: dns.TypeA},
		{Name: "www..example.org.", Type: dns.TypeA},
		{Name: "www.example.org.", Type: dns.TypeA, Assume: map[int]health.Status{fx.config.Leaves(): down}},
		{Name: "www.example.org.", Type: dns.TypeA, Assume: map[int]health.Status{-1: down}},
	} {
		if x, err := explain.Explain(fx.index, fx.config, q, fx.now); err == nil {
			t.Errorf("%v is explained: %v", q, x.Lines())
		}
	}
}

// A chain of CNAMEs is explained as far as it is followed, and not without end.
func TestChains(t *testing.T) {
	loop, wide := "failover {\n", "failover {\n"
	for i := range 12 {
		loop += fmt.Sprintf("static c%d CNAME c%d\n", i, i+1)
		for j := range 12 {
			wide += fmt.Sprintf("weight 1 w%d CNAME w%d id r%d\n", i, j, j)
		}
	}
	fx := load(t, loop+"static loop CNAME loop2\nstatic loop2 CNAME LOOP\n}\n"+wide+"}")
	for _, c := range []struct {
		name string
		last string
	}{
		{"c0.example.org.", "no more than 8 CNAMEs are followed"},
		{"c4.example.org.", "the name does not exist, and no wildcard covers it"},
		{"loop.example.org.", "the CNAMEs lead in a loop"},
	} {
		step := &fx.explain(explain.Question{Name: c.name, Type: dns.TypeA}).Way
		for len(step.Next) > 0 {
			step = &step.Next[0]
		}
		if step.Why != c.last {
			t.Errorf("%s ends with %q, want %q", c.name, step.Why, c.last)
		}
	}
	x := fx.explain(explain.Question{Name: "w0.example.org.", Type: dns.TypeA})
	if n := len(x.Lines()); n > 20_000 {
		t.Errorf("An explanation has %d lines", n)
	}
	if !slices.ContainsFunc(x.Outcomes, func(o api.ExplainedOutcome) bool { return o.Kind == api.AnswerUnfollowed }) {
		t.Errorf("It ends as %v", x.Outcomes)
	}
}

// What an explanation says is the same after it went through JSON.
func TestJSON(t *testing.T) {
	x := load(t, sites).explain(explain.Question{Name: "app.example.org.", Type: dns.TypeA})
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	var y api.Explanation
	if err := json.Unmarshal(text, &y); err != nil {
		t.Fatal(err)
	}
	if a, b := strings.Join(x.Lines(), "\n"), strings.Join(y.Lines(), "\n"); a != b {
		t.Errorf("Got\n%s\nwant\n%s", b, a)
	}
}
