package policy_test

import (
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"
)

func TestA01_AliasIsHealthyWhileItsTargetHasAHealthyRecord(t *testing.T) {
	for _, row := range []struct{ target, answer string }{
		{"u u", "0=1"}, {"u d", "0=1"}, {"d u", "0=1"}, {"d d", "1=1"},
	} {
		for _, kind := range []policy.Kind{policy.Failover, policy.Weighted, policy.Multivalue} {
			inner := decide(set(kind, 2), records(row.target)...)
			outer := set(policy.Failover, 2)
			outer.Records[0].Alias = true
			plan := decide(outer, branch(inner), records("u")[0]).Plans[0]
			want(t, kind.String()+" "+row.target, plan, row.answer)
		}
	}
}

func TestA01_AllTheWayDown(t *testing.T) {
	// A chain of five aliases over one record; only its health counts.
	for health, answer := range map[string]string{"u": "0=1", "d": "1=1"} {
		decision := decide(set(policy.Weighted, 1), records(health)...)
		for range 5 {
			decision = decide(aliases(policy.Failover, 1), branch(decision))
		}
		outer := set(policy.Failover, 2)
		outer.Records[0].Alias = true
		want(t, health, decide(outer, branch(decision), records("u")[0]).Plans[0], answer)
	}
}

func TestA01_AnswerOfAnAllDownSetIsNotHealth(t *testing.T) {
	for _, way := range []policy.AllDown{
		policy.Serve, policy.Last, policy.NoData, policy.ServFail, policy.Refuse, policy.Next, policy.Fixed,
	} {
		inner := story{set: weighted(1, 1)}
		inner.set.AllDown = way
		inner.at(0, records("u u")...)
		outer := aliases(policy.Failover, 2)
		plan := decide(outer, branch(inner.at(1, records("d d")...)), branch(decide(weighted(1), records("u")...))).Plans[0]
		want(t, "all down inside", plan, "1=1")
	}
}

func TestA02_DeadBranchIsLeft(t *testing.T) {
	alive, dead := decide(weighted(1, 1), records("d u")...), decide(weighted(1, 1), records("d d")...)
	outer := aliases(policy.Weighted, 3)
	outer.Records[0].Weight, outer.Records[1].Weight, outer.Records[2].Weight = 1, 2, 4
	plan := decide(outer, branch(alive), branch(dead), branch(alive)).Plans[0]
	want(t, "outside", plan, "0=1/5 2=4/5")
	for _, c := range plan.Choices {
		want(t, "inside", c.Inner, "1=1")
	}
	want(t, "failover", decide(aliases(policy.Failover, 3), branch(dead), branch(dead), branch(alive)).Plans[0], "2=1")
	want(t, "multivalue", decide(aliases(policy.Multivalue, 3), branch(alive), branch(dead), branch(alive)).Plans[0], "2 of 0 2")
	want(t, "static", decide(aliases(policy.Static, 3), branch(alive), branch(dead), branch(alive)).Plans[0], "2 of 0 2")

	// A branch of weight 0 is a reserve as any record is.
	outer.Records[0].Weight, outer.Records[1].Weight, outer.Records[2].Weight = 0, 2, 0
	want(t, "reserve", decide(outer, branch(alive), branch(dead), branch(alive)).Plans[0], "0=1/2 2=1/2")
}

func TestA03_EvaluateOffCountsAsHealthyAndServesInside(t *testing.T) {
	dead := decide(weighted(10, 20, 20), records("d d d")...)
	outer := aliases(policy.Failover, 2)
	outer.Records[0].EvaluateOff = true
	plan := decide(outer, branch(dead), branch(decide(weighted(1), records("u")...))).Plans[0]
	want(t, "outside", plan, "0=1")
	want(t, "inside", plan.Choices[0].Inner, "down 0=1/5 1=2/5 2=2/5")

	// With it no set above is ever all down.
	outer.AllDown = policy.ServFail
	want(t, "no all_down", decide(outer, branch(dead), branch(dead)).Plans[0], "0=1")
	top := aliases(policy.Failover, 2)
	want(t, "above", decide(top, branch(decide(outer, branch(dead), branch(dead))), branch(dead)).Plans[0], "0=1")
}

