package policy_test

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"
)

// This file is a second implementation of the statements R and A, written from their words and without the compiled
// plans: a query is followed through the tree as it would be by hand. Draw by weight among all records; drop what is
// unhealthy and draw again; go into an alias and back out of a dead branch. It works with exact odds instead of dice,
// keeps no memory but the whole history of health, and is as slow as that sounds.

// tree is a configuration: set 0 is the top, and a set's aliases point at sets of a higher index only.
type tree []node

type node struct {
	set     *policy.Set
	records []leafOrBranch
}

// leafOrBranch is what a record of a set has: values by family, or the target and which of the target's families
// answers each of the set's own, -1 for none.
type leafOrBranch struct {
	values [policy.Families]int
	target int
	family [policy.Families]int
}

// moment is the health of everything at one time: by set and record.
type moment struct {
	at     time.Time
	passed [][]bool
	values [][][policy.Families][]bool
}

// verdict is what going into a record or a set finds.
type verdict string

const (
	nothing   verdict = "nothing of the family there"
	unhealthy verdict = "unhealthy"
	healthy   verdict = "healthy"
)

// naive answers queries of a tree at any moment of its history.
type naive struct {
	tree    tree
	history []moment
	seen    map[[3]int]visit // remembered only because the recursion would be endless otherwise
	tiers   map[[2]int]int
}

type visit struct {
	answer  spread
	verdict verdict
}

// could tells whether the set could ever answer the family, whatever the health.
func (n *naive) could(s, f int) bool { return could(n.tree, s, f) }

func could(tr tree, s, f int) bool {
	for _, r := range tr[s].records {
		if r.values[f] > 0 || r.target >= 0 && r.family[f] >= 0 && could(tr, r.target, r.family[f]) {
			return true
		}
	}
	return false
}

// enter goes into record r of set s for family f at moment k: what it answers there, and whether that is healthy.
func (n *naive) enter(s, r, f, k int) visit {
	set, record := n.tree[s].set, n.tree[s].records[r]
	path := fmt.Sprintf("s%d.r%d", s, r)
	if record.target >= 0 {
		if record.family[f] < 0 || !n.could(record.target, record.family[f]) {
			return visit{surely("nodata", 0), nothing}
		}
		inside := n.visit(record.target, record.family[f], k)
		v := visit{together([]string{path + ">"}, []spread{inside.answer}), inside.verdict}
		switch {
		case v.verdict == nothing:
		case !n.history[k].passed[s][r]:
			v.verdict = unhealthy // A04
		case set.Records[r].EvaluateOff:
			v.verdict = healthy // A03
		}
		return v
	}
	if record.values[f] == 0 {
		return visit{surely("nodata", 0), nothing}
	}
	var up, all []int
	for i, ok := range n.history[k].values[s][r][f] {
		all = append(all, i)
		if ok {
			up = append(up, i)
		}
	}
	v := visit{verdict: unhealthy}
	if enough(set.Min, len(up), len(all)) {
		v.verdict = healthy
	}
	if len(up) == 0 {
		up = all // R06 inside a record: all count as healthy
	}
	v.answer = surely(fmt.Sprintf("%s%v", path, up), 1)
	return v
}

// enough is R17.
func enough(least policy.Threshold, up, all int) bool {
	switch {
	case up == 0:
		return false
	case least.Percent > 0:
		return 100*up >= least.Percent*all
	}
	return up >= least.N || up == all
}

// visit asks set s for family f at moment k.
func (n *naive) visit(s, f, k int) visit {
	key := [3]int{s, f, k}
	v, ok := n.seen[key]
	if !ok {
		v = n.visitThere(s, f, k)
		if v.verdict == nothing {
			v = n.visitElsewhere(s, f, k)
		}
		n.seen[key] = v
	}
	return v
}

