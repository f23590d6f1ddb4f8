package zone

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// load builds and starts an index for stanzas in a server block for example.org, with all checks healthy.
func load(tb testing.TB, text string) (*Index, []health.Status) {
	tb.Helper()
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"example.org."}
	config, err := corefile.Parse(c)
	if err != nil {
		tb.Fatal(err)
	}
	states := make([]health.Status, config.Leaves())
	for i := range states {
		states[i].State = health.Healthy
	}
	x := New(config, func(string, string, uint16, *Tallies) {})
	x.Start(func(leaf int) health.Status { return states[leaf] }, time.Unix(1_800_000_000, 0))
	return x, states
}

const forest = `failover {
	ttl 30s 5s
	check web http://:80/
	weight 1 leaf1 192.0.2.1 192.0.2.2 check web
	weight 2 leaf1 192.0.2.3 check web
	primary leaf2 192.0.2.4 check web
	secondary leaf2 192.0.2.5
	answer mid alias leaf1
	answer mid alias leaf2
	answer mid 192.0.2.6 192.0.2.7 check web
	primary top alias mid
	secondary top alias leaf2 evaluate off
	set top all_down answer 192.0.2.8 192.0.2.9
	static txt TXT a b c
}`

// Writers above the plugin append to the sections of a reply. With spare capacity they would write into what others
// read at the same time.
func TestSharedSlicesHaveNoSpareCapacity(t *testing.T) {
	x, states := load(t, forest)
	check := func(what string, rrs []dns.RR) {
		t.Helper()
		if cap(rrs) != len(rrs) {
			t.Errorf("%s: a shared slice of %d records has capacity %d", what, len(rrs), cap(rrs))
		}
	}
	var walk func(b *branch)
	walk = func(b *branch) {
		check("SOA", x.zones["example.org."].apex.Load().negative[b.negative])
		for i, l := range b.leaves {
			check(fmt.Sprint(b.set.Config.Name, " ", i), l.rrs)
			if l.inner != nil {
				walk(l.inner)
			}
		}
	}
	for _, state := range []health.State{health.Healthy, health.Unhealthy} {
		for i := range states {
			states[i].State = state
			x.Update([]int{i}, time.Unix(1_800_000_001, 0))
		}
		for s := range x.Sets() {
			for f := range s.answers {
				if a := s.Answer(f); a != nil {
					walk(&a.root)
				}
			}
		}
		x.Zones(func(z *Zone) {
			check("apex SOA", z.SOA())
			check("apex NS", z.NS())
			check("negative SOA", z.Negative())
		})
	}
}

// A panic in one set leaves its stale answer, and all others are made.
func TestUpdateSurvivesAPanic(t *testing.T) {
	x, states := load(t, `failover {
		check web http://:80/
		primary bad 192.0.2.1 check web
		secondary bad 192.0.2.2
		primary good 192.0.2.1 check web
		secondary good 192.0.2.2
	}`)
	var panics []any
	x.Panicked = func(v any) { panics = append(panics, v) }
	bad, good := &x.sets[0], &x.sets[1]
	stale := bad.Answer(0)
	value := &bad.Config.Records[1].Values(0)[0]
	rr := *value
	*value = nil
	states[0].State = health.Unhealthy
	x.Update([]int{0}, time.Unix(1_800_000_001, 0))
	if len(panics) != 1 || bad.Answer(0) != stale {
		t.Errorf("Got panics %v, and a new answer: %v", panics, bad.Answer(0) != stale)
	}
	if id := good.Active().ID; id != "secondary" {
		t.Errorf("The set after the one with the panic is on %s", id)
	}
	*value = rr
	x.Update([]int{0}, time.Unix(1_800_000_002, 0))
	if id := bad.Active().ID; id != "secondary" {
		t.Errorf("The set is on %s once it can be made anew", id)
	}
}

// After any sequence of changes the answers are those of an index that begins with the states that came of it.
func TestUpdatesEndWhereAStartWould(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x, states := load(t, forest)
		for range rapid.IntRange(1, 20).Draw(rt, "changes") {
			leaves := make([]int, 0, 3)
			for range rapid.IntRange(1, 3).Draw(rt, "at once") {
				i := rapid.IntRange(0, len(states)-1).Draw(rt, "leaf")
				states[i] = health.Status{
					State:  health.State(rapid.IntRange(0, 2).Draw(rt, "state")),
					Streak: rapid.Bool().Draw(rt, "streak"),
				}
				leaves = append(leaves, i)
			}
			x.Update(leaves, time.Unix(1_800_000_001, 0))
		}
		fresh, now := load(t, forest)
		for i := range states {
			now[i] = states[i]
			fresh.Update([]int{i}, time.Unix(1_800_000_001, 0))
		}
		if got, want := describe(x), describe(fresh); got != want {
			rt.Fatalf("After updates:\n%s\nfrom a start:\n%s", got, want)
		}
	})
}