func TestA04_AliasWithItsOwnCheckNeedsBoth(t *testing.T) {
	alive, dead := decide(weighted(1), records("u")...), decide(weighted(1), records("d")...)
	for _, row := range []struct {
		passed bool
		target policy.Decision
		off    bool
		answer string
	}{
		{true, alive, false, "0=1"},
		{false, alive, false, "1=1"},
		{true, dead, false, "1=1"},
		{false, dead, false, "1=1"},
		{true, alive, true, "0=1"},
		{false, alive, true, "1=1"}, // evaluate off is about the target, not about the check
		{true, dead, true, "0=1"},
		{false, dead, true, "1=1"},
	} {
		outer := set(policy.Failover, 2)
		outer.Records[0] = policy.Record{Alias: true, EvaluateOff: row.off}
		in := branch(row.target)
		in.Passed = row.passed
		plan := decide(outer, in, records("u")[0]).Plans[0]
		if got := show(plan); got != row.answer {
			t.Errorf("check %v, target %q, evaluate off %v: got %q, want %q",
				row.passed, show(row.target.Plans[0]), row.off, got, row.answer)
		}
	}
}

func TestA04_FailedCheckServesTheTargetWhenAllIsDown(t *testing.T) {
	in := branch(decide(weighted(1, 1), records("d u")...))
	in.Passed = false
	plan := decide(aliases(policy.Failover, 1), in).Plans[0]
	want(t, "outside", plan, "down 0=1")
	want(t, "inside", plan.Choices[0].Inner, "1=1") // R06 is for the set above; inside something is healthy
}

func TestA05_EverythingDownServesAtTheTopThenInside(t *testing.T) {
	eu := decide(set(policy.Failover, 2), records("d d")...)
	us := decide(weighted(1, 3), records("d d")...)
	plan := decide(aliases(policy.Failover, 2), branch(eu), branch(us)).Plans[0]
	want(t, "failover", plan, "down 0=1")
	want(t, "its primary's primary", plan.Choices[0].Inner, "down 0=1")

	plan = decide(aliases(policy.Weighted, 2), branch(eu), branch(us)).Plans[0]
	want(t, "weighted", plan, "down 0=1/2 1=1/2")
	want(t, "inside the first", plan.Choices[0].Inner, "down 0=1")
	want(t, "inside the second", plan.Choices[1].Inner, "down 0=1/4 1=3/4")
}

func TestA05_EachLevelHasItsOwnWord(t *testing.T) {
	inner := weighted(1)
	inner.AllDown = policy.ServFail
	outer := aliases(policy.Failover, 1)
	plan := decide(outer, branch(decide(inner, records("d")...))).Plans[0]
	want(t, "outside", plan, "down 0=1")
	want(t, "inside", plan.Choices[0].Inner, "down servfail")

	outer.AllDown = policy.Refuse
	want(t, "outside refuses", decide(outer, branch(decide(inner, records("d")...))).Plans[0], "down refused")
}

func TestR18_BranchesOfTwoFamilies(t *testing.T) {
	eu := decide(both(weighted(1, 1)), records("u/d u/-")...)
	us := decide(both(weighted(1, 1)), records("u/u u/u")...)
	outer := both(aliases(policy.Weighted, 2))
	decision := decide(outer, branch(eu), branch(us))
	want(t, "weighted v4", decision.Plans[0], "0=1/2 1=1/2")
	want(t, "weighted v6", decision.Plans[1], "1=1")

	outer = both(aliases(policy.Failover, 2))
	decision = decide(outer, branch(eu), branch(us))
	want(t, "failover v4", decision.Plans[0], "1=1")
	want(t, "failover v6", decision.Plans[1], "1=1")

	// The tier inside that answers has nothing of the second family: neither healthy nor unhealthy outside.
	inner := decide(both(set(policy.Failover, 2)), records("u/- u/u")...)
	decision = decide(outer, branch(inner), branch(us))
	want(t, "absent inside, v4", decision.Plans[0], "0=1")
	want(t, "absent inside, v6", decision.Plans[1], "absent nodata")
	decision = decide(both(aliases(policy.Weighted, 2)), branch(inner), branch(inner))
	want(t, "absent in every branch", decision.Plans[1], "absent nodata")
}
