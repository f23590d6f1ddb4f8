package policy_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"

	"pgregory.net/rapid"
)

// oneFamilyServes are trees in which a set that could answer always does.
var oneFamilyServes = shape{
	families: 1, kinds: anyShape.kinds, allDown: []policy.AllDown{policy.Serve, policy.Last}, memory: true,
}

func TestR06_ServeIsNeverEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live(t, oneFamilyServes, 4, func(c *compiled, _ *naive, k int) {
			for s := range c.tree {
				plan := c.decisions[s].Plans[0]
				answer := c.walk(s, plan)
				if plan.Outcome != policy.Answer || len(plan.Choices) == 0 || plan.Take < 1 ||
					answer.size[0] != nil || answer.leaf["nodata"] != nil {
					t.Fatalf("moment %d, set %d: %s is empty", k, s, show(plan))
				}
			}
		})
	})
}

func TestR07_SetWithAnUncheckedRecordIsNeverAllDown(t *testing.T) {
	of := anyShape
	of.families = 1
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTree(t, of)
		now := drawMoment(t, tr, epoch)
		unchecked := make([]bool, len(tr))
		for s := range tr {
			for r, record := range tr[s].records {
				if record.target < 0 && rapid.Bool().Draw(t, "unchecked") {
					unchecked[s] = true
					for i := range now.values[s][r][0] {
						now.values[s][r][0][i] = true
					}
				}
			}
		}
		c := newCompiled(tr)
		c.decide(now)
		for s := range tr {
			if plan := c.decisions[s].Plans[0]; unchecked[s] && (plan.AllDown || plan.Status != policy.Alive) {
				t.Fatalf("set %d is %q though a record of it has no check", s, show(plan))
			}
		}
	})
}

// improve turns one thing that is down in set s up; it returns false if nothing is.
func improve(t *rapid.T, tr tree, now *moment) bool {
	var down []*bool
	for s := range tr {
		for r := range tr[s].records {
			down = append(down, &now.passed[s][r])
			for f := range now.values[s][r] {
				for i := range now.values[s][r][f] {
					down = append(down, &now.values[s][r][f][i])
				}
			}
		}
	}
	down = slices.DeleteFunc(down, func(ok *bool) bool { return *ok })
	if len(down) == 0 {
		return false
	}
	*rapid.SampledFrom(down).Draw(t, "improves") = true
	return true
}

// best is what a set is worth in its best family. One family alone may lose: when a better tier comes back that has
// nothing of it (R18).
func best(d policy.Decision) policy.Status {
	status := policy.Absent
	for _, plan := range d.Plans {
		if plan != nil {
			status = max(status, plan.Status)
		}
	}
	return status
}

func TestA01_MoreHealthNeverMakesASetWorse(t *testing.T) {
	for _, families := range []int{1, 2} {
		of := anyShape
		of.families, of.least = families, families
		rapid.Check(t, func(t *rapid.T) {
			tr := drawTree(t, of)
			now := drawMoment(t, tr, epoch)
			before := newCompiled(tr)
			before.decide(now)
			if !improve(t, tr, &now) {
				return
			}
			after := newCompiled(tr)
			after.decide(now)
			for s := range tr {
				if b, a := best(before.decisions[s]), best(after.decisions[s]); a < b {
					t.Fatalf("set %d: was %s, is %s", s, verdictOf[b], verdictOf[a])
				}
			}
		})
	}
}

// deepCopy copies inputs but for the plans in them, which are immutable.
func deepCopy(inputs []policy.Input) []policy.Input {
	inputs = slices.Clone(inputs)
	for r := range inputs {
		for f := range inputs[r].Families {
			inputs[r].Families[f].Values = slices.Clone(inputs[r].Families[f].Values)
		}
	}
	return inputs
}

func TestDecideIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var memory policy.Memory // of set 0 before this moment
		live(t, anyShape, 5, func(c *compiled, n *naive, k int) {
			set, inputs, now := c.tree[0].set, c.inputs(0, n.history[k]), n.history[k].at
			shape, given, remembered := *set, deepCopy(inputs), fmt.Sprintf("%+v", memory)
			shape.Records = slices.Clone(set.Records)
			texts := make([]string, 0, policy.Families)
			for _, plan := range c.decisions[0].Plans {
				texts = append(texts, show(plan))
			}

			// Anything in between, from the same memory, must leave no trace.
			other := deepCopy(inputs)
			for r := range other {
				other[r].Passed = !other[r].Passed
				for f := range other[r].Families {
					for i := range other[r].Families[f].Values {
						other[r].Families[f].Values[i] = !other[r].Families[f].Values[i]
					}
				}
			}
			policy.Decide(set, other, memory, now)
			decision, next := policy.Decide(set, inputs, memory, now)

			if !reflect.DeepEqual(*set, shape) || !reflect.DeepEqual(inputs, given) {
				t.Fatalf("moment %d: an argument changed", k)
			}
			if got := fmt.Sprintf("%+v", memory); got != remembered {
				t.Fatalf("moment %d: the memory changed from %s to %s", k, remembered, got)
			}
			if decision.Active != c.decisions[0].Active || next.Wake != c.memories[0].Wake {
				t.Fatalf("moment %d: the same again decides %+v, not %+v", k, decision, c.decisions[0])
			}
			for f, plan := range decision.Plans {
				if !plan.Equal(c.decisions[0].Plans[f]) || show(c.decisions[0].Plans[f]) != texts[f] {
					t.Fatalf("moment %d, family %d: the same again decides %q, not %q", k, f, show(plan), texts[f])
				}
			}
			memory = c.memories[0]
		})
	})
}

func TestEqualPlansAnswerTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var before []policy.Decision
		live(t, anyShape, 6, func(c *compiled, _ *naive, k int) {
			for s := range c.tree {
				for f, plan := range c.decisions[s].Plans {
					if !plan.Equal(plan) {
						t.Fatalf("moment %d, set %d: %s is not equal to itself", k, s, show(plan))
					}
					if k == 0 {
						continue
					}
					old := before[s].Plans[f]
					if plan.Equal(old) != old.Equal(plan) {
						t.Fatalf("moment %d, set %d: Equal depends on the side", k, s)
					}
					if plan == nil || !plan.Equal(old) {
						continue
					}
					if show(plan) != show(old) || c.walk(s, plan).String() != c.walk(s, old).String() {
						t.Fatalf("moment %d, set %d: %s is said to be equal to %s", k, s, show(plan), show(old))
					}
				}
			}
			before = slices.Clone(c.decisions)
		})
	})
}

func TestEqualSeesEveryChange(t *testing.T) {
	plan := func(s *policy.Set, health string) *policy.Plan { return decide(s, records(health)...).Plans[0] }
	word := func(way policy.AllDown) *policy.Plan {
		s := weighted(1, 2)
		s.AllDown = way
		return plan(s, "d d")
	}
	most := func(n int) *policy.Plan {
		s := set(policy.Multivalue, 4)
		s.Max = n
		return plan(s, "u u u u")
	}
	chain := func(health string) *policy.Plan {
		decision := decide(weighted(1, 2), records(health)...)
		for range 3 {
			decision = decide(aliases(policy.Weighted, 1), branch(decision))
		}
		return decision.Plans[0]
	}
	two := func(health string, family int) *policy.Plan {
		return decide(both(set(policy.Failover, 2)), records(health)...).Plans[family]
	}
	plans := []*policy.Plan{
		nil,
		plan(weighted(1, 2), "u u"), plan(weighted(1, 2), "u d"), plan(weighted(1, 2), "d u"),
		plan(weighted(1, 2), "uuu u"), plan(weighted(1, 2), "udu u"), plan(weighted(1, 2), "duu u"),
		plan(weighted(1, 3), "u u"), plan(weighted(0, 0), "u u"),
		word(policy.Serve), word(policy.NoData), word(policy.ServFail), word(policy.Refuse), word(policy.Next),
		word(policy.Fixed),
		most(1), most(2), most(3), most(4),
		chain("u u"), chain("u d"), chain("d d"),
		two("u/- u/u", 1), two("u/d d/u", 1),
	}
	for i, p := range plans {
		for j, q := range plans {
			if got := p.Equal(q); got != (i == j) {
				t.Errorf("%q and %q (%d, %d): equal %v", show(p), show(q), i, j, got)
			}
		}
	}
	if !chain("u u").Equal(chain("u u")) {
		t.Error("what was decided twice from the same health is not equal")
	}
}
