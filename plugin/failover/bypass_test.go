package failover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestD10_TheCacheIsBypassed(t *testing.T) {
	many := func(zone string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "failover %s {\nfallthrough\n", zone)
		for i := range 100 {
			fmt.Fprintf(&b, "static n%d.svc.example.org. 192.0.2.1\n", i)
		}
		return b.String() + "}"
	}
	for _, tc := range []struct {
		what, text string
		want       []string
	}{
		{"a zone", "failover {\nstatic www 192.0.2.1\n}", []string{"example.org."}},
		{"cacheable", "failover {\ncacheable\nstatic www 192.0.2.1\n}", nil},
		{"fallthrough: the names alone", "failover {\nfallthrough\nstatic www 192.0.2.1\nstatic *.w 192.0.2.1\nstatic @ TXT x\n}",
			[]string{"example.org.", "w.example.org.", "www.example.org."}},
		{"the root: the names alone", "failover . {\nstatic www.example.org 192.0.2.1\nstatic @ TXT x\n}",
			[]string{"www.example.org."}},
		{"many names: what they share", many("example.org"), []string{"svc.example.org."}},
		{"many names in the root", many("."), []string{"svc.example.org."}},
	} {
		got := load(t, tc.text).f.CacheBypassZones()
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.what, got, tc.want)
		}
	}
}