// visitThere is visit as far as there are records of the family.
func (n *naive) visitThere(s, f, k int) visit {
	switch {
	case !n.could(s, f):
		return visit{surely("nodata", 0), nothing}
	case n.tree[s].set.Kind == policy.Failover:
		return n.visitTiers(s, f, k)
	}
	return n.visitRecords(s, f, k)
}

// visitElsewhere is the answer for a family that nothing is there of, which shares in what all_down says of the whole
// set.
func (n *naive) visitElsewhere(s, f, k int) visit {
	empty := visit{surely("nodata", 0), nothing}
	isFailover := n.tree[s].set.Kind == policy.Failover
	down := false
	for g := range n.tree[s].set.Families {
		switch n.visitThere(s, g, k).verdict {
		case healthy:
			return empty
		case unhealthy:
			if isFailover && n.tier(s, k) >= 0 {
				return empty
			}
			down = true
		}
	}
	if !down || n.tree[s].set.AllDown == policy.Serve {
		return empty
	}
	wasUp := func(j int) bool { return n.visitThere(s, f, j).verdict == healthy }
	if isFailover {
		wasUp = func(j int) bool { return n.tier(s, j) >= 0 }
	}
	return visit{n.allDown(s, f, k, wasUp, func() spread { return surely("nodata", 0) }), nothing}
}

func (n *naive) visitRecords(s, f, k int) visit {
	var there, up []int
	for r := range n.tree[s].records {
		switch n.enter(s, r, f, k).verdict {
		case healthy:
			up = append(up, r)
			there = append(there, r)
		case unhealthy:
			there = append(there, r)
		}
	}
	if len(there) == 0 {
		return visit{surely("nodata", 0), nothing}
	}
	if len(up) > 0 {
		return visit{n.pick(s, f, k, there, up), healthy}
	}
	return visit{n.allDown(s, f, k, func(j int) bool { return n.visit(s, f, j).verdict == healthy },
		func() spread { return n.pick(s, f, k, there, there) }), unhealthy}
}

func (n *naive) visitTiers(s, f, k int) visit {
	if t := n.tier(s, k); t >= 0 {
		v := n.enter(s, t, f, k)
		if v.verdict != healthy {
			v.answer = surely("nodata", 0) // R18
		}
		return v
	}
	served := n.firstTierThere(s, k)
	if served < 0 {
		return visit{surely("nodata", 0), nothing}
	}
	if on := n.tierWhenAllDown(s, k, served); on >= 0 && n.enter(s, on, f, k).verdict == nothing {
		return visit{surely("nodata", 0), nothing}
	}
	return visit{n.allDown(s, f, k, func(j int) bool { return n.tier(s, j) >= 0 },
		func() spread { return n.enter(s, served, f, k).answer }), unhealthy}
}

// firstTierThere is the first tier of a failover set that has something, healthy or not; -1 if none has.
func (n *naive) firstTierThere(s, k int) int {
	for r := range n.tree[s].records {
		for f := range n.tree[s].set.Families {
			if n.enter(s, r, f, k).verdict != nothing {
				return r
			}
		}
	}
	return -1
}

// tierWhenAllDown is the tier that answers though it is unhealthy, -1 if none does.
func (n *naive) tierWhenAllDown(s, k, served int) int {
	switch n.tree[s].set.AllDown {
	case policy.Serve:
		return served
	case policy.Last:
		for j := k - 1; j >= 0; j-- {
			if t := n.tier(s, j); t >= 0 {
				return t
			}
		}
		return served
	default:
		return -1
	}
}

// allDown is R06 and R19; wasUp tells whether something of the set was healthy at an earlier moment.
func (n *naive) allDown(s, f, k int, wasUp func(j int) bool, serve func() spread) spread {
	switch n.tree[s].set.AllDown {
	case policy.NoData:
		return surely("nodata", 0)
	case policy.ServFail:
		return surely("servfail", 0)
	case policy.Refuse:
		return surely("refused", 0)
	case policy.Next:
		return surely("next", 0)
	case policy.Fixed:
		return surely(fmt.Sprintf("fixed s%d", s), 0)
	case policy.Last:
		for j := k - 1; j >= 0; j-- {
			if wasUp(j) {
				return n.visit(s, f, j).answer
			}
		}
	}
	return serve()
}

