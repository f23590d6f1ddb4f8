package corefile

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

// FuzzParse: whatever the lines, the outcome is one error with its place or a sound Config, and the same each time.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"valid", "invalid"} {
		for _, text := range corpus(f, folder) {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		// Imports read files, and what they expand to is the server's business.
		if strings.Contains(text, "import") || strings.Contains(text, "{$") || strings.Contains(text, "{%") {
			t.Skip()
		}
		configs, err := parseText("Corefile", text)
		if err != nil && !strings.HasPrefix(err.Error(), "Corefile:") {
			t.Fatalf("An error without its place: %v", err)
		}
		for _, config := range configs {
			soundConfig(t, config)
		}
		again, _ := parseText("Corefile", text)
		if !reflect.DeepEqual(configs, again) {
			t.Fatal("The same text gave two outcomes")
		}
	})
}

// BenchmarkParse loads 100,000 record sets.
func BenchmarkParse(b *testing.B) {
	const sets = 100_000
	for _, bench := range []struct{ name, format string }{
		{"static", "static www%d 192.0.2.1\n"},
		{"checked", "primary www%[1]d 10.%[2]d.%[3]d.%[4]d check web\nsecondary www%[1]d 192.0.2.1\n"},
		{"mx", "answer www%d MX \"10 mx1\" check mail\n"},
		{"alias", "static www%d alias target\n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var text strings.Builder
			text.WriteString("failover {\ncheck web https://:443/\ncheck mail tcp://:25\nstatic target 192.0.2.1\n")
			for i := range sets {
				line := bench.format
				if bench.name == "checked" {
					line = fmt.Sprintf(line, i, i>>16, i>>8&255, i&255)
				} else {
					line = fmt.Sprintf(line, i)
				}
				text.WriteString(line)
			}
			text.WriteString("}\n")
			b.ReportAllocs()
			for b.Loop() {
				c := caddy.NewTestController("dns", text.String())
				c.ServerBlockKeys = []string{"example.org"}
				if _, err := Parse(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
