package corefile

import (
	"fmt"
	"slices"
	"testing"
)

// Who starts the server must be able to say which line makes it ask itself.
func TestResolversHaveTheirPlaces(t *testing.T) {
	config := stanzaOf(t,
		"check * resolver 192.0.2.53",
		"check a tcp://a.example.net:1",
		"check b tcp://b.example.net:1 resolver 192.0.2.54 [2001:db8::53]:5353",
		"check c tcp://c.example.net:1",
		"check template tcp://:1",
		"check unused tcp://d.example.net:1 resolver 192.0.2.55",
		"answer www 192.0.2.1 check a b c template")
	got := make([]string, 0, len(config.Resolvers))
	for _, r := range config.Resolvers {
		got = append(got, fmt.Sprintf("%d %s", r.Pos.Line, r.Server))
	}
	want := []string{"3 192.0.2.53:53", "5 192.0.2.54:53", "5 [2001:db8::53]:5353"}
	if !slices.Equal(got, want) {
		t.Errorf("Resolvers %q, want %q", got, want)
	}
}

func TestNameServer(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.53": "192.0.2.53:53", "192.0.2.53:5353": "192.0.2.53:5353",
		"2001:db8::53": "[2001:db8::53]:53", "[2001:db8::53]": "[2001:db8::53]:53", "[2001:DB8::53]:1": "[2001:db8::53]:1",
		"127.0.0.1": "127.0.0.1:53",
		"":          "", "localhost": "", "192.0.2.53:": "", "[192.0.2.53]:53": "", "[2001:db8::53]53": "", "[2001:db8::53": "",
		"::": "", "224.0.0.251": "", "::ffff:192.0.2.53": "", "fe80::1%eth0": "", "192.0.2.53:65536": "", "192.0.2.53:-1": "",
	} {
		got, err := nameServer(text)
		if want == "" && err == nil || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q is %s (%v), want %q", text, got, err, want)
		}
	}
}
