package policy_test

import (
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"
)

func TestR02_RecordWithoutCheckIsAlwaysInTheDraw(t *testing.T) {
	// What has no check comes in as healthy; it stays whatever becomes of the others.
	check(t, weighted(1, 1, 2), []oneFamily{
		{"u u u", "0=1/4 1=1/4 2=1/2"},
		{"d u u", "1=1/3 2=2/3"},
		{"u d u", "0=1/3 2=2/3"},
		{"d d u", "2=1"},
	})
	check(t, set(policy.Failover, 2), []oneFamily{{"u d", "0=1"}, {"u u", "0=1"}})
	check(t, set(policy.Multivalue, 2), []oneFamily{{"u d", "0=1"}, {"u u", "2 of 0 1"}})
}

func TestR03_OddsAreWeightOverSumOfHealthyWeights(t *testing.T) {
	check(t, weighted(10, 20, 20), []oneFamily{
		{"u u u", "0=1/5 1=2/5 2=2/5"},
		{"u u d", "0=1/3 1=2/3"},
		{"u d u", "0=1/3 2=2/3"},
		{"d u u", "1=1/2 2=1/2"},
		{"d d u", "2=1"},
	})
	check(t, weighted(65535, 65535, 65535), []oneFamily{{"u u u", "0=1/3 1=1/3 2=1/3"}})
	check(t, weighted(65535, 1), []oneFamily{{"u u", "0=65535/65536 1=1/65536"}})
}

func TestR05_AllWeightsZeroGiveEqualOddsToTheHealthy(t *testing.T) {
	check(t, weighted(0, 0, 0), []oneFamily{
		{"u u u", "0=1/3 1=1/3 2=1/3"},
		{"u d u", "0=1/2 2=1/2"},
		{"d d u", "2=1"},
		{"d d d", "down 0=1/3 1=1/3 2=1/3"},
	})
}

func TestR06_NothingHealthyCountsAsEverythingHealthy(t *testing.T) {
	check(t, weighted(10, 20, 20), []oneFamily{{"d d d", "down 0=1/5 1=2/5 2=2/5"}})
	check(t, weighted(7), []oneFamily{{"d", "down 0=1"}})
	check(t, set(policy.Failover, 3), []oneFamily{{"d d d", "down 0=1"}})
	check(t, set(policy.Multivalue, 3), []oneFamily{{"d d d", "down 3 of 0 1 2"}})
	check(t, set(policy.Static, 2), []oneFamily{{"d d", "down 2 of 0 1"}})
}

func TestR07_RecordWithoutCheckTakesEverything(t *testing.T) {
	// The last record has no check: it is never down, so there is no row where the others come back by R06.
	check(t, weighted(10, 20, 1), []oneFamily{{"d d u", "2=1"}})
	check(t, weighted(10, 20, 0), []oneFamily{{"d d u", "2=1"}})
	check(t, set(policy.Multivalue, 3), []oneFamily{{"d d u", "2=1"}})
	check(t, set(policy.Failover, 3), []oneFamily{{"d d u", "2=1"}})
}

func TestR08_WeightZeroIsAReserve(t *testing.T) {
	check(t, weighted(10, 0, 20, 0), []oneFamily{
		{"u u u u", "0=1/3 2=2/3"},
		{"u u d u", "0=1"},
		{"u d d d", "0=1"},
		{"d u d u", "1=1/2 3=1/2"},
		{"d d d u", "3=1"},
	})
}

func TestR09_NothingHealthyGoesByWeightNotToTheReserve(t *testing.T) {
	check(t, weighted(10, 0, 20, 0), []oneFamily{{"d d d d", "down 0=1/3 2=2/3"}})
	check(t, weighted(0, 5), []oneFamily{{"d d", "down 1=1"}})
}

func TestR18_WeightedJudgesEachFamilyByItself(t *testing.T) {
	for _, row := range []struct{ health, v4, v6 string }{
		{"u/u u/u", "0=1/4 1=3/4", "0=1/4 1=3/4"},
		{"u/d u/u", "0=1/4 1=3/4", "1=1"},
		{"d/u u/d", "1=1", "0=1"},
		{"d/u d/u", "down 0=1/4 1=3/4", "0=1/4 1=3/4"},
		{"u/- u/u", "0=1/4 1=3/4", "1=1"},
		{"u/- d/d", "0=1", "down 1=1"},
		{"u/- u/-", "0=1/4 1=3/4", "none"},
		{"d/- -/d", "down 0=1", "down 1=1"},
	} {
		decision := decide(both(weighted(1, 3)), records(row.health)...)
		want(t, row.health+" v4", decision.Plans[0], row.v4)
		want(t, row.health+" v6", decision.Plans[1], row.v6)
		if decision.Active != -1 {
			t.Errorf("%s: active %d, want -1 for a set that is not failover", row.health, decision.Active)
		}
	}
}
