package zone

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// world is an index for example.org with what is known of names outside, as a test has it.
type world struct {
	*Index

	t      testing.TB
	config *corefile.Config
	states []health.Status
	known  map[string]*lookup.Found
	now    time.Time
}

// newWorld makes an index that is not started. Its checks are healthy, and nothing is known of the names outside.
func newWorld(tb testing.TB, lines ...string) *world {
	tb.Helper()
	c := caddy.NewTestController("dns", "failover {\nttl 60s 7s\ncheck up tcp://192.0.2.200:1\n"+
		"static used 192.0.2.250\nprimary uses 192.0.2.251 check up\n"+strings.Join(lines, "\n")+"\n}")
	c.ServerBlockKeys = []string{"example.org."}
	config, err := corefile.Parse(c)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{
		Index: New(config, func(string, string, uint16, *Tallies) {}), t: tb, config: config,
		known: make(map[string]*lookup.Found), now: time.Unix(1_800_000_000, 0),
	}
	w.Look = func(name string) *lookup.Found {
		if found := w.known[name]; found != nil {
			return found
		}
		return unknown
	}
	for range config.Leaves() {
		w.states = append(w.states, health.Status{State: health.Healthy})
	}
	return w
}

func (w *world) start() *world {
	w.Start(func(leaf int) health.Status { return w.states[leaf] }, w.now)
	return w
}

// find tells what was found for a name: addresses, or "none", "nxdomain", "nothing" is known; TTLs are 20.
func (w *world) find(name, what string) *world {
	w.known[name] = foundOf(what, w.known[name])
	w.Found(name)
	w.now = w.now.Add(time.Second)
	w.Update(nil, w.now)
	return w
}

func foundOf(what string, before *lookup.Found) *lookup.Found {
	f := &lookup.Found{Answered: what != "nothing", NXDomain: what == "nxdomain"}
	for word := range strings.FieldsSeq(what) {
		addr, err := netip.ParseAddr(word)
		if err != nil {
			continue
		}
		family := &f.Now[0]
		if addr.Is6() {
			family = &f.Now[1]
		}
		family.Addrs, family.TTL = append(family.Addrs, addr), 20
	}
	if f.Last = f.Now; !f.Any() && before != nil {
		f.Last = before.Last
	}
	return f
}

// put has checks in a state: "lookup NAME" or "up".
func (w *world) put(s health.Status, names ...string) *world {
	w.t.Helper()
	for _, name := range names {
		leaf := slices.IndexFunc(w.config.Checks, func(c corefile.Check) bool { return slices.Contains(c.Names, name) })
		if leaf < 0 {
			w.t.Fatalf("There is no check %s", name)
		}
		w.states[leaf] = s
		w.now = w.now.Add(time.Second)
		w.Update([]int{leaf}, w.now)
	}
	return w
}

var (
	goes  = health.Status{State: health.Healthy}
	fails = health.Status{State: health.Unhealthy}
)

// answer is what a set of example.org answers: "DATA... TTL", or how it ends, with the TTL of its SOA.
func (w *world) answer(label string, family int) string {
	w.t.Helper()
	m := w.Match(label + ".example.org.")
	return answerOf(m.Node.set.Answer(family))
}

func answerOf(a *Answer) string {
	if a == nil {
		return "-"
	}
	p := a.Prospect()
	var parts []string
	for _, c := range p.Records {
		parts = append(parts, strings.TrimPrefix(c.Record.String(), c.Record.Header().String()))
	}
	slices.Sort(parts)
	for _, c := range p.Records[:min(1, len(p.Records))] {
		parts = append(parts, fmt.Sprint(c.Record.Header().Ttl))
	}
	for _, end := range p.Ends {
		switch end.Outcome {
		case policy.AnswerNoData:
			parts = append(parts, fmt.Sprintf("NODATA %d", end.SOA[0].Header().Ttl))
		case policy.AnswerServFail:
			parts = append(parts, "SERVFAIL")
		case policy.AnswerRefused:
			parts = append(parts, "REFUSED")
		}
	}
	return strings.Join(parts, " ")
}

