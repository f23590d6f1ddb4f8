package corefile

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	text, err := os.ReadFile("testdata/valid/warnings.corefile")
	if err != nil {
		t.Fatal(err)
	}
	configs, err := parseText("Corefile", string(text))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(configs[0].Warnings))
	for _, w := range configs[0].Warnings {
		got = append(got, fmt.Sprintf("%d %s", w.Pos.Line, w.Text))
	}
	want := []string{
		"3 a TTL of 300 s, also for sets with checks: resolvers may keep an answer that long after its record went unhealthy",
		"5 check lost is not used",
		"6 check slow: the interval 2s is shorter than the timeout 4s",
		"7 check self: its host www.example.org is a name that this stanza answers, by the outcome of checks",
		"8 check wild: its host x.any.example.org is a name that this stanza answers, by the outcome of checks",
		`10 the primary of "www" has no check: it always answers, and no secondary ever does`,
		"13 the TTL of *.any.example.org. is 600 s: resolvers may keep an answer that long after its record went unhealthy",
		`15 the alias "mixed" leads to a record without a check on line 19, so this branch is always healthy`,
		`16 the alias "plain" leads to a record without a check on line 20, so this branch is always healthy`,
		"23 this stanza has no records",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Zones that no question leads to are a mistake, mostly in the spelling of one.
func TestWarningsOfZonesElsewhere(t *testing.T) {
	configs, err := parseText("Corefile", `example.org:53 dns://10.0.0.0/8:54 {
		failover example.net app.example.org . 1.10.in-addr.arpa {
			fallthrough example.com www.example.net
			static www 192.0.2.1
		}
		failover www.example.com {
			fallthrough
			static @ 192.0.2.1
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(configs[0].Warnings))
	for _, w := range configs[0].Warnings {
		got = append(got, fmt.Sprintf("%d %s", w.Pos.Line, w.Text))
	}
	const outside = " is outside of the server block, which is for example.org., 10.in-addr.arpa.: nobody is sent here with its names"
	want := []string{"2 the zone example.net." + outside, "6 the zone www.example.com." + outside}
	if !slices.Equal(got, want) {
		t.Errorf("Warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	config := stanzaOf(t, "fallthrough example.com www.example.org", "static www 192.0.2.1")
	const effect = "fallthrough: example.com. is outside of the stanza's zones, so this has no effect"
	if w := config.Warnings; len(w) != 1 || w[0].Text != effect || w[0].Pos.Line != 3 {
		t.Errorf("Got %v, want %q", w, effect)
	}
}

// What is as it should be is not worth a line in the log.
func TestNoWarnings(t *testing.T) {
	config := stanzaOf(t,
		"check web https://:443/", "check part tcp://:1", "check whole any part",
		"check outside http://www.example.net/",
		"primary www 192.0.2.1 check web", "secondary www 192.0.2.2",
		"static @ alias www",
		"primary app alias api", "secondary app 192.0.2.3",
		"answer api 192.0.2.4 check whole outside",
		"static plain 192.0.2.5", "set plain ttl 24h",
	)
	for _, w := range config.Warnings {
		t.Errorf("Line %d: %s", w.Pos.Line, w.Text)
	}
}

func TestWarningsOfProbes(t *testing.T) {
	const (
		udp        = "check c: udp without expect notices nothing but a closed port"
		comparison = "check c: a comparison without bool gives no data, and not a false result, when it does not hold; " +
			"add bool, or say what no data means with insufficient"
	)
	for _, tc := range []struct{ check, want string }{
		{"udp://:7", udp},
		{"udp://:7 expect pong", ""},
		{"exec /bin/echo status interval", "check c: status is an argument of the program here; words go on a line of their own" +
			"|check c: interval is an argument of the program here; words go on a line of their own"},
		{"exec /bin/echo -status", ""},
		{"prometheus http://192.0.2.9 up", ""},
		{`prometheus http://192.0.2.9 "up == 1"`, comparison},
		{`prometheus http://192.0.2.9 "up == bool 1"`, ""},
		{`prometheus http://192.0.2.9 "(a > bool 1) * (b<2)"`, comparison},
		{`prometheus http://192.0.2.9 "up == 1" insufficient unhealthy`, ""},
		{`prometheus http://192.0.2.9 "up == 1 or vector(0)"`, ""},
		{`prometheus http://192.0.2.9 "up{job=~\"a>b\", host!=\"}<\"}"`, ""},
		{`prometheus http://192.0.2.9 "up{job!='a'} # < 1"`, ""},
		{"prometheus http://192.0.2.9 up{job!=`a<b`}", ""},
	} {
		config := stanzaOf(t, "allow_exec", "check c "+tc.check, "answer www 192.0.2.1 check c")
		got := make([]string, 0, len(config.Warnings))
		for _, w := range config.Warnings {
			got = append(got, w.Text)
		}
		if strings.Join(got, "|") != tc.want {
			t.Errorf("%s: warnings %q, want %q", tc.check, got, tc.want)
		}
	}
}
