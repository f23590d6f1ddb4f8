package corefile

import (
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"

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
	const outside = "alias leads to no record set (aliases to names outside the plugin's record sets are not supported yet): "
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
			"4 - " + outside + "a.example.org. -> b.example.org. -> c.example.org."},
		{"other zone", []string{"static a alias www.example.net."}, "3 - " + outside + "a.example.org. -> www.example.net."},
		{"beside the zone", []string{"static a alias notexample.org."}, "3 - " + outside + "a.example.org. -> notexample.org."},
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