// Each row is what is known of a name and how its look-ups go, and what sets with an alias to it answer.
func TestA08_HealthOfANameOutside(t *testing.T) {
	const name = "db.example.net."
	lines := []string{
		"primary db alias " + name, "secondary db 198.51.100.1 2001:db8::1",
		"static only alias " + name,
		"static six AAAA alias " + name,
		"primary off alias " + name + " evaluate off", "secondary off 198.51.100.2",
		"primary own alias " + name + " check up", "secondary own 198.51.100.3",
		"primary nodata alias " + name, "set nodata all_down nodata",
		"primary fixed alias " + name, "set fixed all_down answer 203.0.113.9",
		"primary dead alias only", "secondary dead 198.51.100.5 check gone", "secondary dead alias " + name,
		"weight 1 deads alias " + name, "weight 1 deads 198.51.100.6 check gone",
		"check gone tcp://192.0.2.201:1",
		"weight 1 tree alias only", "weight 1 tree 198.51.100.4", "set tree ttl 30s 30s",
	}
	type row struct{ label, four, six string }
	for _, test := range []struct {
		what  string
		setup func(w *world)
		rows  []row
	}{
		{"nothing is known yet", func(w *world) { w.put(health.Status{}, "lookup "+name) }, []row{
			{"db", "198.51.100.1 7", "2001:db8::1 7"},
			{"only", "SERVFAIL", "SERVFAIL"},
			{"six", "SERVFAIL", "-"},
			{"off", "SERVFAIL", "SERVFAIL"},
			{"own", "198.51.100.3 7", "NODATA 7"},
			{"nodata", "NODATA 7", "NODATA 7"},
			{"fixed", "203.0.113.9 7", "NODATA 7"},
			{"tree", "198.51.100.4 30", "SERVFAIL"},
		}},
		{"addresses of both families", func(w *world) { w.find(name, "192.0.2.1 192.0.2.2 2001:db8::9") }, []row{
			{"db", "192.0.2.1 192.0.2.2 20", "2001:db8::9 20"},
			{"only", "192.0.2.1 192.0.2.2 20", "2001:db8::9 20"},
			{"six", "2001:db8::9 20", "-"},
			{"off", "192.0.2.1 192.0.2.2 20", "2001:db8::9 20"},
			{"own", "192.0.2.1 192.0.2.2 20", "2001:db8::9 20"},
			{"nodata", "192.0.2.1 192.0.2.2 20", "2001:db8::9 20"},
			{"fixed", "192.0.2.1 192.0.2.2 20", "2001:db8::9 20"},
			{"tree", "192.0.2.1 192.0.2.2 198.51.100.4 20", "2001:db8::9 20"},
		}},
		{"of one family", func(w *world) { w.find(name, "192.0.2.1") }, []row{
			{"db", "192.0.2.1 20", "NODATA 7"}, // one tier for both (R18)
			{"only", "192.0.2.1 20", "NODATA 7"},
			{"six", "NODATA 7", "-"},
			{"own", "192.0.2.1 20", "NODATA 7"},
			{"nodata", "192.0.2.1 20", "NODATA 7"},
			{"fixed", "192.0.2.1 20", "NODATA 7"},
			{"tree", "192.0.2.1 198.51.100.4 20", "NODATA 7"},
		}},
		{"of the other family", func(w *world) { w.find(name, "2001:db8::9") }, []row{
			{"db", "NODATA 7", "2001:db8::9 20"},
			{"six", "2001:db8::9 20", "-"},
			{"tree", "198.51.100.4 30", "2001:db8::9 20"},
		}},
		{"no address", func(w *world) { w.find(name, "192.0.2.1").find(name, "none") }, []row{
			{"db", "198.51.100.1 7", "2001:db8::1 7"},
			{"only", "NODATA 7", "NODATA 7"},
			{"off", "NODATA 7", "NODATA 7"},
			{"own", "198.51.100.3 7", "NODATA 7"},
			{"fixed", "203.0.113.9 7", "NODATA 7"},
			{"tree", "198.51.100.4 30", "NODATA 7"},
		}},
		{"all is down, and of some there is nothing to answer with", func(w *world) {
			w.find(name, "192.0.2.1").find(name, "none").put(fails, "gone")
		}, []row{
			{"dead", "198.51.100.5 7", "NODATA 7"},
			{"deads", "198.51.100.6 7", "NODATA 7"},
		}},
		{"all is down, and there is something to answer with", func(w *world) {
			w.find(name, "192.0.2.1").put(fails, "gone", "lookup "+name)
		}, []row{
			{"dead", "192.0.2.1 7", "NODATA 7"},
			{"deads", "192.0.2.1 198.51.100.6 7", "NODATA 7"},
		}},
		{"no such name", func(w *world) { w.find(name, "192.0.2.1").find(name, "nxdomain") }, []row{
			{"db", "198.51.100.1 7", "2001:db8::1 7"},
			{"only", "NODATA 7", "NODATA 7"},
		}},
		{"look-ups fail", func(w *world) { w.find(name, "192.0.2.1").put(fails, "lookup "+name) }, []row{
			{"db", "198.51.100.1 7", "2001:db8::1 7"},
			{"only", "192.0.2.1 7", "NODATA 7"}, // R06 with what is known last
			{"off", "192.0.2.1 7", "NODATA 7"},
			{"own", "198.51.100.3 7", "NODATA 7"},
			{"nodata", "NODATA 7", "NODATA 7"},
			{"fixed", "203.0.113.9 7", "NODATA 7"},
			{"tree", "198.51.100.4 30", "NODATA 7"},
		}},
		{"look-ups begin to fail", func(w *world) {
			w.find(name, "192.0.2.1").put(health.Status{State: health.Healthy, Streak: true}, "lookup "+name)
		}, []row{{"db", "192.0.2.1 7", "NODATA 7"}}},
		{"by hand", func(w *world) {
			w.find(name, "192.0.2.1").put(health.Status{State: health.Healthy, Manual: health.Unhealthy}, "lookup "+name)
		}, []row{{"db", "198.51.100.1 7", "2001:db8::1 7"}, {"only", "192.0.2.1 7", "NODATA 7"}}},
		{"by hand, with nothing to answer", func(w *world) {
			w.find(name, "none").put(health.Status{State: health.Unhealthy, Manual: health.Healthy}, "lookup "+name)
		}, []row{{"db", "198.51.100.1 7", "2001:db8::1 7"}}},
		{"the alias's own check fails (A04)", func(w *world) { w.find(name, "192.0.2.1").put(fails, "up") }, []row{
			{"own", "198.51.100.3 7", "NODATA 7"},
			{"db", "192.0.2.1 20", "NODATA 7"},
		}},
		{"addresses again", func(w *world) {
			w.find(name, "192.0.2.1").find(name, "nxdomain").find(name, "192.0.2.3 2001:db8::9")
		}, []row{{"db", "192.0.2.3 20", "2001:db8::9 20"}, {"only", "192.0.2.3 20", "2001:db8::9 20"}}},
	} {
		t.Run(test.what, func(t *testing.T) {
			w := newWorld(t, lines...).start()
			test.setup(w)
			for _, r := range test.rows {
				if four, six := w.answer(r.label, 0), w.answer(r.label, 1); four != r.four || six != r.six {
					t.Errorf("%s: got %q and %q, want %q and %q", r.label, four, six, r.four, r.six)
				}
			}
		})
	}
}

