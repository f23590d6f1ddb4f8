package zone

import (
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"
)

// Situation is a set at one moment, with all that led to its answers. It is a copy that nothing changes, and belongs to
// whoever asked for it.
type Situation struct {
	// Set is a copy of the set with the answers of the moment.
	Set *Set
	// Inputs are what the policy goes by, and Decision and Memory what came of it.
	Inputs   []policy.Input
	Decision policy.Decision
	Memory   policy.Memory
	// Settled and TTL are those of the set itself (D10).
	Settled bool
	TTL     uint32
	// Pending tells that health or time have moved on since the answers were made, so that they will be made anew.
	Pending bool

	targets [][policy.Families]*Situation
	status  func(leaf int) health.Status
}

// Target is what the alias of a record points at for a family, nil for nothing.
func (s *Situation) Target(record, family int) *Situation {
	if s.targets == nil {
		return nil
	}
	return s.targets[record][family]
}

// Status is the status of a check at the moment.
func (s *Situation) Status(leaf int) health.Status { return s.status(leaf) }

// Shape is what the policy knows of the set. It must not be changed.
func (s *Situation) Shape() *policy.Set { return &s.Set.shape.Set }

// Situation returns what a set answers as things stand, and why. With statuses assumed of some checks, by leaf, it is
// what the set would answer if they were real: decided anew, from what the sets remember. Neither changes anything.
func (x *Index) Situation(s *Set, assumed map[int]health.Status, now time.Time) *Situation {
	x.mu.Lock()
	defer x.mu.Unlock()
	// Checks go on meanwhile; each is asked once.
	statuses := make(map[int]health.Status)
	e := examiner{made: make(map[*Set]*Situation), rehearse: len(assumed) > 0, now: now}
	e.status = func(leaf int) health.Status {
		status, known := statuses[leaf]
		if !known {
			if status, known = assumed[leaf]; !known && x.started {
				status = x.status(leaf)
			}
			statuses[leaf] = status
		}
		return status
	}
	return e.examine(s)
}

// examiner makes Situations.
type examiner struct {
	made     map[*Set]*Situation
	status   func(leaf int) health.Status
	rehearse bool
	now      time.Time
}

func (e *examiner) examine(s *Set) *Situation {
	if made := e.made[s]; made != nil {
		return made
	}
	own := s.copied()
	made := &Situation{Set: own, status: e.status}
	e.made[s] = made
	if s.links != nil && len(s.links.targets) > 0 {
		made.targets = make([][policy.Families]*Situation, len(s.links.targets))
		for r := range s.links.targets {
			for f, t := range s.links.targets[r] {
				if t != nil {
					made.targets[r][f] = e.examine(t)
					own.links.targets[r][f] = made.targets[r][f].Set
				}
			}
		}
	}
	if own.isOutside() {
		own.evaluateOutside(e.status)
		made.Settled, made.TTL, made.Decision = own.settled, own.ttl, policy.Decision{Plans: own.plans, Active: -1}
		return made
	}
	var v view
	if e.rehearse {
		own.evaluate(&v, e.status, e.now)
	} else {
		v.look(own, e.status)
		made.Pending = own.pending(&v, e.now)
	}
	made.Inputs, made.Settled, made.TTL = v.inputs, own.settled, own.ttl
	made.Decision = policy.Decision{Plans: own.plans, Active: int(own.active.Load())}
	if own.memory != nil {
		made.Memory = *own.memory
	}
	return made
}

// copied is the set with a memory and links of its own; the links are still those of the original.
func (s *Set) copied() *Set {
	own := new(Set)
	if s.isOutside() {
		own.Config, own.shape, own.links = s.Config, s.shape, &links{outside: s.links.outside.copied()}
		own.settled, own.guess, own.ttl, own.plans = s.settled, s.guess, s.ttl, s.plans
		own.links.pending, own.links.version = s.links.pending, s.links.version
		own.active.Store(-1)
		return own
	}
	own.init(s.Config, s.node.zone, s.shape, func(string, string, uint16, *Tallies) {})
	own.settled, own.guess, own.ttl, own.plans = s.settled, s.guess, s.ttl, s.plans
	own.active.Store(s.active.Load())
	for f := range s.answers {
		own.answers[f].Store(s.answers[f].Load())
	}
	if s.memory != nil {
		*own.memory = *s.memory
	}
	if s.links != nil {
		own.links = &links{version: s.links.version, below: s.links.below, pending: s.links.pending, varies: s.links.varies}
		own.links.targets = make([][policy.Families]*Set, len(s.links.targets))
	}
	return own
}

// pending tells whether another evaluation would change anything.
func (s *Set) pending(v *view, now time.Time) bool {
	var memory policy.Memory
	if s.memory != nil {
		memory = *s.memory
	}
	decision, _ := policy.Decide(&s.shape.Set, v.inputs, memory, now)
	for f := range s.shape.Families {
		if !decision.Plans[f].Equal(s.plans[f]) {
			return true
		}
	}
	return v.settled != s.settled
}
