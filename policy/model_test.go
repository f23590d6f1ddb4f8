package policy_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"

	"pgregory.net/rapid"
)

// compiled is a tree as the plugin keeps it: one memory a set, and plans made bottom up whenever health changes.
type compiled struct {
	tree      tree
	memories  []policy.Memory
	decisions []policy.Decision
}

func newCompiled(tr tree) *compiled {
	return &compiled{
		tree:      tr,
		memories:  make([]policy.Memory, len(tr)),
		decisions: make([]policy.Decision, len(tr)),
	}
}

// inputs are those of set s: the health of its values and the plans of its targets, which are decided already.
func (c *compiled) inputs(s int, now moment) []policy.Input {
	inputs := make([]policy.Input, len(c.tree[s].records))
	for r, record := range c.tree[s].records {
		inputs[r].Passed = now.passed[s][r]
		for f := range c.tree[s].set.Families {
			if record.target < 0 {
				inputs[r].Families[f].Values = now.values[s][r][f]
			} else if tf := record.family[f]; tf >= 0 && could(c.tree, record.target, tf) {
				// An alias leads only to what could ever answer; what all_down says elsewhere is not for it.
				inputs[r].Families[f].Inner = c.decisions[record.target].Plans[tf]
			}
		}
	}
	return inputs
}

func (c *compiled) decide(now moment) {
	for s := len(c.tree) - 1; s >= 0; s-- {
		c.decisions[s], c.memories[s] = policy.Decide(c.tree[s].set, c.inputs(s, now), c.memories[s], now.at)
	}
}

// walk follows a plan of set s down to its leaves.
func (c *compiled) walk(s int, plan *policy.Plan) spread {
	switch {
	case plan.Outcome == policy.AnswerFixed:
		return surely(fmt.Sprintf("fixed s%d", s), 0)
	case plan.Outcome != policy.Answer:
		return surely(outcomes[plan.Outcome], 0)
	}
	parts := make([]spread, len(plan.Choices))
	chances := make([]*big.Rat, len(plan.Choices))
	for i, choice := range plan.Choices {
		path := fmt.Sprintf("s%d.r%d", s, choice.Record)
		if choice.Inner != nil {
			inside := c.walk(c.tree[s].records[choice.Record].target, choice.Inner)
			parts[i] = together([]string{path + ">"}, []spread{inside})
		} else {
			parts[i] = surely(fmt.Sprintf("%s%v", path, choice.Values), 1)
		}
		chances[i] = odds(plan, i)
	}
	if plan.Take == 1 {
		return either(chances, parts)
	}
	// Every choice of so many is as likely as any other.
	var groups []spread
	for subset := range 1 << len(parts) {
		var taken []spread
		for i := range parts {
			if subset>>i&1 == 1 {
				taken = append(taken, parts[i])
			}
		}
		if len(taken) == plan.Take {
			groups = append(groups, together(make([]string, len(taken)), taken))
		}
	}
	chances = chances[:0]
	for range groups {
		chances = append(chances, big.NewRat(1, int64(len(groups))))
	}
	return either(chances, groups)
}

// verdictOf is the plan's status in the words of the naive implementation.
var verdictOf = map[policy.Status]verdict{
	policy.Absent: nothing, policy.Dead: unhealthy, policy.Alive: healthy,
}

// compare asks both implementations about every set and family at moment k.
func compare(t *rapid.T, c *compiled, n *naive, k int) {
	for s := range c.tree {
		set := c.tree[s].set
		active := -1
		if set.Kind == policy.Failover {
			active = n.tier(s, k)
		}
		if got := c.memories[s].Active(); got != active {
			t.Fatalf("moment %d, set %d: on tier %d, want %d", k, s, got, active)
		}
		for f := range set.Families {
			plan := c.decisions[s].Plans[f]
			could := n.could(s, f)
			switch set.AllDown {
			case policy.Fixed, policy.ServFail, policy.Refuse, policy.Next:
				could = could || plan != nil // what it answers is compared below
			}
			if (plan != nil) != could {
				t.Fatalf("moment %d, set %d, family %d: plan %q, could ever answer: %v", k, s, f, show(plan), could)
			}
			if plan == nil {
				continue
			}
			v := n.visit(s, f, k)
			if got := verdictOf[plan.Status]; got != v.verdict {
				t.Fatalf("moment %d, set %d, family %d: %s, want %s", k, s, f, got, v.verdict)
			}
			if got, want := c.walk(s, plan).String(), v.answer.String(); got != want {
				t.Fatalf("moment %d, set %d, family %d answers\n%s\nwant\n%s", k, s, f, got, want)
			}
		}
	}
}

// shape says which trees to draw.
type shape struct {
	families int // at most
	least    int // families at least; 0 is 1
	kinds    []policy.Kind
	allDown  []policy.AllDown
	memory   bool // with failback
}

var anyShape = shape{
	families: 2,
	kinds:    []policy.Kind{policy.Failover, policy.Weighted, policy.Multivalue, policy.Static},
	allDown: []policy.AllDown{
		policy.Serve, policy.Serve, policy.Last, policy.NoData, policy.ServFail, policy.Refuse, policy.Next, policy.Fixed,
	},
	memory: true,
}