// While nothing is known the set is where it never meant to be: failback does not hold it there, and nobody is told.
func TestA08_WhatIsNotKnownYetIsNotRemembered(t *testing.T) {
	const name = "db.example.net."
	for _, failback := range []string{"auto", "manual", "5m"} {
		w := newWorld(t, "static way alias "+name, "primary db alias way", "secondary db 198.51.100.1", "set db failback "+failback)
		w.put(health.Status{}, "lookup "+name)
		var switches []Switch
		w.Switched = func(s Switch) {
			if s.Set.Config.Name == "db.example.org." {
				switches = append(switches, s)
			}
		}
		w.start()
		if got := w.answer("db", 0); got != "198.51.100.1 7" {
			t.Errorf("%s: at first got %q", failback, got)
		}
		w.put(goes, "lookup "+name)
		if w.find(name, "192.0.2.1"); w.answer("db", 0) != "192.0.2.1 20" {
			t.Errorf("%s: then got %q", failback, w.answer("db", 0))
		}
		if len(switches) != 0 {
			t.Errorf("%s: told %+v", failback, switches)
		}
		w.find(name, "nxdomain")
		if got := w.answer("db", 0); got != "198.51.100.1 7" || len(switches) != 1 || switches[0].Kind != Failover {
			t.Errorf("%s: without the name got %q, told %+v", failback, got, switches)
		}
		w.find(name, "192.0.2.1")
		if got := w.answer("db", 0); strings.HasPrefix(got, "192.0.2.1") != (failback == "auto") {
			t.Errorf("%s: with the name again got %q", failback, got)
		}
	}
}

