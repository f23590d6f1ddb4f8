package zone

import (
	"slices"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"
)

// forEachLeaf calls fn for every check that the set's own records use, as often as they do.
func (s *Set) forEachLeaf(fn func(leaf int)) {
	if s.isOutside() {
		if leaf := s.links.outside.config.Leaf; leaf != corefile.NoLeaf {
			fn(leaf)
		}
		return
	}
	var walk func(e *health.Expression)
	walk = func(e *health.Expression) {
		if e.Leaf != health.Unnamed {
			fn(int(e.Leaf))
		}
		if e.Combination != nil {
			for _, child := range e.Children {
				walk(child)
			}
		}
	}
	for _, r := range s.Config.Records {
		if r.Alias != nil && r.Alias.Check != nil {
			walk(r.Alias.Check)
		}
		for f := range s.shape.Families {
			for _, e := range r.Checks(f) {
				walk(e)
			}
		}
	}
}

// view is what an evaluator sees of one set. It is used for set after set, to spare garbage.
type view struct {
	inputs  []policy.Input
	settled bool // all that the set depends on (D10)
	whole   bool // every value is healthy
	pending bool // see links
	guess   [policy.Families]bool
}

// look fills the view from the last known states.
func (v *view) look(s *Set, status func(leaf int) health.Status) {
	records := s.Config.Records
	v.inputs = slices.Grow(v.inputs[:0], len(records))[:len(records)]
	v.settled, v.whole, v.pending, v.guess = true, true, false, [policy.Families]bool{}
	for i, r := range records {
		in := &v.inputs[i]
		if r.Alias != nil {
			v.lookAlias(s, i, status)
			continue
		}
		in.Passed = true
		for f := range in.Families {
			part := &in.Families[f]
			part.Guessed, part.Inner = 0, nil
			part.Values = part.Values[:0]
			checks := r.Checks(f)
			for i := range r.Values(f) {
				value := unchecked
				if checks != nil {
					value = checks[i].Evaluate(status)
				}
				v.settled = v.settled && value.Settled
				v.whole = v.whole && value.Healthy
				part.Values = append(part.Values, value.Healthy)
				if value.Healthy && !value.Known {
					part.Guessed++
				}
			}
		}
	}
	for f := range s.shape.Families {
		v.guess[f] = !policy.Proven(&s.shape.Set, v.inputs, f)
	}
}

// lookAlias fills the view of the i-th record.
func (v *view) lookAlias(s *Set, i int, status func(leaf int) health.Status) {
	alias, in := s.Config.Records[i].Alias, &v.inputs[i]
	own := unchecked
	if alias.Check != nil {
		own = alias.Check.Evaluate(status)
	}
	v.settled = v.settled && own.Settled
	in.Passed = own.Healthy
	for f := range in.Families {
		part := &in.Families[f]
		part.Values, part.Inner, part.Guessed = part.Values[:0], nil, 0
		if t := s.target(i, f); t != nil {
			part.Inner = t.plans[alias.Family[f]]
			v.settled = v.settled && t.settled
			v.pending = v.pending || t.links.pending
			if !own.Known || t.guess[alias.Family[f]] {
				part.Guessed = 1
			}
		}
	}
}

// unchecked is the verdict on what has no check.
var unchecked = health.Verdict{Healthy: true, Settled: true, Known: true}