// drawTree draws a tree of up to six sets; branches may share their targets, and a chain may be as long as the tree.
func drawTree(t *rapid.T, of shape) tree {
	tr := make(tree, rapid.IntRange(1, 6).Draw(t, "sets"))
	for s := len(tr) - 1; s >= 0; s-- { // targets first: their families must be known
		set := &policy.Set{
			Kind:     rapid.SampledFrom(of.kinds).Draw(t, "kind"),
			Families: rapid.IntRange(max(1, of.least), of.families).Draw(t, "families"),
			AllDown:  rapid.SampledFrom(of.allDown).Draw(t, "all_down"),
			Max:      rapid.IntRange(1, 4).Draw(t, "max"),
			Min: rapid.SampledFrom([]policy.Threshold{
				{}, {}, {N: 1}, {N: 2}, {N: 3}, {Percent: 1}, {Percent: 50}, {Percent: 67}, {Percent: 100},
			}).Draw(t, "min"),
		}
		if of.memory && set.Kind == policy.Failover {
			set.Failback = rapid.SampledFrom([]policy.Failback{
				{}, {Manual: true}, {After: time.Second}, {After: 3 * time.Second}, {After: 7 * time.Second},
			}).Draw(t, "failback")
		}
		set.Records = make([]policy.Record, rapid.IntRange(1, 4).Draw(t, "records"))
		tr[s] = node{set: set, records: make([]leafOrBranch, len(set.Records))}
		for r := range set.Records {
			drawRecord(t, tr, s, r)
		}
	}
	return tr
}

func drawRecord(t *rapid.T, tr tree, s, r int) {
	set := tr[s].set
	set.Records[r].Weight = rapid.SampledFrom([]uint16{0, 0, 1, 2, 3, 10, 20, 65535}).Draw(t, "weight")
	record := &tr[s].records[r]
	record.target = -1
	if s+1 == len(tr) || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		for f := range set.Families {
			record.values[f] = rapid.IntRange(2-set.Families, 3).Draw(t, "values")
		}
		return
	}
	record.target = rapid.IntRange(s+1, len(tr)-1).Draw(t, "target")
	set.Records[r].Alias = true
	set.Records[r].EvaluateOff = rapid.IntRange(0, 5).Draw(t, "evaluate") == 5
	switch tr[record.target].set.Families {
	case set.Families:
		record.family = [policy.Families]int{0, 1}
	case policy.Families: // a set with a type, pointing at a set of addresses
		record.family[0] = rapid.IntRange(0, 1).Draw(t, "family")
	default: // a set of addresses, pointing at a set of one type
		record.family = [policy.Families]int{-1, -1}
		record.family[rapid.IntRange(0, 1).Draw(t, "family")] = 0
	}
}

// drawMoment draws the health of everything, from all down to all up.
func drawMoment(t *rapid.T, tr tree, at time.Time) moment {
	up := rapid.SampledFrom([]int{0, 3, 5, 8, 10}).Draw(t, "share of health")
	healthy := func(label string) bool { return rapid.IntRange(0, 9).Draw(t, label) < up }
	now := moment{at: at, passed: make([][]bool, len(tr)), values: make([][][policy.Families][]bool, len(tr))}
	for s := range tr {
		for _, record := range tr[s].records {
			now.passed[s] = append(now.passed[s], record.target < 0 || healthy("passed"))
			var families [policy.Families][]bool
			for f, n := range record.values {
				for range n {
					families[f] = append(families[f], healthy("value"))
				}
			}
			now.values[s] = append(now.values[s], families)
		}
	}
	return now
}

// live draws a tree and the history of its health, and calls see after each moment.
func live(t *rapid.T, of shape, moments int, see func(c *compiled, n *naive, k int)) {
	tr := drawTree(t, of)
	c := newCompiled(tr)
	n := &naive{tree: tr, seen: map[[3]int]visit{}, tiers: map[[2]int]int{}}
	at := epoch
	for k := range rapid.IntRange(1, moments).Draw(t, "moments") {
		at = at.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "seconds")) * time.Second)
		n.history = append(n.history, drawMoment(t, tr, at))
		c.decide(n.history[k])
		see(c, n, k)
	}
}

func TestR04_CompiledPlansAnswerAsDrawDropDrawAgain(t *testing.T) {
	of := shape{families: 1, kinds: []policy.Kind{policy.Weighted}, allDown: []policy.AllDown{policy.Serve}}
	rapid.Check(t, func(t *rapid.T) {
		live(t, of, 3, func(c *compiled, n *naive, k int) { compare(t, c, n, k) })
	})
}

func TestA02_CompiledTreesAnswerAsTheNaiveOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live(t, anyShape, 8, func(c *compiled, n *naive, k int) { compare(t, c, n, k) })
	})
}

func TestR18_CompiledTreesOfTwoFamiliesWithoutMemory(t *testing.T) {
	of := anyShape
	of.memory, of.allDown = false, []policy.AllDown{policy.Serve}
	rapid.Check(t, func(t *rapid.T) {
		live(t, of, 3, func(c *compiled, n *naive, k int) { compare(t, c, n, k) })
	})
}

func TestR21_CompiledFailbackIsThatOfTheHistory(t *testing.T) {
	of := anyShape
	of.kinds = []policy.Kind{policy.Failover}
	of.allDown = []policy.AllDown{policy.Serve, policy.Last}
	rapid.Check(t, func(t *rapid.T) {
		live(t, of, 12, func(c *compiled, n *naive, k int) { compare(t, c, n, k) })
	})
}