// pick follows the policy of set s among the records that are there, of which some count as healthy.
func (n *naive) pick(s, f, k int, there, up []int) spread {
	set := n.tree[s].set
	inside := func(r int) spread { return n.enter(s, r, f, k).answer }
	switch set.Kind {
	case policy.Static:
		parts := make([]spread, len(up))
		for i, r := range up {
			parts[i] = inside(r)
		}
		return together(make([]string, len(up)), parts)
	case policy.Multivalue:
		// All orders are as likely; an answer is the first max healthy ones of an order.
		var odds []*big.Rat
		var parts []spread
		orders := permutations(there)
		for _, order := range orders {
			var taken []spread
			for _, r := range order {
				if slices.Contains(up, r) && len(taken) < set.Max {
					taken = append(taken, inside(r))
				}
			}
			odds = append(odds, big.NewRat(1, int64(len(orders))))
			parts = append(parts, together(make([]string, len(taken)), taken))
		}
		return either(odds, parts)
	}
	won := map[int]*big.Rat{}
	drawAgain(set, there, up, one, won)
	var odds []*big.Rat
	var parts []spread
	for r, p := range won {
		odds = append(odds, p)
		parts = append(parts, inside(r))
	}
	return either(odds, parts)
}

// drawAgain draws one of the records by weight (R05, R08: among zeros only, as if they were alike), and where that one
// does not count as healthy drops it and draws again (R04). The odds p of coming here are added up at who wins.
func drawAgain(set *policy.Set, records, up []int, p *big.Rat, won map[int]*big.Rat) {
	sum := int64(0)
	for _, r := range records {
		sum += int64(set.Records[r].Weight)
	}
	for i, r := range records {
		share := big.NewRat(1, int64(len(records)))
		if sum > 0 {
			share = big.NewRat(int64(set.Records[r].Weight), sum)
		}
		share.Mul(share, p)
		switch {
		case share.Sign() == 0:
		case slices.Contains(up, r):
			accumulate(won, r, share)
		default:
			drawAgain(set, slices.Delete(slices.Clone(records), i, i+1), up, share, won)
		}
	}
}

// mayTake tells which tiers of a failover set may be taken at moment k (R18): those healthy in each family they have
// anything of or, if there is no such tier, those healthy in some family.
func (n *naive) mayTake(s, k int) []bool {
	records := n.tree[s].records
	wholly, partly := make([]bool, len(records)), make([]bool, len(records))
	for t := range records {
		count := map[verdict]int{}
		for f := range n.tree[s].set.Families {
			count[n.enter(s, t, f, k).verdict]++
		}
		partly[t] = count[healthy] > 0
		wholly[t] = partly[t] && count[unhealthy] == 0
	}
	if slices.Contains(wholly, true) {
		return wholly
	}
	return partly
}

// tier is the tier that a failover set is on at moment k, -1 for none (R10, R21).
func (n *naive) tier(s, k int) int {
	key := [2]int{s, k}
	t, ok := n.tiers[key]
	if !ok {
		t = n.findTier(s, k)
		n.tiers[key] = t
	}
	return t
}

func (n *naive) findTier(s, k int) int {
	may := n.mayTake(s, k)
	before := -1
	if k > 0 {
		before = n.tier(s, k-1)
	}
	back := n.tree[s].set.Failback
	if before < 0 || !may[before] || !back.Manual && back.After == 0 {
		return slices.Index(may, true)
	}
	if back.Manual {
		return before
	}
	for t := range before {
		since := k + 1
		for since > 0 && n.mayTake(s, since-1)[t] {
			since--
		}
		if since <= k && n.history[k].at.Sub(n.history[since].at) >= back.After {
			return t
		}
	}
	return before
}