// describe is all that an index answers, with odds, as text.
func describe(x *Index) string {
	var b strings.Builder
	var walk func(indent string, br *branch)
	walk = func(indent string, br *branch) {
		fmt.Fprintf(&b, "%soutcome %d take %d\n", indent, br.plan.Outcome, br.plan.Take)
		for i, l := range br.leaves {
			if br.plan.Outcome == policy.AnswerFixed {
				fmt.Fprintf(&b, "%s%v\n", indent, l.rrs)
				continue
			}
			n, d := br.plan.Odds(i)
			fmt.Fprintf(&b, "%s%s %d/%d %v\n", indent, br.id(i), n, d, l.rrs)
			if l.inner != nil {
				walk(indent+"  ", l.inner)
			}
		}
	}
	for s := range x.Sets() {
		for f := range s.answers {
			if a := s.Answer(f); a != nil {
				fmt.Fprintf(&b, "%s %d down=%v degraded=%v\n", s.Config.Name, f, a.AllDown, a.Degraded)
				walk("  ", &a.root)
			}
		}
	}
	return b.String()
}

func TestD05_TheSerialNeverFalls(t *testing.T) {
	table := serialTable{last: make(map[string]uint32)}
	begin := time.Unix(1_800_000_000, 0)
	last := table.next("example.org.", begin)
	if want := uint32(begin.Unix()); last != want {
		t.Errorf("The first serial is %d, want the time %d", last, want)
	}
	for _, step := range []time.Duration{0, 0, time.Second, time.Hour, -48 * time.Hour, 0, 47 * time.Hour, 3 * time.Hour} {
		begin = begin.Add(step)
		next := table.next("example.org.", begin)
		if int32(next-last) <= 0 {
			t.Errorf("After a step of %v of the clock the serial went from %d to %d", step, last, next)
		}
		last = next
	}
	if other := table.next("example.net.", time.Unix(5, 0)); other != 5 {
		t.Errorf("Another zone's serial is %d, want its own, 5", other)
	}
}

// Match against the same thing done the simple way.
func TestMatchAsTheSimpleWay(t *testing.T) {
	x, _ := load(t, `failover example.org sub.example.org . {
		static www A 192.0.2.1
		static a.b.c A 192.0.2.1
		static *.w A 192.0.2.1
		static x.w A 192.0.2.1
		static "*.x.w" TXT x
		static @ TXT x
		static www TXT x
		static b.too-long-for-a-short-name TXT x
		static *.too-long-for-a-short-name TXT x
		static a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.c A 192.0.2.1
	}`)
	labels := []string{"www", "a", "b", "c", "w", "x", "*", "sub", "example", "org", "WWW", "Org", `\.`, `\042`,
		"too-long-for-a-short-name"}
	rapid.Check(t, func(rt *rapid.T) {
		name := strings.Join(rapid.SliceOfN(rapid.SampledFrom(labels), 0, 7).Draw(rt, "labels"), ".")
		if rapid.Bool().Draw(rt, "ours") && name != "" {
			name += ".example.org"
		}
		name += "."
		m := x.Match(name)
		zoneName, node, wild := simpleMatch(x, strings.ToLower(name))
		got := ""
		for id := nodeID(0); x.node(id) != m.Node; id++ {
			got = x.name(id + 1)
		}
		if m.Zone.Config.Name != zoneName || got != node || m.Wildcard != wild {
			rt.Fatalf("%s: got zone %s, node %q, wildcard %v; want %s, %q, %v",
				name, m.Zone.Config.Name, got, m.Wildcard, zoneName, node, wild)
		}
		if m.Node != nil && m.Node.zone != m.Zone {
			rt.Fatalf("%s: the node is of another zone", name)
		}
		if m.Apex != (strings.ToLower(name) == zoneName) || m.Folded != (strings.ToLower(name) != name) {
			rt.Fatalf("%s: got apex %v, folded %v", name, m.Apex, m.Folded)
		}
	})
}

func simpleMatch(x *Index, name string) (zone, node string, wildcard bool) {
	for z := range x.zones {
		if dns.IsSubDomain(z, name) && len(z) > len(zone) {
			zone = z
		}
	}
	exists := func(name string) bool {
		if name == zone {
			return true
		}
		for s := range x.Sets() {
			if s.Config.Zone.Name == zone && dns.IsSubDomain(name, s.Config.Name) {
				return true
			}
		}
		return false
	}
	if exists(name) {
		return zone, name, false
	}
	for at := name; at != zone; {
		off, end := dns.NextLabel(at, 0)
		if at = at[off:]; end {
			at = "."
		}
		if exists(at) {
			w := "*." + strings.TrimPrefix(at, ".")
			if exists(w) {
				return zone, w, true
			}
			return zone, "", false
		}
	}
	return zone, "", false
}
