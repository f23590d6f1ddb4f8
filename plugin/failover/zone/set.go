package zone

import (
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Set is one record set at work. There may be hundreds of thousands, so it holds only what every set needs.
//
// Among so many the one that is asked is in no cache of the processor, and each line of memory that it is read from
// costs as much as all else that is done with it. So what a query reads comes first, in lines that follow each other, and
// a set is a whole number of lines, of 64 bytes.
type Set struct {
	node    Node // of the set's name, if it is the name's first set
	answers [policy.Families]atomic.Pointer[Answer]
	rrtype  uint16       // Config.Type
	active  atomic.Int32 // for the collector
	home    compiled     // for an answer of the set while it is settled: see compile
	tallies Tallies      // in a line of their own: a line that one core writes is lost to the others

	Config  *corefile.Set
	sibling *Set // the next set of the same name
	shape   *shape
	links   *links // nil for a set without aliases, from it or to it

	// The evaluator's.
	queued  bool
	settled bool
	guess   [policy.Families]bool // nothing of the family is known to be healthy
	ttl     uint32
	memory  *policy.Memory // nil where there is nothing to remember
	plans   [policy.Families]*policy.Plan
}

// links are what aliases tie to a set.
type links struct {
	targets [][policy.Families]*Set // by record: what an alias points at; empty without aliases from the set
	parents []int                   // the sets with an alias to this one, indexes in Index.sets

	// outside is not nil for a set that stands for a name outside the record sets.
	outside *outside
	// pending tells that nothing is known yet of some name outside that the set depends on, and nothing bad either.
	pending bool
	varies  bool   // there is a name outside below
	version uint64 // of the answers; grows with every change
	below   uint64 // versionsBelow when the answers were made
}

// init fills a set that is still empty.
func (s *Set) init(config *corefile.Set, z *Zone, shape *shape, attach Attach) {
	s.Config, s.shape, s.rrtype = config, shape, config.Type
	s.node = Node{short: newShortName(config.Name), zone: z, set: s}
	attach(config.Zone.Name, config.Name, config.Type, &s.tallies)
	if shape.remembers() {
		s.memory = new(policy.Memory)
	}
	s.active.Store(-1)
}

// family tells whether the set answers a type, and as which of its families.
func (s *Set) family(rrtype uint16) (int, bool) {
	switch {
	case s.rrtype == rrtype && rrtype != 0, s.rrtype == 0 && rrtype == dns.TypeA:
		return 0, true
	case s.rrtype == 0 && rrtype == dns.TypeAAAA:
		return 1, true
	}
	return 0, false
}

// Tallies are all counters of the set.
func (s *Set) Tallies() *Tallies { return &s.tallies }

// Tally counts the answers of a family.
func (s *Set) Tally(family int) *Tally {
	if s.rrtype == dns.TypeAAAA {
		family = 1
	}
	return &s.tallies[family]
}

// Answer returns what the set answers for a family as things stand, or nil if it never has anything of that family.
func (s *Set) Answer(family int) *Answer { return s.answers[family].Load() }

// Active returns the record a failover set is on, or nil.
func (s *Set) Active() *corefile.Record { return s.record(s.active.Load()) }

// target is what the alias of a record points at for a family, nil for nothing.
func (s *Set) target(record, family int) *Set {
	if s.links == nil || len(s.links.targets) == 0 {
		return nil
	}
	return s.links.targets[record][family]
}

// link is the set's links, to add to them.
func (s *Set) link() *links {
	if s.links == nil {
		s.links = new(links)
	}
	return s.links
}

// evaluate decides anew and publishes what became of the answers. The targets of the set's aliases must have been
// evaluated before. It tells whether records that are answered changed, and whether sets with an alias to this one
// have to be evaluated again, which they have already when only settled moved.
func (s *Set) evaluate(v *view, status func(leaf int) health.Status, now time.Time) (changed, parentsToo bool) {
	if s.isOutside() {
		return s.evaluateOutside(status)
	}
	v.look(s, status)
	decision := s.decide(v, now)
	ttl := s.Config.TTL.Unsettled
	if v.settled {
		ttl = s.Config.TTL.Settled
	}
	sameRecords := s.ttl == ttl && !s.changedBelow()
	sameFlag := s.settled == v.settled && s.guess == v.guess
	s.settled, s.ttl, s.guess = v.settled, ttl, v.guess
	if s.links != nil {
		sameFlag = sameFlag && s.links.pending == v.pending
		s.links.pending = v.pending
	}
	for f := range s.shape.Families {
		plan := decision.Plans[f]
		if plan == nil {
			continue
		}
		samePlan := plan.Equal(s.plans[f])
		if samePlan {
			// With the old pointer, sets that point here compare in one step.
			plan, decision.Plans[f] = s.plans[f], s.plans[f]
		}
		old := s.answers[f].Load()
		switch {
		case old == nil || !samePlan || !sameRecords:
			s.answers[f].Store(s.compile(f, plan))
			changed = true
		case old.Degraded == s.settled:
			s.answers[f].Store(s.compile(f, plan)) // the same, but for the flag
		}
	}
	s.plans = decision.Plans
	s.active.Store(int32(decision.Active))
	if changed && s.links != nil {
		s.links.version++
	}
	return changed, changed || !sameFlag
}

// decide asks the policy, unless everything is healthy and a set of the same shape has asked before.
func (s *Set) decide(v *view, now time.Time) policy.Decision {
	if s.memory != nil {
		var decision policy.Decision
		decision, memory := policy.Decide(&s.shape.Set, v.inputs, *s.memory, now)
		if v.pending {
			// Where the set is for the moment is not where it is to stay, be it by the word failback.
			memory = *s.memory
			memory.Wake = time.Time{}
		}
		*s.memory = memory
		return decision
	}
	common := v.whole && (s.links == nil || len(s.links.targets) == 0)
	if common && s.shape.whole != nil {
		return *s.shape.whole
	}
	decision, _ := policy.Decide(&s.shape.Set, v.inputs, policy.Memory{}, now)
	if common {
		s.shape.whole = &decision
	}
	return decision
}

// changedBelow tells whether the answers of a target of the set's aliases have changed since it was last asked.
func (s *Set) changedBelow() bool {
	if s.links == nil {
		return false
	}
	sum := uint64(0)
	for i := range s.links.targets {
		for _, t := range s.links.targets[i] {
			if t != nil {
				sum += t.links.version
			}
		}
	}
	changed := sum != s.links.below
	s.links.below = sum
	return changed
}