// An IPv4-only name that goes leaves nothing down of IPv6, which the name beside it has nothing of either: AAAA would fail
// while A is answered, and an alarm say that nothing is healthy.
func TestA08_R18_ANameOfOneFamilyThatGoes(t *testing.T) {
	const one, other = "one.example.net.", "other.example.net."
	for _, kind := range []string{"weight 1", "answer"} {
		w := newWorld(t, kind+" db alias "+one, kind+" db alias "+other, "set db all_down servfail", "static way alias db").start()
		w.find(one, "192.0.2.1").find(other, "192.0.2.2")
		var switches []Switch
		w.Switched = func(s Switch) { switches = append(switches, s) }
		w.find(one, "nxdomain")
		for _, label := range []string{"db", "way"} {
			if four, six := w.answer(label, 0), w.answer(label, 1); four != "192.0.2.2 7" || six != "NODATA 7" {
				t.Errorf("%s: %s answers %q and %q", kind, label, four, six)
			}
		}
		if len(switches) != 0 {
			t.Errorf("%s: told %+v", kind, switches)
		}
		w.find(other, "none")
		if four, six := w.answer("db", 0), w.answer("db", 1); four != "SERVFAIL" || six != "SERVFAIL" {
			t.Errorf("%s: with nothing left it answers %q and %q", kind, four, six)
		}
	}
}

// A name that never had an address, or had some of both families, says nothing of the family that its neighbour lacks.
func TestA08_R18_ANameWithoutAddressesBesideOneFamily(t *testing.T) {
	const name = "db.example.net."
	for _, had := range []string{"", "192.0.2.9 2001:db8::9"} {
		for _, kind := range []string{"weight 1", "answer"} {
			for _, down := range []string{"servfail", "refuse", "next", "answer 203.0.113.9 2001:db8:2::9", "nodata", "serve"} {
				w := newWorld(t,
					kind+" four alias "+name, kind+" four 198.51.100.1 check up", "set four all_down "+down,
					kind+" six 2001:db8::1 check up", kind+" six alias "+name, "set six all_down "+down,
					"primary in alias "+name, "set in all_down "+down,
					kind+" tree alias in", kind+" tree 198.51.100.1 check up", "set tree all_down "+down,
				).start()
				if had != "" {
					w.find(name, had)
				}
				w.find(name, "nxdomain")
				for _, row := range [][3]string{
					{"four", "198.51.100.1 7", "NODATA 7"}, {"six", "NODATA 7", "2001:db8::1 7"},
					{"tree", "198.51.100.1 7", "NODATA 7"},
				} {
					if four, six := w.answer(row[0], 0), w.answer(row[0], 1); four != row[1] || six != row[2] {
						t.Errorf("%s, all_down %s, had %q: %s answers %q and %q", kind, down, had, row[0], four, six)
					}
				}
				w.put(fails, "up")
				if six := w.answer("four", 1); down == "servfail" && six != "SERVFAIL" {
					t.Errorf("%s, had %q: with nothing healthy the family that nothing is there of is answered %q", kind, had, six)
				}
			}
		}
	}
}

