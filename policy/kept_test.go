package policy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"

	"pgregory.net/rapid"
)

// kept is a memory after it was written down and read again.
func kept(t *rapid.T, m policy.Memory, n int) policy.Memory {
	text, err := json.Marshal(m.Keep())
	if err != nil {
		t.Fatal(err)
	}
	var read policy.Kept
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read.Memory(n)
}

// Sets that lose their memory and get it back after each moment answer as those that have it all the time.
func TestO02_KeptMemoriesAreAsGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live(t, anyShape, 8, func(c *compiled, n *naive, k int) {
			compare(t, c, n, k)
			for s := range c.memories {
				c.memories[s] = kept(t, c.memories[s], len(c.tree[s].records))
			}
		})
	})
}

func TestO02_KeptMemoriesThatCannotBe(t *testing.T) {
	at := epoch
	plan := func(change func(*policy.KeptPlan)) [policy.Families]*policy.KeptPlan {
		p := &policy.KeptPlan{
			Status: policy.Alive, Take: 1, Sums: []uint64{1, 3},
			Choices: []policy.KeptChoice{{Record: 0, Values: []int{0}}, {Record: 1, Values: []int{0}}},
		}
		change(p)
		return [policy.Families]*policy.KeptPlan{p}
	}
	good := plan(func(*policy.KeptPlan) {})
	for name, tc := range map[string]struct {
		kept      policy.Kept
		active    int
		remembers bool // the last answer
	}{
		"good":           {policy.Kept{Active: 1, Since: []time.Time{at, at}, Last: good, LastActive: 1}, 1, true},
		"no tier":        {policy.Kept{Active: -1, Last: good}, -1, true},
		"tier too high":  {policy.Kept{Active: 2, Last: good}, -1, true},
		"tier too low":   {policy.Kept{Active: -2, Last: good}, -1, true},
		"other times":    {policy.Kept{Active: 0, Since: []time.Time{at}, Last: good}, 0, true},
		"last too high":  {policy.Kept{Active: 0, LastActive: 2, Last: good}, 0, false},
		"last too low":   {policy.Kept{Active: 0, LastActive: -2, Last: good}, 0, false},
		"no choice":      {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Choices, p.Sums = nil, nil })}, 0, false},
		"takes none":     {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Take = 0 })}, 0, false},
		"takes too many": {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Take = 3 })}, 0, false},
		"outcome":        {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Outcome = 99 })}, 0, false},
		"status":         {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Status = 99 })}, 0, false},
		"sums missing":   {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Sums = p.Sums[:1] })}, 0, false},
		"sums fall":      {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Sums = []uint64{3, 1} })}, 0, false},
		"sums of none":   {policy.Kept{Last: plan(func(p *policy.KeptPlan) { p.Sums = []uint64{0, 0} })}, 0, false},
		"inside": {policy.Kept{Last: plan(func(p *policy.KeptPlan) {
			p.Choices[1] = policy.KeptChoice{Record: 1, Inner: &policy.KeptPlan{Take: 1}}
		})}, 0, false},
	} {
		m := tc.kept.Memory(2)
		if got := m.Active(); got != tc.active {
			t.Errorf("%s: on tier %d, want %d", name, got, tc.active)
		}
		if got := m.Last()[0] != nil; got != tc.remembers {
			t.Errorf("%s: remembers the last answer: %t", name, got)
		}
	}
	m := policy.Kept{Active: 1, Since: []time.Time{at, at, {}}, Last: good}.Memory(3)
	var asked []int
	m = m.Forgetting(true, func(tier int, since time.Time) bool {
		asked = append(asked, tier)
		return tier == 1 && since.Equal(at)
	})
	if k := m.Keep(); !slices.Equal(asked, []int{0, 1}) || m.Last()[0] != nil || k.Active != 1 ||
		!slices.Equal(k.Since, []time.Time{{}, at, {}}) {
		t.Errorf("Got %+v, asked about %v", k, asked)
	}
}
