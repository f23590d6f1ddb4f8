package policy_test

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"

	"pgregory.net/rapid"
)

// fits is Pearson's chi-square test at p = 0.001: whether the counts could come from the odds. The seeds are fixed, so
// a test that passes always passes.
func fits(t *testing.T, name string, counts map[string]int, odds map[string]*big.Rat) {
	t.Helper()
	total, chi := 0, 0.0
	for _, n := range counts {
		total += n
	}
	for key := range counts {
		if odds[key] == nil {
			t.Errorf("%s: got %q, which is not possible", name, key)
			return
		}
	}
	for key, p := range odds {
		share, _ := p.Float64()
		expected := share * float64(total)
		if expected < 5 {
			t.Fatalf("%s: too few draws for %q", name, key)
		}
		chi += (float64(counts[key]) - expected) * (float64(counts[key]) - expected) / expected
	}
	// The limit of the distribution by Wilson and Hilferty's approximation; 3.09 is that of the normal one.
	free := float64(len(odds) - 1)
	limit := free * math.Pow(1-2/(9*free)+3.09*math.Sqrt(2/(9*free)), 3)
	if chi > limit {
		t.Errorf("%s: chi-square %.1f is over %.1f: %v", name, chi, limit, counts)
	}
}

func TestR03_DrawsFitTheOdds(t *testing.T) {
	for _, row := range []struct {
		set    *policy.Set
		health string
	}{
		{weighted(10, 20, 20), "u u u"},
		{weighted(10, 20, 20), "u u d"},
		{weighted(0, 20, 0), "u d u"},
		{weighted(0, 0, 0, 0, 0), "u u u u u"},
		{weighted(1, 65535, 65535, 700), "d u u u"},
		{weighted(3, 1, 4, 1, 5, 9, 2, 6), "u u u d u u u u"},
	} {
		plan := decide(row.set, records(row.health)...).Plans[0]
		src := rand.NewPCG(1, 2)
		counts, chances := map[string]int{}, map[string]*big.Rat{}
		for range 50_000 {
			counts[fmt.Sprint(plan.Draw(src.Uint64()))]++
		}
		for i := range plan.Choices {
			chances[fmt.Sprint(i)] = odds(plan, i)
		}
		fits(t, row.health, counts, chances)
	}
}

// TestR03_DrawIsExact finds for every choice the first and the last of the 2^64 random numbers that lead to it, which
// by the shares of a line of that length must be its.
func TestR03_DrawIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint16(), 1, 40).Draw(t, "weights")
		plan := decide(weighted(weights...), records(string(fill(len(weights))))...).Plans[0]
		at := new(big.Rat)
		first := uint64(0)
		for i := range plan.Choices {
			at.Add(at, odds(plan, i))
			// The first number beyond this choice is 2^64 * at, rounded up.
			end := new(big.Rat).Mul(at, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 64)))
			beyond := new(big.Int).Add(end.Num(), new(big.Int).Sub(end.Denom(), big.NewInt(1)))
			last := new(big.Int).Sub(beyond.Div(beyond, end.Denom()), big.NewInt(1)).Uint64()
			if got := plan.Draw(first); got != i {
				t.Fatalf("weights %v: %d leads to %d, want %d", weights, first, got, i)
			}
			if got := plan.Draw(last); got != i {
				t.Fatalf("weights %v: %d leads to %d, want %d", weights, last, got, i)
			}
			first = last + 1
		}
		if at.Cmp(one) != 0 || first != 0 {
			t.Fatalf("weights %v: the odds add up to %v", weights, at)
		}
	})
}

// fill is the health of n records that are up.
func fill(n int) []byte {
	health := make([]byte, 0, 2*n)
	for range n {
		health = append(health, 'u', ' ')
	}
	return health
}