// What is not answered for good is unhealthy, and remembered.
func TestA08_NeverAnsweredIsUnhealthy(t *testing.T) {
	const name = "db.example.net."
	w := newWorld(t, "primary db alias "+name, "secondary db 198.51.100.1", "set db failback manual").start()
	w.put(fails, "lookup "+name).put(goes, "lookup "+name).find(name, "192.0.2.1")
	if got := w.answer("db", 0); got != "198.51.100.1 60" {
		t.Errorf("Got %q, want to be held on the secondary", got)
	}
}

// "all_down last" is the last answer with the addresses that were known last, however many there are by now.
func TestR19_A08_LastWithOtherAddresses(t *testing.T) {
	const name = "db.example.net."
	lines := []string{"answer db alias " + name, "set db all_down last", "primary tier alias " + name, "set tier all_down last"}
	w := newWorld(t, lines...).start()
	w.find(name, "192.0.2.1 192.0.2.2 2001:db8::9")
	want := func(w *world, four, six string) {
		t.Helper()
		for _, label := range []string{"db", "tier"} {
			if got := w.answer(label, 0) + ", " + w.answer(label, 1); got != four+", "+six {
				t.Errorf("%s: got %s, want %s, %s", label, got, four, six)
			}
		}
	}
	w.find(name, "nxdomain")
	want(w, "192.0.2.1 192.0.2.2 7", "2001:db8::9 7")
	w.find(name, "192.0.2.3")
	want(w, "192.0.2.3 20", "NODATA 7")
	w.find(name, "none")
	want(w, "192.0.2.3 7", "NODATA 7")

	// Over a reload what is known stays known. After a restart nobody knows any address.
	reloaded := newWorld(t, lines...)
	maps.Copy(reloaded.known, w.known)
	Adopt([]Block{{Keys: "k", Index: reloaded.Index}}, []Block{{Keys: "k", Index: w.Index}})
	want(reloaded.start(), "192.0.2.3 7", "NODATA 7")

	restarted := newWorld(t, lines...)
	var saved []state.Set
	for s := range (Block{Keys: "k", Index: w.Index}).Keep() {
		saved = append(saved, s)
	}
	Restore([]Block{{Keys: "k", Index: restarted.Index}}, saved,
		[]func(int) health.Status{func(leaf int) health.Status { return restarted.states[leaf] }}, restarted.now)
	restarted.start()
	want(restarted, "SERVFAIL", "SERVFAIL")
	restarted.find(name, "192.0.2.4")
	want(restarted, "192.0.2.4 20", "NODATA 7")
}

// The records of a name outside are transferred as those of the set (D09), a change raises the serial, and what is the
// same does not (D05).
func TestD09_A08_Transfer(t *testing.T) {
	const name = "db.example.net."
	w := newWorld(t, "static db alias "+name).start().find(name, "192.0.2.2 2001:db8::9")
	got := slices.DeleteFunc(contents(t, w.Index), func(line string) bool { return strings.HasPrefix(line, "use") })
	if want := []string{"db 20 A 192.0.2.2", "db 20 AAAA 2001:db8::9"}; !slices.Equal(got, want) {
		t.Errorf("Got %q, want %q", got, want)
	}
	serial := func() uint32 { return w.zones["example.org."].apex.Load().serial() }
	before := serial()
	w.find(name, "192.0.2.1")
	if serial() == before {
		t.Error("The serial is the same after a change")
	}
	before = serial()
	w.Found(name)
	w.Update(nil, w.now.Add(time.Second))
	if serial() != before {
		t.Error("The serial was raised without a change")
	}
}

