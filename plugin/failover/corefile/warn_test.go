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
