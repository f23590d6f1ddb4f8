package policy_test

import (
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"
)

// story is a failover set in time: it decides again whenever its health changes, with what it remembers.
type story struct {
	set    *policy.Set
	memory policy.Memory
}

func (s *story) at(after time.Duration, inputs ...policy.Input) policy.Decision {
	var decision policy.Decision
	decision, s.memory = policy.Decide(s.set, inputs, s.memory, epoch.Add(after))
	return decision
}

// chapter is a row of a story: when, the health from then on, the tier, and when it wants to decide again (0: never).
type chapter struct {
	at     time.Duration
	health string
	active int
	wake   time.Duration
}

func tell(t *testing.T, back policy.Failback, tiers int, chapters []chapter) {
	t.Helper()
	s := story{set: set(policy.Failover, tiers)}
	s.set.Failback = back
	for i, c := range chapters {
		decision := s.at(c.at, records(c.health)...)
		if decision.Active != c.active {
			t.Errorf("%d: %v %s: on tier %d, want %d", i, c.at, c.health, decision.Active, c.active)
		}
		if got := decision.Plans[0].Choices[0].Record; got != c.active {
			t.Errorf("%d: %v %s: answers with tier %d, want %d", i, c.at, c.health, got, c.active)
		}
		wake := time.Time{}
		if c.wake > 0 {
			wake = epoch.Add(c.wake)
		}
		if !s.memory.Wake.Equal(wake) {
			t.Errorf("%d: %v %s: wakes at %v, want %v", i, c.at, c.health, s.memory.Wake, wake)
		}
	}
}

func TestR10_FailoverTakesTheFirstHealthyTier(t *testing.T) {
	check(t, set(policy.Failover, 3), []oneFamily{
		{"u u u", "0=1"}, {"u u d", "0=1"}, {"u d u", "0=1"}, {"u d d", "0=1"},
		{"d u u", "1=1"}, {"d u d", "1=1"}, {"d d u", "2=1"}, {"d d d", "down 0=1"},
	})
}

func TestR10_PrimaryBackIsPrimaryAgain(t *testing.T) {
	tell(t, policy.Failback{}, 3, []chapter{
		{0, "u u u", 0, 0},
		{1 * time.Second, "d u u", 1, 0},
		{2 * time.Second, "d d u", 2, 0},
		{3 * time.Second, "d u u", 1, 0},
		{4 * time.Second, "d d d", 0, 0},
		{5 * time.Second, "d u d", 1, 0},
		{6 * time.Second, "u u d", 0, 0},
	})
}

func TestR11_SecondaryWithoutCheckAnswersWheneverThePrimaryIsDown(t *testing.T) {
	// The secondary has no check and is up in every row.
	check(t, set(policy.Failover, 2), []oneFamily{{"u u", "0=1"}, {"d u", "1=1"}})
	check(t, set(policy.Failover, 3), []oneFamily{{"d d u", "2=1"}, {"d u u", "1=1"}})
}

func TestR18_FailoverPicksOneTierForBothFamilies(t *testing.T) {
	for _, row := range []struct {
		health string
		active int
		v4, v6 string
	}{
		{"u/u u/u", 0, "0=1", "0=1"},
		{"d/u u/u", 1, "1=1", "1=1"}, // wholly healthy before partly healthy
		{"u/d u/u", 1, "1=1", "1=1"},
		{"u/d d/u u/u", 2, "2=1", "2=1"},
		{"u/- u/u", 0, "0=1", "absent nodata"}, // nothing of a family is not unhealthy
		{"-/u u/u", 0, "absent nodata", "0=1"},
		{"d/- u/u", 1, "1=1", "1=1"},
		{"d/- u/-", 1, "1=1", "none"},
		{"d/- -/u", 1, "absent nodata", "1=1"},
		{"u/d d/u", 0, "0=1", "dead nodata"}, // no tier is whole: the first that has something
		{"d/d d/u", 1, "dead nodata", "1=1"},
		{"d/d u/d d/u", 1, "1=1", "dead nodata"},
		{"d/- u/d", 1, "1=1", "dead nodata"},
		{"d/d d/d", 0, "down 0=1", "down 0=1"},
		{"d/- d/d", 0, "down 0=1", "absent nodata"},
	} {
		decision := decide(both(set(policy.Failover, len(records(row.health)))), records(row.health)...)
		if decision.Active != row.active {
			t.Errorf("%s: on tier %d, want %d", row.health, decision.Active, row.active)
		}
		want(t, row.health+" v4", decision.Plans[0], row.v4)
		want(t, row.health+" v6", decision.Plans[1], row.v6)
	}
}