// A name outside is not one that is asked for or counted, and what depends on its look-up is known.
func TestA08_ANameOutsideIsNoSetOfOurs(t *testing.T) {
	const name = "db.example.org."
	w := newWorld(t, "fallthrough", "static way alias "+name, "primary top alias way", "static name CNAME "+name).start()
	for s := range w.Sets() {
		if s.isOutside() || s.Config.Name == name {
			t.Errorf("%s is among the sets", s.Config.Name)
		}
	}
	if m := w.Match(name); m.Node != nil || !m.Through {
		t.Errorf("Got %+v", m)
	}
	leaf := w.config.Outside[0].Leaf
	names := func(sets []*Set) (names []string) {
		for _, s := range sets {
			names = append(names, s.Config.Name)
		}
		return names
	}
	if got := names(slices.Collect(w.Users(leaf))); !slices.Equal(got, []string{"way.example.org."}) {
		t.Errorf("Users %q", got)
	}
	if got := names(w.Affected([]int{leaf})); !slices.Equal(got, []string{"way.example.org.", "top.example.org."}) {
		t.Errorf("Affected %q", got)
	}
}

// What leads back to itself, through what others answer, is seen.
func TestA08_LeadsTo(t *testing.T) {
	const name = "db.example.net."
	w := newWorld(t, "static way alias "+name, "primary top alias way", "secondary top 192.0.2.1", "static c1 CNAME c2",
		"static c2 CNAME top", "static out CNAME "+name, "static loop CNAME loop2", "static loop2 CNAME loop",
		"static other alias other.example.net.").start()
	for label, want := range map[string]bool{
		"way": true, "TOP": true, "c1": true, "out": true, "loop": false, "other": false, "used": false, "none": false,
	} {
		if got := w.LeadsTo(label+".example.org.", name); got != want {
			t.Errorf("%s leads there: %v", label, got)
		}
	}
	if w.LeadsTo("way.example.org.", "") {
		t.Error("It leads to a name that is not looked up")
	}
}

// A name was looked at again for every way to it, and of these there are as many as there are orders of the names.
func TestA08_LeadsToLooksAtANameOnce(t *testing.T) {
	const name = "db.example.net."
	const names = 40
	lines := []string{"static way alias " + name}
	for from := range names {
		for to := range names {
			if from != to {
				lines = append(lines, fmt.Sprintf("weight 1 c%d CNAME c%d", from, to))
			}
		}
	}
	if newWorld(t, lines...).start().LeadsTo("c0.example.org.", name) {
		t.Error("It leads there")
	}
}

// What if a look-up failed: only who asks sees it.
func TestA08_WhatIf(t *testing.T) {
	const name = "db.example.net."
	w := newWorld(t, "primary db alias "+name, "secondary db 198.51.100.1").start().find(name, "192.0.2.1")
	set := w.Match("db.example.org.").Node.set
	leaf := w.config.Outside[0].Leaf
	is := w.Situation(set, map[int]health.Status{leaf: fails}, w.now)
	if got := answerOf(is.Set.Answer(0)); got != "198.51.100.1 7" {
		t.Errorf("It would be %q", got)
	}
	if o, found := is.Target(0, 0).Set.Outside(); o == nil || len(found.Now[0].Addrs) != 1 {
		t.Errorf("Target %+v, found %+v", o, found)
	}
	if got := w.answer("db", 0); got != "192.0.2.1 20" {
		t.Errorf("It is %q", got)
	}
	if now := w.Situation(set, nil, w.now); now.Pending || answerOf(now.Set.Answer(0)) != "192.0.2.1 20" {
		t.Errorf("Pending %v, %q", now.Pending, answerOf(now.Set.Answer(0)))
	}
}

