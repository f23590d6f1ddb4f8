package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"
)

var fates = map[policy.Fate]string{
	policy.Taken: "taken", policy.Missing: "missing", policy.Unhealthy: "unhealthy", policy.Reserve: "reserve",
	policy.Worse: "worse", policy.Partial: "partial", policy.Waiting: "waiting", policy.Outdated: "outdated",
}

func TestReasons(t *testing.T) {
	failback := func(back policy.Failback) *policy.Set {
		s := both(set(policy.Failover, 3))
		s.Failback = back
		return s
	}
	last := weighted(1, 1)
	last.AllDown = policy.Last
	for _, c := range []struct {
		what   string
		set    *policy.Set
		health []string // one moment a second; the last is explained, for the first family
		want   string
	}{
		{"weights", weighted(1, 0, 5), []string{"u u d"}, "taken reserve unhealthy"},
		{"only the reserve is up", weighted(1, 0, 5), []string{"d u d"}, "unhealthy taken unhealthy"},
		{"nothing is up", weighted(1, 0, 5), []string{"d d d"}, "taken reserve taken"},
		{"all_down last", last, []string{"u d", "d d"}, "taken unhealthy"},
		{"multivalue", set(policy.Multivalue, 3), []string{"u d -"}, "taken unhealthy missing"},
		{"tiers", failback(policy.Failback{}), []string{"d u u"}, "unhealthy taken worse"},
		{"all tiers are down", failback(policy.Failback{}), []string{"d d d"}, "taken unhealthy unhealthy"},
		{"one family", failback(policy.Failback{}), []string{"u/d u/u u/u"}, "partial taken worse"},
		{"nothing of the family", failback(policy.Failback{}), []string{"-/u u/u u/u"}, "missing worse worse"},
		{"failback by hand", failback(policy.Failback{Manual: true}), []string{"d u u", "u u u"}, "waiting taken worse"},
		{"failback in time", failback(policy.Failback{After: 5 * time.Second}), []string{"d u u", "u u u"},
			"waiting taken worse, the first until 6s"},
		{"failback, waited", failback(policy.Failback{After: time.Second}), []string{"d u u", "u u u", "u u u"},
			"taken worse worse"},
	} {
		var decision policy.Decision
		var memory policy.Memory
		var inputs []policy.Input
		for i, health := range c.health {
			inputs = records(health)
			decision, memory = policy.Decide(c.set, inputs, memory, epoch.Add(time.Duration(i)*time.Second))
		}
		reasons := policy.Reasons(c.set, inputs, memory, decision, 0)
		words := make([]string, 0, len(reasons))
		for _, r := range reasons {
			words = append(words, fates[r.Fate])
		}
		got := strings.Join(words, " ")
		if until := reasons[0].Until; !until.IsZero() {
			got += ", the first until " + until.Sub(epoch).String()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

// What was decided when something was not yet healthy does not count it.
func TestReasonsOfAnEarlierDecision(t *testing.T) {
	s := set(policy.Multivalue, 2)
	decision, memory := policy.Decide(s, records("u d"), policy.Memory{}, epoch)
	reasons := policy.Reasons(s, records("u u"), memory, decision, 0)
	if got := fates[reasons[1].Fate]; got != "outdated" {
		t.Errorf("Got %q", got)
	}
	if r := policy.Reasons(s, records("uud d"), memory, decision, 0)[0]; r.Healthy != 2 || r.Values != 3 || r.Need != 1 {
		t.Errorf("Got %d of %d, %d needed", r.Healthy, r.Values, r.Need)
	}
}
