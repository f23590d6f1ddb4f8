package failover

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// drawForest draws the stanzas of a random configuration: sets that point at each other by aliases and CNAMEs, two
// zones, wildcards, and every policy and option. It returns the names worth asking for, too.
func drawForest(t *rapid.T) (text string, names []string) {
	f := &forest{t: t}
	f.line("failover {")
	f.line("ttl 60s 10s")
	f.checks()
	for s := range rapid.IntRange(1, 5).Draw(t, "sets") {
		f.set(s)
	}
	f.cnames()
	f.line("}")
	f.line("failover sub.example.org {")
	if rapid.Bool().Draw(t, "fallthrough") {
		f.line("fallthrough")
	}
	f.checks()
	f.set(5)
	f.line("}")
	names = append(f.names, "example.org.", "sub.example.org.", "nope.example.org.", "nope.sub.example.org.",
		"w.example.org.", "example.net.")
	return strings.Join(f.lines, "\n"), names
}

// outsideNames are those that others answer for.
var outsideNames = []string{"out1.example.net.", "out2.example.net."}

type forest struct {
	t     *rapid.T
	lines []string
	names []string // of the sets so far, fully qualified
	alias []string // those that an alias can point at
}

func (f *forest) line(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

func (f *forest) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(f.t, label)
}

func (f *forest) checks() {
	f.line("check web http://:80/")
	f.line("check back tcp://:81 invert")
	f.line("check off tcp://:82 disabled")
	f.line("check some atleast 2 web back off")
	f.line("check gate tcp://192.0.2.200:80")
	f.line("check nogate not gate")
	f.line("check gates any gate nogate")
	f.line("check hand manual")
	f.line("check both all gates hand")
}

// set draws the so many-th set, with aliases to those before it.
func (f *forest) set(s int) {
	zone := "example.org."
	if s == 5 {
		zone = "sub." + zone
	}
	name, asked := fmt.Sprintf("s%d.%s", s, zone), fmt.Sprintf("s%d.%s", s, zone)
	if f.pick("wildcard", "", "", "", "*") == "*" {
		name, asked = fmt.Sprintf("*.w%d.%s", s, zone), fmt.Sprintf("any.w%d.%s", s, zone)
	}
	kind := f.pick("kind", "primary", "primary", "weight", "weight", "answer", "static")
	rrtype := f.pick("type", "", "", "", "", " A", " AAAA")
	records := rapid.IntRange(1, 4).Draw(f.t, "records")
	most := 0
	for r := range records {
		most = max(most, f.record(name, rrtype, kind, r))
	}
	if kind != "static" {
		f.options(name+rrtype, kind, rrtype, most)
	}
	f.names = append(f.names, asked)
	if rrtype != " AAAA" {
		f.alias = append(f.alias, asked)
	}
}

// record draws a line, and tells how many values of one family it has.
func (f *forest) record(name, rrtype, kind string, r int) int {
	word := kind
	switch {
	case kind == "primary" && r > 0:
		word = "secondary"
	case kind == "weight":
		word += " " + f.pick("weight", "0", "1", "2", "20", "65535")
	}
	check := ""
	if kind != "static" {
		check = f.pick("check", "", " check web", " check web", " check web", " check back", " check off", " check some",
			" check web back")
	}
	if rrtype != " AAAA" && f.pick("alias", "", "alias") != "" {
		gate := ""
		if kind != "static" {
			gate = f.pick("gate", "", "", "", " check gate", " check gates", " check hand", " check both")
		}
		f.line("%s %s%s alias %s%s%s id r%d", word, name, rrtype, f.pick("target", append(outsideNames, f.alias...)...),
			f.pick("evaluate", "", "", "", " evaluate off"), gate, r)
		return 0
	}
	four := rapid.SliceOfNDistinct(rapid.IntRange(1, 9), 1, 3, rapid.ID[int]).Draw(f.t, "IPv4")
	six := rapid.SliceOfNDistinct(rapid.IntRange(1, 9), 1, 2, rapid.ID[int]).Draw(f.t, "IPv6")
	families := f.pick("families", "4", "4", "46", "6")
	if r == 0 && families == "6" {
		families = "46" // every set that an alias can point at has an A
	}
	values, n := "", 0
	if rrtype == " A" || rrtype == "" && strings.Contains(families, "4") {
		n = len(four)
		for _, i := range four {
			values += fmt.Sprintf(" 192.0.2.%d", i)
		}
	}
	if rrtype == " AAAA" || rrtype == "" && strings.Contains(families, "6") {
		n = max(n, len(six))
		for _, i := range six {
			values += fmt.Sprintf(" 2001:db8::%d", i)
		}
	}
	f.line("%s %s%s%s%s id r%d", word, name, rrtype, values, check, r)
	return n
}

func (f *forest) options(set, kind, rrtype string, most int) {
	fixed := "answer 192.0.2.99 192.0.2.98"
	switch rrtype {
	case " AAAA":
		fixed = "answer 2001:db8::99"
	case " CNAME":
		fixed = "answer s0.example.org."
	}
	f.line("set %s all_down %s", set, f.pick("all_down", "serve", "serve", "serve", "last", "nodata", "servfail",
		"refuse", "next", fixed))
	f.line("set %s ttl %s", set, f.pick("ttl", "60s 10s", "20s 5s", "90s 3s"))
	switch kind {
	case "answer":
		f.line("set %s max %d", set, rapid.IntRange(1, 3).Draw(f.t, "max"))
	case "primary":
		f.line("set %s failback %s", set, f.pick("failback", "auto", "manual", "2s", "5s"))
	}
	if most > 0 {
		f.line("set %s min %s", set, f.pick("min", "1", fmt.Sprint(most), "50%", "100%"))
	}
}

// cnames draws sets of CNAMEs, to sets, to each other in loops too, and out of the zones.
func (f *forest) cnames() {
	n := rapid.IntRange(0, 4).Draw(f.t, "CNAMEs")
	targets := slices.Concat([]string{"example.org.", "nope.example.org.", "out.example.net.", "out2.example.net.", "nope.sub.example.org."},
		f.names)
	for c := range n {
		targets = append(targets, fmt.Sprintf("c%d.example.org.", c), fmt.Sprintf("c%d.example.org.", c))
	}
	for c := range n {
		name := fmt.Sprintf("c%d.example.org.", c)
		kind := f.pick("kind", "primary", "weight", "static")
		records := rapid.IntRange(1, 3).Draw(f.t, "records")
		if kind == "static" {
			records = 1
		}
		for r := range records {
			word, check := kind, ""
			if kind == "primary" && r > 0 {
				word = "secondary"
			}
			if kind == "weight" {
				word += f.pick("weight", " 0", " 1", " 3")
			}
			if kind != "static" {
				check = f.pick("check", "", " check gate", " check web")
			}
			f.line("%s %s CNAME %s%s id r%d", word, name, f.pick("target", targets...), check, r)
		}
		if kind != "static" {
			f.options(name+" CNAME", kind, " CNAME", 0)
		}
		f.names = append(f.names, name)
	}
}
