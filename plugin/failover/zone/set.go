package zone

import (
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Set is one record set at work.
type Set struct {
	Config *corefile.Set
	// Tallies count the answers by family.
	Tallies [policy.Families]*Tally

	zone    *Zone
	shape   policy.Set
	targets [][policy.Families]*Set // by record: what an alias points at
	parents []int                   // the sets with an alias to this one, indexes in Index.sets
	order   int                     // the index in Index.sets

	// The evaluator's.
	queued   bool
	memory   policy.Memory
	decision policy.Decision
	settled  bool
	guess    [policy.Families]bool // nothing of the family is known to be healthy
	ttl      uint32
	version  uint64         // of the answers; grows with every change
	below    uint64         // versionsBelow when the answers were made
	inputs   []policy.Input // kept to spare garbage

	// For queries and the collector.
	answers [policy.Families]atomic.Pointer[Answer]
	active  atomic.Int32
}

func newSet(config *corefile.Set, z *Zone, tallies Tallies) *Set {
	s := &Set{Config: config, zone: z, order: -1, targets: make([][policy.Families]*Set, len(config.Records))}
	types := config.Types()
	s.shape = policy.Set{
		Kind: config.Kind, Families: len(types), AllDown: config.AllDown, Min: config.Min, Max: config.Max,
		Failback: config.Failback, Records: make([]policy.Record, len(config.Records)),
	}
	for i, r := range config.Records {
		s.shape.Records[i] = policy.Record{Weight: r.Weight, Alias: r.Alias != nil,
			EvaluateOff: r.Alias != nil && r.Alias.EvaluateOff}
	}
	for f, t := range types {
		s.Tallies[f] = tallies(config.Zone.Name, config.Name, dns.Type(t).String())
	}
	s.active.Store(-1)
	return s
}

// Answer returns what the set answers for a family as things stand, or nil if it never has anything of that family.
func (s *Set) Answer(family int) *Answer { return s.answers[family].Load() }

// Active returns the record a failover set is on, or nil.
func (s *Set) Active() *corefile.Record {
	if i := s.active.Load(); i >= 0 {
		return s.Config.Records[i]
	}
	return nil
}

// forEachLeaf calls fn for every running check that the set's own records use.
func (s *Set) forEachLeaf(fn func(leaf int)) {
	var walk func(e *health.Expression)
	walk = func(e *health.Expression) {
		if e.Disabled {
			return
		}
		if e.Kind == health.ExprCheck {
			fn(e.Leaf)
		}
		for _, child := range e.Children {
			walk(child)
		}
	}
	for _, r := range s.Config.Records {
		for _, e := range r.Checks {
			walk(e)
		}
		for _, values := range r.Values {
			for _, v := range values {
				for _, e := range v.Checks {
					walk(e)
				}
			}
		}
	}
}

// look fills s.inputs from the last known states and tells whether all that the set depends on is settled (D10).
func (s *Set) look(status func(leaf int) health.Status) (settled bool) {
	if s.inputs == nil {
		s.inputs = make([]policy.Input, len(s.Config.Records))
	}
	settled = true
	for i, r := range s.Config.Records {
		in := &s.inputs[i]
		own := judge(r.Checks, status)
		settled = settled && own.Settled
		in.Passed = own.Healthy
		for f := range s.shape.Families {
			part := &in.Families[f]
			part.Guessed = 0
			if r.Alias != nil {
				part.Inner = nil
				if t := s.targets[i][f]; t != nil {
					part.Inner = t.decision.Plans[r.Alias.Family[f]]
					settled = settled && t.settled
					if !own.Known || t.guess[r.Alias.Family[f]] {
						part.Guessed = 1
					}
				}
				continue
			}
			part.Values = part.Values[:0]
			for v := range r.Values[f] {
				value := judge(r.Values[f][v].Checks, status)
				settled = settled && value.Settled
				part.Values = append(part.Values, value.Healthy)
				if value.Healthy && !value.Known {
					part.Guessed++
				}
			}
		}
	}
	for f := range s.shape.Families {
		s.guess[f] = !policy.Proven(&s.shape, s.inputs, f)
	}
	return settled
}

// judge is the verdict on checks that must all pass; without any it is healthy, settled and known.
func judge(checks []*health.Expression, status func(leaf int) health.Status) health.Verdict {
	all := health.Verdict{Healthy: true, Settled: true, Known: true}
	for _, e := range checks {
		v := e.Evaluate(status)
		all.Healthy, all.Settled, all.Known = all.Healthy && v.Healthy, all.Settled && v.Settled, all.Known && v.Known
	}
	return all
}

// evaluate decides anew and publishes what became of the answers. The targets of the set's aliases must have been
// evaluated before. It tells whether records that are answered changed, and whether sets with an alias to this one
// have to be evaluated again, which they have already when only settled moved.
func (s *Set) evaluate(status func(leaf int) health.Status, now time.Time) (changed, parentsToo bool) {
	guess := s.guess
	settled := s.look(status)
	decision, memory := policy.Decide(&s.shape, s.inputs, s.memory, now)
	s.memory = memory
	ttl := s.Config.TTL.Unsettled
	if settled {
		ttl = s.Config.TTL.Settled
	}
	below := s.versionsBelow()
	sameRecords := s.ttl == ttl && s.below == below
	sameFlag := s.settled == settled && s.guess == guess
	s.settled, s.ttl, s.below = settled, ttl, below
	for f := range s.shape.Families {
		plan := decision.Plans[f]
		if plan == nil {
			continue
		}
		samePlan := plan.Equal(s.decision.Plans[f])
		if samePlan {
			// With the old pointer, sets that point here compare in one step.
			decision.Plans[f] = s.decision.Plans[f]
		}
		same := samePlan && sameRecords && s.answers[f].Load() != nil
		if same && sameFlag {
			continue
		}
		s.answers[f].Store(s.compile(f, plan))
		changed = changed || !same
	}
	s.decision = decision
	s.active.Store(int32(decision.Active))
	if changed {
		s.version++
	}
	return changed, changed || !sameFlag
}

// versionsBelow grows whenever the answers of a target of the set's aliases change.
func (s *Set) versionsBelow() (sum uint64) {
	for i := range s.targets {
		for _, t := range s.targets[i] {
			if t != nil {
				sum += t.version
			}
		}
	}
	return sum
}
