package policy_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"
)

// The choice at query time is on the path of every answer: it must not allocate.
func TestDrawDoesNotAllocate(t *testing.T) {
	src := rand.NewPCG(1, 2)
	sink := 0
	for _, plan := range []*policy.Plan{
		decide(weighted(10, 20, 20), records("u u u")...).Plans[0],
		decide(weighted(0, 0, 0), records("u u u")...).Plans[0],
		decide(set(policy.Failover, 2), records("d u")...).Plans[0],
		decide(hundred(policy.Weighted), records(string(fill(100)))...).Plans[0],
	} {
		if n := testing.AllocsPerRun(1000, func() { sink += plan.Draw(src.Uint64()) }); n != 0 {
			t.Errorf("%d choices: %v allocations a draw, want 0", len(plan.Choices), n)
		}
	}
	_ = sink
}

func TestShuffleDoesNotAllocate(t *testing.T) {
	plan := decide(hundred(policy.Multivalue), records(string(fill(100)))...).Plans[0]
	order := make([]uint32, len(plan.Choices))
	var src rand.Source = rand.NewPCG(1, 2)
	if n := testing.AllocsPerRun(1000, func() { plan.Shuffle(order, src) }); n != 0 {
		t.Errorf("%v allocations a shuffle, want 0", n)
	}
}

// hundred is a set of a hundred records of different weights.
func hundred(kind policy.Kind) *policy.Set {
	s := set(kind, 100)
	for i := range s.Records {
		s.Records[i].Weight = uint16(1 + 37*i%1000)
	}
	return s
}
