package corefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

func TestA03_EvaluateOff(t *testing.T) {
	set := setNamed(t, stanzaOf(t, "primary www alias eu evaluate off", "secondary www alias eu", "static eu 192.0.2.1"), "www.example.org.")
	if !set.Records[0].Alias.EvaluateOff || set.Records[1].Alias.EvaluateOff {
		t.Error("evaluate off is not that of its record")
	}
}

func TestA04_AliasWithItsOwnChecks(t *testing.T) {
	config := stanzaOf(t, "check a tcp://192.0.2.9:1", "check b tcp://192.0.2.9:2",
		"primary www alias eu check a b", "static eu 192.0.2.1")
	record := setNamed(t, config, "www.example.org.").Records[0]
	both := record.Alias.Check
	if both == nil || both.Kind != health.ExprAtLeast || both.AtLeast != 2 || len(both.Children) != 2 {
		t.Errorf("Got %+v, want both checks", both)
	}
	if !record.Checked || record.Values(0) != nil {
		t.Errorf("Record %+v", record)
	}
}

func TestA07_LoopsAndDeadEnds(t *testing.T) {
	const missing = "alias leads to no record set, and the zone example.org. has no fallthrough for the name: "
	for _, tc := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"loop", []string{"static a alias b", "static b alias c", "static c alias a"},
			"5 - aliases in a loop: a.example.org. -> b.example.org. -> c.example.org. -> a.example.org."},
		{"loop behind a way in", []string{"static in alias a", "static a alias b", "static b alias a"},
			"5 - aliases in a loop: a.example.org. -> b.example.org. -> a.example.org."},
		{"loop of one type", []string{"static a AAAA alias b", "static b alias a", "static a A 192.0.2.1"},
			"4 - aliases in a loop: a.example.org. -> b.example.org. -> a.example.org."},
		{"no loop, since types differ", []string{"static a A alias b", "static b A 192.0.2.1", "static b AAAA alias a", "static a AAAA 2001:db8::1"}, ""},
		{"diamond", []string{"static a alias b", "static a alias c", "static b alias d", "static c alias d", "static d 192.0.2.1"}, ""},
		{"missing", []string{"static a alias b", "static b alias c"},
			"4 - " + missing + "a.example.org. -> b.example.org. -> c.example.org."},
		{"other zone", []string{"static a alias www.example.net."}, ""},
		{"of another type than addresses", []string{"static a TXT alias www.example.net."},
			"3 - alias leads to no record set, and of other names only addresses are looked up: a.example.org. -> www.example.net."},
		{"left to others", []string{"fallthrough", "static a alias b"}, ""},
		{"left to others elsewhere", []string{"fallthrough c.example.org", "static a alias b"},
			"4 - " + missing + "a.example.org. -> b.example.org."},
		{"an empty non-terminal", []string{"fallthrough", "static a alias b", "static x.b 192.0.2.1"},
			"4 - " + missing + "a.example.org. -> b.example.org."},
		{"beside the zone", []string{"static a alias notexample.org."}, ""},
		{"other types", []string{"static a alias b", "static b TXT x"}, "3 - alias leads to no answer of type A or AAAA: a.example.org. -> b.example.org."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := errorOf(tc.lines...); got != tc.want {
				t.Errorf("Error\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestAliasTargets(t *testing.T) {
	config := stanzaOf(t,
		"static both 192.0.2.1 2001:db8::1",
		"static four 192.0.2.1",
		"static split A 192.0.2.1", "static split AAAA 2001:db8::1",
		"static six AAAA 2001:db8::1",
		"static *.wild 192.0.2.1",
		"static x.ent.wild TXT x",
		"static mx MX \"10 mx1\"",
		"static to-both alias both", "static to-four alias four", "static to-split alias split", "static to-six alias six",
		"static to-wild alias any.wild", "static to-mx MX alias mx", "static to-both6 AAAA alias both",
		"static chain alias to-split",
	)
	for _, tc := range []struct{ name, want string }{
		{"to-both", "both.example.org./0 both.example.org./1"},
		{"to-four", "four.example.org./0 -"},
		{"to-split", "split.example.org. A/0 split.example.org. AAAA/0"},
		{"to-six", "- six.example.org. AAAA/0"},
		{"to-wild", "*.wild.example.org./0 -"},
		{"to-mx", "mx.example.org. MX/0 -"},
		{"to-both6", "both.example.org./1 -"},
		{"chain", "to-split.example.org./0 to-split.example.org./1"},
	} {
		alias := setNamed(t, config, tc.name+".example.org.").Records[0].Alias
		var got []string
		for family, target := range alias.Target {
			if target == nil {
				got = append(got, "-")
				continue
			}
			got = append(got, target.String()+"/"+string(rune('0'+alias.Family[family])))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s leads to %q, want %q", tc.name, got, tc.want)
		}
	}
	// RFC 4592, section 3.3.1: a name in between exists, so the wildcard beside it does not cover what is below.
	if errorOf("static *.wild 192.0.2.1", "static x.ent.wild TXT x", "static a alias y.ent.wild") == "" {
		t.Error("An alias got past an empty non-terminal to a wildcard")
	}
}

func TestAliasAcrossZones(t *testing.T) {
	configs, err := parseText("Corefile", `example.org eu.example.org {
		failover example.org {
			static www alias api.eu
		}
		failover eu.example.org {
			static api 192.0.2.1
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	target := setNamed(t, configs[0], "www.example.org.").Records[0].Alias.Target[0]
	if target == nil || target.Zone.Name != "eu.example.org." || target.Types()[0] != dns.TypeA {
		t.Errorf("The alias leads to %v", target)
	}
}

// What a name outside is looked up for: A08 of an alias, D03 of a CNAME.
func TestA08_NamesOutside(t *testing.T) {
	configs, err := parseText("Corefile", `example.org example.com:1053 {
		failover {
			fallthrough cluster.example.org
			primary   db alias DB.example.net. check up
			secondary db 192.0.2.1
			check up tcp://192.0.2.9:1
			static four A alias db.example.net.
			static six AAAA alias db.example.net.
			static in alias x.cluster.example.org.
			static web CNAME www.example.net.
			static dbc CNAME db.example.net.
			static own CNAME web
			static none CNAME none.example.org.
		}
	}
	example.org:2053 {
		failover {
			primary db alias db.example.net.
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, config := range configs {
		soundConfig(t, config)
		for _, o := range config.Outside {
			if o.Leaf == NoLeaf {
				got = append(got, o.Name)
				continue
			}
			c := config.Checks[o.Leaf]
			got = append(got, fmt.Sprintf("%s %d %q %v via %s every %s", o.Name, o.Pos.Line, o.Path, c.Names,
				config.Via(), c.Timing.Interval))
		}
	}
	const both = "example.org example.com:1053"
	want := []string{
		`db.example.net. 4 "db.example.org. -> db.example.net." [lookup db.example.net.] via ` + both + ` every 5s`,
		`x.cluster.example.org. 9 "in.example.org. -> x.cluster.example.org." [lookup x.cluster.example.org.] via ` + both +
			` every 5s`,
		`www.example.net.`,
		`db.example.net. 18 "db.example.org. -> db.example.net." [lookup db.example.net.] via example.org:2053 every 5s`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("Got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	db := setNamed(t, configs[0], "db.example.org.").Records[0].Alias
	six := setNamed(t, configs[0], "six.example.org.").Records[0].Alias
	if db.Outside == nil || db.Family != [policy.Families]int{0, 1} || db.Check == nil || six.Family[0] != 1 || six.Outside != db.Outside {
		t.Errorf("Got %+v and %+v", db, six)
	}
}

// Only a chain with somebody behind this plugin can be asked.
func TestA07_NobodyToAsk(t *testing.T) {
	config := stanzaOf(t, "static web CNAME www.example.net.", "static a alias b", "static b alias db.example.net.")
	const want = "Corefile:5 - alias leads to no record set, and no plugin that could look the name up comes after this one " +
		"in the server block: a.example.org. -> b.example.org. -> db.example.net."
	if err := config.RefuseOutside(); err == nil || err.Error() != want {
		t.Errorf("Got %v, want %s", err, want)
	}
	if err := stanzaOf(t, "static web CNAME www.example.net.").RefuseOutside(); err != nil {
		t.Error(err)
	}
}
