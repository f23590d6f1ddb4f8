package policy_test

import (
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"
)

func TestR12_MultivalueTakesUpToMaxOfTheHealthy(t *testing.T) {
	s := set(policy.Multivalue, 4)
	s.Max = 2
	check(t, s, []oneFamily{
		{"u u u u", "2 of 0 1 2 3"},
		{"u d u u", "2 of 0 2 3"},
		{"u d d u", "2 of 0 3"},
		{"d d d u", "3=1"},
		{"d d d d", "down 2 of 0 1 2 3"},
	})
	s.Max = 1
	check(t, s, []oneFamily{{"u d u u", "0=1/3 2=1/3 3=1/3"}, {"d d d d", "down 0=1/4 1=1/4 2=1/4 3=1/4"}})
	check(t, set(policy.Multivalue, 9), []oneFamily{
		{"u u u u u u u u u", "8 of 0 1 2 3 4 5 6 7 8"},
		{"u u u u u u u u d", "8 of 0 1 2 3 4 5 6 7"},
		{"d d d d d d d d d", "down 8 of 0 1 2 3 4 5 6 7 8"},
	})
	for _, kind := range []policy.Kind{policy.Multivalue, policy.Static} {
		if plan := decide(set(kind, 3), records("u u u")...).Plans[0]; !plan.Shuffled {
			t.Errorf("%s: the order of the answer is not random", kind)
		}
	}
}

func TestR12_StaticTakesAll(t *testing.T) {
	s := set(policy.Static, 3)
	s.Max = 1 // not a word of this policy
	check(t, s, []oneFamily{{"u u u", "3 of 0 1 2"}})
}

func TestR17_RecordIsHealthyWhileEnoughOfItsValuesAre(t *testing.T) {
	for _, row := range []struct {
		min    policy.Threshold
		health string
		answer string
	}{
		{policy.Threshold{}, "udd u", "0=1/2 1=1/2"},
		{policy.Threshold{}, "ddd u", "1=1"},
		{policy.Threshold{N: 1}, "udd u", "0=1/2 1=1/2"},
		{policy.Threshold{N: 2}, "uud u", "0=1/2 1=1/2"}, // one value is fewer than two: it needs them all
		{policy.Threshold{N: 2}, "udd u", "1=1"},
		{policy.Threshold{N: 2}, "uud d", "0=1"},
		{policy.Threshold{N: 3}, "uud u", "1=1"},
		{policy.Threshold{N: 3}, "uuu u", "0=1/2 1=1/2"},
		{policy.Threshold{Percent: 1}, "udd u", "0=1/2 1=1/2"},
		{policy.Threshold{Percent: 1}, "ddd u", "1=1"},
		{policy.Threshold{Percent: 50}, "uudd u", "0=1/2 1=1/2"},
		{policy.Threshold{Percent: 50}, "udd u", "1=1"}, // 1.5 is rounded up
		{policy.Threshold{Percent: 50}, "uud u", "0=1/2 1=1/2"},
		{policy.Threshold{Percent: 51}, "uudd u", "1=1"},
		{policy.Threshold{Percent: 67}, "uud u", "1=1"},
		{policy.Threshold{Percent: 66}, "uud u", "0=1/2 1=1/2"},
		{policy.Threshold{Percent: 100}, "uud u", "1=1"},
		{policy.Threshold{Percent: 100}, "uuu u", "0=1/2 1=1/2"},
		{policy.Threshold{N: 2}, "udd d", "down 0=1/2 1=1/2"},
	} {
		s := weighted(1, 1)
		s.Min = row.min
		plan := decide(s, records(row.health)...).Plans[0]
		if got := show(plan); got != row.answer {
			t.Errorf("min %+v, %s: got %q, want %q", row.min, row.health, got, row.answer)
		}
	}
}

func TestR17_FamilyWithFewerValuesNeedsThemAll(t *testing.T) {
	s := both(set(policy.Failover, 2))
	s.Min = policy.Threshold{N: 2}
	for _, row := range []struct {
		health string
		active int
	}{
		{"uud/u u/u", 0}, {"uuu/d u/u", 1}, {"udd/u u/u", 1}, {"uu/ud u/u", 1},
	} {
		if got := decide(s, records(row.health)...).Active; got != row.active {
			t.Errorf("%s: on tier %d, want %d", row.health, got, row.active)
		}
	}
}

func TestR17_AnswerHoldsOnlyHealthyValues(t *testing.T) {
	for _, row := range []struct {
		kind           policy.Kind
		health, values string
	}{
		{policy.Weighted, "udu du", "0[0 2] 1[1]"},
		{policy.Weighted, "ddd du", "1[1]"},
		{policy.Weighted, "ddd dd", "0[0 1 2] 1[0 1]"}, // R06: all count as healthy
		{policy.Failover, "dud u", "0[1]"},
		{policy.Failover, "dd du", "1[1]"},
		{policy.Failover, "dd dd", "0[0 1]"},
		{policy.Multivalue, "ud uu", "0[0] 1[0 1]"},
		{policy.Static, "uu u", "0[0 1] 1[0]"},
	} {
		s := set(row.kind, 2)
		if got := values(decide(s, records(row.health)...).Plans[0]); got != row.values {
			t.Errorf("%s %s: got %q, want %q", row.kind, row.health, got, row.values)
		}
	}
}

func TestR18_MultivalueJudgesEachFamilyByItself(t *testing.T) {
	s := both(set(policy.Multivalue, 3))
	s.Max = 2
	decision := decide(s, records("u/d u/u u/-")...)
	want(t, "v4", decision.Plans[0], "2 of 0 1 2")
	want(t, "v6", decision.Plans[1], "1=1")
	decision = decide(s, records("u/d d/d d/-")...)
	want(t, "v4", decision.Plans[0], "0=1")
	want(t, "v6", decision.Plans[1], "down 2 of 0 1")
}
