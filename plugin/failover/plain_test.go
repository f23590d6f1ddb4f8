package failover

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"

	"github.com/miekg/dns"
)

// checkedSets has a set of every policy, each with checks, and a tree of them.
const checkedSets = `failover {
	check web  http://:80/
	check gate http://203.0.113.9/ invert
	primary   fail 192.0.2.1 2001:db8::1 check web
	secondary fail 198.51.100.1          check web
	weight 10 draw 192.0.2.1 check web
	weight 20 draw 192.0.2.2 check web
	weight 0  draw 192.0.2.3 check web
	answer many 192.0.2.1 192.0.2.2 check web
	answer many 192.0.2.3           check web
	primary   tree alias draw check gate
	secondary tree alias fail
	set fail min 1
}`

// TestR02_WithoutChecksASetIsThePlainOne: what is healthy all through answers as if nobody had asked for its health.
func TestR02_WithoutChecksASetIsThePlainOne(t *testing.T) {
	plainSets := regexp.MustCompile(` +check \w+\n`).ReplaceAllString(checkedSets, "\n")
	plainSets = regexp.MustCompile(`\tcheck .*\n|\tset .*\n`).ReplaceAllString(plainSets, "")
	checked, plain := load(t, checkedSets), load(t, plainSets)
	if len(checked.states) == 0 || len(plain.states) != 0 {
		t.Fatalf("%d checks with them and %d without", len(checked.states), len(plain.states))
	}
	checked.put(health.Status{State: health.Unhealthy}, "203.0.113.9") // what is best for an inverted check
	for _, name := range []string{"fail", "draw", "many", "tree", "none"} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			seen := func(fx *fixture) []string {
				answers := make(map[string]bool)
				for range 300 {
					answers[fx.values(name+".example.org.", qtype)] = true
				}
				return slices.Sorted(maps.Keys(answers))
			}
			if got, want := seen(checked), seen(plain); !slices.Equal(got, want) {
				t.Errorf("%s %s: got %q with checks and %q without", name, dns.Type(qtype), got, want)
			}
		}
	}
}