func TestR12_EveryShuffleIsAsLikely(t *testing.T) {
	for _, row := range []struct{ records, most int }{{2, 2}, {3, 3}, {4, 2}, {5, 1}, {5, 4}} {
		s := set(policy.Multivalue, row.records)
		s.Max = row.most
		plan := decide(s, records(string(fill(row.records)))...).Plans[0]
		src := rand.NewPCG(3, 4)
		order := make([]uint32, row.records)
		counts, among := map[string]int{}, make(map[string]int)
		for range 50_000 {
			taken := plan.Shuffle(order, src)
			counts[fmt.Sprint(taken)]++
			for _, i := range taken {
				among[fmt.Sprint(i)]++
			}
		}
		// The possible answers are the beginnings of all orders.
		chances := map[string]*big.Rat{}
		orders := permutations(indexes(row.records))
		for _, o := range orders {
			accumulate(chances, fmt.Sprint(o[:row.most]), big.NewRat(1, int64(len(orders))))
		}
		fits(t, fmt.Sprintf("%d of %d", row.most, row.records), counts, chances)
		for i := range plan.Choices {
			share, _ := odds(plan, i).Float64()
			if got := float64(among[fmt.Sprint(i)]) / 50_000; math.Abs(got-share) > 0.01 {
				t.Errorf("%d of %d: choice %d is taken in %.3f of the answers, want %.3f", row.most, row.records, i, got, share)
			}
		}
	}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestR12_ShuffleTakesEachOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 70).Draw(t, "records")
		s := set(policy.Multivalue, n)
		s.Max = rapid.IntRange(1, 64).Draw(t, "max")
		plan := decide(s, records(string(fill(n)))...).Plans[0]
		order := make([]uint32, n)
		for i := range order {
			order[i] = rapid.Uint32().Draw(t, "left over") // what an earlier answer left there
		}
		src := rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)
		taken := plan.Shuffle(order, src)
		if len(taken) != min(n, s.Max) {
			t.Fatalf("took %d, want %d", len(taken), min(n, s.Max))
		}
		seen := map[uint32]bool{}
		for _, i := range taken {
			if int(i) >= n || seen[i] {
				t.Fatalf("took %v of %d", taken, n)
			}
			seen[i] = true
		}
	})
}

// depth3 is a tree of depth three with a dead branch, one that counts as healthy, and a branch with its own check.
func depth3() (tree, moment) {
	leaf := func(n int) leafOrBranch { return leafOrBranch{values: [policy.Families]int{n}, target: -1} }
	to := func(s int) leafOrBranch { return leafOrBranch{target: s} }
	tr := tree{
		{set: aliases(policy.Weighted, 4), records: []leafOrBranch{to(1), to(2), to(3), to(4)}},
		{set: aliases(policy.Failover, 2), records: []leafOrBranch{to(3), to(4)}},
		{set: aliases(policy.Weighted, 2), records: []leafOrBranch{to(4), to(4)}},
		{set: weighted(10, 20, 20), records: []leafOrBranch{leaf(1), leaf(1), leaf(1)}},
		{set: weighted(1, 2), records: []leafOrBranch{leaf(1), leaf(2)}},
	}
	tr[0].set.Records[0].Weight = 4
	tr[2].set.Records[1].EvaluateOff = true
	families := func(healths ...bool) [policy.Families][]bool { return [policy.Families][]bool{healths} }
	return tr, moment{
		at: epoch,
		passed: [][]bool{
			{true, true, false, true}, {true, true}, {true, true}, {true, true, true}, {true, true},
		},
		values: [][][policy.Families][]bool{
			make([][policy.Families][]bool, 4), make([][policy.Families][]bool, 2), make([][policy.Families][]bool, 2),
			{families(true), families(true), families(false)},
			{families(false), families(false, false)},
		},
	}
}

func TestA02_DrawsDownATreeFitTheNaiveOdds(t *testing.T) {
	tr, now := depth3()
	c := newCompiled(tr)
	c.decide(now)
	n := &naive{tree: tr, history: []moment{now}, seen: map[[3]int]visit{}, tiers: map[[2]int]int{}}
	src := rand.NewPCG(5, 6)
	for s := range tr {
		counts := map[string]int{}
		for range 50_000 {
			path, at, plan := "", s, c.decisions[s].Plans[0]
			for {
				choice := plan.Choices[plan.Draw(src.Uint64())]
				path += fmt.Sprintf("s%d.r%d", at, choice.Record)
				if choice.Inner == nil {
					path += fmt.Sprint(choice.Values)
					break
				}
				path += ">"
				at, plan = tr[at].records[choice.Record].target, choice.Inner
			}
			counts[path]++
		}
		answer := n.visit(s, 0, 0).answer
		if got, want := slices.Sorted(maps.Keys(counts)), slices.Sorted(maps.Keys(answer.leaf)); !slices.Equal(got, want) {
			t.Errorf("set %d answers %v, want %v", s, got, want)
		}
		fits(t, fmt.Sprint("set ", s), counts, answer.leaf)
	}
}