func TestR21_FailbackAutoGoesBackAtOnce(t *testing.T) {
	tell(t, policy.Failback{}, 2, []chapter{{0, "d u", 1, 0}, {0, "u u", 0, 0}})
}

func TestR21_FailbackManualStaysUntilThatTierFails(t *testing.T) {
	tell(t, policy.Failback{Manual: true}, 3, []chapter{
		{0, "u u u", 0, 0},
		{time.Second, "d u u", 1, 0},
		{2 * time.Second, "u u u", 1, 0},
		{1000 * time.Hour, "u u u", 1, 0},
		{1001 * time.Hour, "u d u", 0, 0}, // it failed: the first healthy one again
		{1002 * time.Hour, "d d u", 2, 0},
		{1003 * time.Hour, "u u u", 2, 0},
		{1004 * time.Hour, "u u d", 0, 0},
	})
}

func TestR21_FailbackManualStartsAtTheFirstHealthy(t *testing.T) {
	tell(t, policy.Failback{Manual: true}, 2, []chapter{
		{0, "d u", 1, 0}, {1, "u u", 1, 0}, {2, "d d", 0, 0}, {3, "u u", 0, 0},
	})
}

func TestR21_FailbackAfterWaitsForTheBetterTier(t *testing.T) {
	const d = 5 * time.Minute
	tell(t, policy.Failback{After: d}, 2, []chapter{
		{0, "u u", 0, 0},
		{10 * time.Second, "d u", 1, 0},
		{20 * time.Second, "u u", 1, 20*time.Second + d},
		{20*time.Second + d - 1, "u u", 1, 20*time.Second + d},
		{20*time.Second + d, "u u", 0, 0},
		{30 * time.Minute, "d u", 1, 0},
		{31 * time.Minute, "u u", 1, 31*time.Minute + d},
		{2 * time.Hour, "u u", 0, 0}, // a late wake is a wake
	})
}

func TestR21_FailbackAfterABreakBeginsAgain(t *testing.T) {
	const d = time.Minute
	tell(t, policy.Failback{After: d}, 2, []chapter{
		{0, "d u", 1, 0},
		{1 * time.Second, "u u", 1, time.Second + d},
		{50 * time.Second, "d u", 1, 0},
		{51 * time.Second, "u u", 1, 51*time.Second + d},
		{time.Second + d, "u u", 1, 51*time.Second + d}, // due only if the break did not count
		{51*time.Second + d, "u u", 0, 0},
	})
}

func TestR21_FailbackAfterAmongThreeTiers(t *testing.T) {
	const d = 5 * time.Minute
	tell(t, policy.Failback{After: d}, 3, []chapter{
		{0, "d d u", 2, 0},
		{10 * time.Second, "d u u", 2, 10*time.Second + d},
		{20 * time.Second, "u u u", 2, 10*time.Second + d},
		{10*time.Second + d, "u u u", 1, 20*time.Second + d},
		{20*time.Second + d, "u u u", 0, 0},
	})
	// The better of two that wait comes first: the worse of them is never gone to.
	tell(t, policy.Failback{After: d}, 3, []chapter{
		{0, "d d u", 2, 0},
		{10 * time.Second, "u d u", 2, 10*time.Second + d},
		{20 * time.Second, "u u u", 2, 10*time.Second + d},
		{10*time.Second + d, "u u u", 0, 0},
		{20*time.Second + d, "u u u", 0, 0},
	})
	// The one that is due is unhealthy again: the other is waited for.
	tell(t, policy.Failback{After: d}, 3, []chapter{
		{0, "d d u", 2, 0},
		{10 * time.Second, "d u u", 2, 10*time.Second + d},
		{20 * time.Second, "u u u", 2, 10*time.Second + d},
		{30 * time.Second, "u d u", 2, 20*time.Second + d},
		{20*time.Second + d, "u d u", 0, 0},
	})
}

func TestR21_FailbackAfterDoesNotHoldAFailedTier(t *testing.T) {
	tell(t, policy.Failback{After: time.Hour}, 3, []chapter{
		{0, "d d u", 2, 0},
		{time.Second, "d u u", 2, time.Hour + time.Second},
		{2 * time.Second, "d u d", 1, 0}, // the tier it was on failed: no waiting
		{3 * time.Second, "u u d", 1, time.Hour + 3*time.Second},
		{4 * time.Second, "d d d", 0, 0},
		{5 * time.Second, "d u d", 1, 0},
	})
}

func TestR21_ActiveIsRemembered(t *testing.T) {
	s := story{set: set(policy.Failover, 2)}
	if got := s.memory.Active(); got != -1 {
		t.Errorf("a new set is on tier %d, want -1", got)
	}
	s.at(0, records("d u")...)
	if got := s.memory.Active(); got != 1 {
		t.Errorf("on tier %d, want 1", got)
	}
}