// What a CNAME's target has is known without any health, CNAMEs on the way and all.
func TestD03_Elsewhere(t *testing.T) {
	const name = "www.example.net."
	w := newWorld(t, "static www CNAME "+name).start()
	texts := func() string {
		e := w.Elsewhere(name)
		lines := make([]string, 0, 4)
		for _, rr := range slices.Concat(e.Records[0], e.Records[1]) {
			lines = append(lines, strings.ReplaceAll(rr.String(), "\t", " "))
		}
		return fmt.Sprintf("%s nxdomain=%v nobody=%v", strings.Join(lines, ", "), e.NXDomain, e.Nobody)
	}
	if got, want := texts(), " nxdomain=false nobody=false"; got != want {
		t.Errorf("Got %q, want %q", got, want)
	}
	found := foundOf("192.0.2.1 2001:db8::9", nil)
	found.Now[0].CNAMEs = []string{"a.example.com.", "b.example.com."}
	found.Last = found.Now
	w.known[name] = found
	w.Found(name)
	w.Update(nil, w.now)
	if got, want := texts(), "www.example.net. 20 IN CNAME a.example.com., a.example.com. 20 IN CNAME b.example.com., "+
		"b.example.com. 20 IN A 192.0.2.1, www.example.net. 20 IN AAAA 2001:db8::9 nxdomain=false nobody=false"; got != want {
		t.Errorf("Got\n%s, want\n%s", got, want)
	}
	for _, rrs := range w.Elsewhere(name).Records {
		if cap(rrs) != len(rrs) {
			t.Errorf("A shared slice of %d has capacity %d", len(rrs), cap(rrs))
		}
	}
	found = foundOf("192.0.2.1", nil)
	found.Now[0].CNAMEs, found.Now[1].CNAMEs = []string{"a.example.com."}, []string{"a.example.com."}
	found.Last = found.Now
	w.known[name] = found
	w.Found(name)
	w.Update(nil, w.now)
	if rrs := w.Elsewhere(name).Records[1]; len(rrs) != 0 {
		t.Errorf("CNAMEs to nothing are shown: %v", rrs)
	}
	w.Withhold = true
	if got, want := texts(), " nxdomain=false nobody=false"; got != want {
		t.Errorf("Withheld: got %q, want %q", got, want)
	}
	w.Withhold = false
	w.find(name, "nxdomain")
	if got, want := texts(), " nxdomain=true nobody=false"; got != want {
		t.Errorf("Got %q, want %q", got, want)
	}
	if w.Elsewhere("other.example.net.") != nil {
		t.Error("Something is known of a name that nothing leads to")
	}
	if _, ok := AddressFamily(dns.TypeMX); ok {
		t.Error("MX is a family of addresses")
	}
}

// After any sequence of findings and changes the answers are those of an index that begins with what came of it.
func TestA08_FindingsEndWhereAStartWould(t *testing.T) {
	lines := []string{
		"weight 1 leaf alias a.example.net.", "weight 2 leaf alias b.example.net.", "weight 0 leaf 192.0.2.250 check up",
		"answer mid alias leaf", "answer mid alias a.example.net. check up", "answer mid 192.0.2.251",
		"primary top alias mid", "secondary top alias b.example.net. evaluate off", "secondary top 2001:db8::ff",
		"answer six AAAA alias a.example.net.", "set six AAAA all_down answer 2001:db8::fe",
	}
	names := []string{"a.example.net.", "b.example.net."}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, lines...).start()
		for range rapid.IntRange(1, 20).Draw(rt, "changes") {
			name := rapid.SampledFrom(names).Draw(rt, "name")
			if rapid.Bool().Draw(rt, "found") {
				w.find(name, rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2 192.0.2.3", "2001:db8::1", "none", "nxdomain",
					"192.0.2.1 2001:db8::1", "192.0.2.4 2001:db8::1"}).Draw(rt, "what"))
				continue
			}
			w.put(health.Status{
				State: health.State(rapid.IntRange(0, 2).Draw(rt, "state")), Streak: rapid.Bool().Draw(rt, "streak"),
			}, rapid.SampledFrom([]string{"lookup " + names[0], "lookup " + names[1], "up"}).Draw(rt, "check"))
		}
		fresh := newWorld(t, lines...)
		maps.Copy(fresh.known, w.known)
		copy(fresh.states, w.states)
		fresh.start()
		if got, want := describe(w.Index), describe(fresh.Index); got != want {
			rt.Fatalf("After updates:\n%s\nfrom a start:\n%s", got, want)
		}
	})
}
