package policy_test

import (
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"
)

func TestR19_AllDownDoesAsNamed(t *testing.T) {
	answers := map[policy.AllDown]string{
		policy.NoData:   "down nodata",
		policy.ServFail: "down servfail",
		policy.Refuse:   "down refused",
		policy.Next:     "down next",
		policy.Fixed:    "down fixed",
	}
	for _, kind := range []policy.Kind{policy.Failover, policy.Weighted, policy.Multivalue, policy.Static} {
		for way, answer := range answers {
			s := set(kind, 2)
			s.AllDown = way
			decision := decide(s, records("d d")...)
			want(t, kind.String(), decision.Plans[0], answer)
			if decision.Active != -1 {
				t.Errorf("%s, %s: on tier %d, want -1: none answers", kind, answer, decision.Active)
			}
			// While anything is healthy the word does not matter.
			want(t, kind.String(), decide(s, records("d u")...).Plans[0], "1=1")
		}
	}
}

func TestR19_AllDownIsByFamily(t *testing.T) {
	s := both(weighted(1, 1))
	s.AllDown = policy.ServFail
	decision := decide(s, records("d/u d/d")...)
	want(t, "v4", decision.Plans[0], "down servfail")
	want(t, "v6", decision.Plans[1], "0=1")
}

func TestR19_LastIsWhatWasAnsweredWhenSomethingWasLastHealthy(t *testing.T) {
	for _, row := range []struct {
		kind    policy.Kind
		healths []string
		answer  string
		values  string
	}{
		{policy.Failover, []string{"u u u", "d u u", "d d u", "d d d"}, "down 2=1", "2[0]"},
		{policy.Failover, []string{"u u u", "d d d", "d d d"}, "down 0=1", "0[0]"},
		{policy.Failover, []string{"d u u", "u u u", "d d d"}, "down 0=1", "0[0]"},
		{policy.Failover, []string{"d ud u", "d dd d"}, "down 1=1", "1[0]"},
		{policy.Weighted, []string{"u u u", "d u u", "d d d"}, "down 1=1/2 2=1/2", "1[0] 2[0]"},
		{policy.Weighted, []string{"u u u", "d u u", "d d d", "u d d", "d d d"}, "down 0=1", "0[0]"},
		{policy.Weighted, []string{"uu u u", "du d d", "dd d d"}, "down 0=1", "0[1]"},
		{policy.Multivalue, []string{"u u d", "d d d"}, "down 2 of 0 1", "0[0] 1[0]"},
	} {
		s := story{set: set(row.kind, 3)}
		s.set.AllDown = policy.Last
		if row.kind == policy.Weighted {
			s.set.Records = weighted(1, 1, 1).Records
		}
		var decision policy.Decision
		for i, health := range row.healths {
			decision = s.at(time.Duration(i)*time.Second, records(health)...)
		}
		want(t, row.kind.String(), decision.Plans[0], row.answer)
		if got := values(decision.Plans[0]); got != row.values {
			t.Errorf("%s %v: got values %q, want %q", row.kind, row.healths, got, row.values)
		}
	}
}

func TestR19_LastWithoutAnythingToRememberServes(t *testing.T) {
	w := weighted(1, 3)
	w.AllDown = policy.Last
	check(t, w, []oneFamily{{"d d", "down 0=1/4 1=3/4"}})
	f := set(policy.Failover, 2)
	f.AllDown = policy.Last
	check(t, f, []oneFamily{{"d d", "down 0=1"}})
	if got := decide(f, records("d d")...).Active; got != 0 {
		t.Errorf("on tier %d, want 0: the primary answers", got)
	}
}

func TestR19_LastNamesTheTierThatAnswers(t *testing.T) {
	s := story{set: set(policy.Failover, 2)}
	s.set.AllDown = policy.Last
	s.at(0, records("d u")...)
	decision := s.at(time.Second, records("d d")...)
	want(t, "after the secondary died", decision.Plans[0], "down 1=1")
	if decision.Active != 1 {
		t.Errorf("on tier %d, want 1, whose answer is given", decision.Active)
	}
}

func TestR19_LastIsByFamilyUnlessFailover(t *testing.T) {
	s := story{set: both(weighted(1, 1))}
	s.set.AllDown = policy.Last
	s.at(0, records("u/d u/u")...)
	s.at(1, records("d/d u/d")...)
	decision := s.at(2, records("d/d d/d")...)
	want(t, "v4", decision.Plans[0], "down 1=1")
	want(t, "v6", decision.Plans[1], "down 1=1")
	decision = s.at(3, records("d/u d/d")...)
	want(t, "v4", decision.Plans[0], "down 1=1")
	want(t, "v6", decision.Plans[1], "0=1")

	s = story{set: both(set(policy.Failover, 2))}
	s.set.AllDown = policy.Last
	s.at(0, records("d/d u/-")...)
	decision = s.at(1, records("d/d d/-")...)
	want(t, "failover v4", decision.Plans[0], "down 1=1")
	want(t, "failover v6", decision.Plans[1], "absent nodata")
}

func TestR19_LastKeepsWhatABranchAnsweredThen(t *testing.T) {
	inner := weighted(1, 1)
	s := story{set: aliases(policy.Failover, 2)}
	s.set.AllDown = policy.Last
	other := branch(decide(inner, records("d d")...))
	s.at(0, branch(decide(inner, records("d u")...)), other)
	decision := s.at(1, branch(decide(inner, records("d d")...)), other)
	want(t, "outside", decision.Plans[0], "down 0=1")
	want(t, "inside", decision.Plans[0].Choices[0].Inner, "1=1")
}
