package zone

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// keepAtOnce is how many memories are looked at while answers cannot change: that takes some microseconds.
const keepAtOnce = 1000

// Keep gives what the sets remember that remember anything.
func (b Block) Keep() iter.Seq[state.Set] {
	return func(yield func(state.Set) bool) {
		x := b.Index
		memories := make([]policy.Memory, 0, keepAtOnce)
		for from := 0; from < len(x.sets); from += keepAtOnce {
			some := x.sets[from:min(from+keepAtOnce, len(x.sets))]
			memories = memories[:0]
			x.mu.Lock()
			for i := range some {
				if m := some[i].memory; m != nil {
					memories = append(memories, *m)
				}
			}
			x.mu.Unlock()
			next := 0
			for i := range some {
				if some[i].memory == nil {
					continue
				}
				kept := memories[next].Keep()
				next++
				if kept.Active < 0 && kept.Since == nil && kept.Last == [policy.Families]*policy.KeptPlan{} {
					continue
				}
				if !yield(b.kept(&some[i], kept)) {
					return
				}
			}
		}
	}
}

func (b Block) kept(s *Set, memory policy.Kept) state.Set {
	c := s.Config
	kept := state.Set{
		Zone: c.Zone.Name, Name: c.Name, Type: typeText(c.Type), Block: b.Keys, Policy: c.Kind.String(),
		Records: b.Index.prints.of(s), Memory: memory,
	}
	for _, r := range c.Records {
		kept.IDs = append(kept.IDs, r.ID)
	}
	return kept
}

func typeText(rrtype uint16) string {
	if rrtype == 0 {
		return "A/AAAA"
	}
	return dns.Type(rrtype).String()
}

// Restore gives the sets of a configuration that is about to start what such sets remembered before a restart, as Adopt
// does over a reload. A tier that something of is unknown waits anew, since nobody knows whether it was healthy without
// a break; what is from the future is not believed. The status is that of each block's leaves.
func Restore(into []Block, saved []state.Set, status []func(leaf int) health.Status, now time.Time) {
	type key struct{ zone, name, rrtype string }
	olds := make(map[key][]former)
	indexes := make(map[*corefile.Zone]int)
	for i, b := range into {
		b.Index.Zones(func(z *Zone) { indexes[z.Config] = i })
	}
	for i := range saved {
		old := &saved[i]
		k := key{old.Zone, old.Name, old.Type}
		same := func(s *Set) bool { return old.Records == into[indexes[s.Config.Zone]].Index.prints.of(s) }
		olds[k] = append(olds[k], former{
			keys: old.Block, same: same,
			give: func(s *Set) { s.restore(old, same(s), status[indexes[s.Config.Zone]], now) },
		})
	}
	for k, news := range byKey(into) {
		match(news, olds[key{k.zone, k.name, typeText(k.rrtype)}])
	}
}

// restore is adopt for what was read.
func (s *Set) restore(old *state.Set, same bool, status func(leaf int) health.Status, now time.Time) {
	if s.Config.Kind.String() != old.Policy {
		return
	}
	same = same && len(old.IDs) == len(s.Config.Records) // which only a forged file has otherwise
	memory := old.Memory.Memory(len(old.IDs)).Moved(len(s.Config.Records), func(i int) int {
		return indexOfID(s.Config.Records, old.IDs[i])
	}, same)
	for f, plan := range memory.Last() {
		same = same && (plan == nil || f < s.shape.Families && s.canAnswer(f, plan))
	}
	*s.memory = memory.Forgetting(!same, func(tier int, since time.Time) bool {
		return !since.After(now) && s.known(s.Config.Records[tier], tier, status)
	})
}

// known tells that nothing is unknown of what a record's health depends on.
func (s *Set) known(r *corefile.Record, index int, status func(leaf int) health.Status) bool {
	if s.isOutside() {
		return s.links.outside.look().Answered
	}
	knows := func(e *health.Expression) bool { return e == nil || e.Evaluate(status).Known }
	if r.Alias != nil && !knows(r.Alias.Check) {
		return false
	}
	for f := range s.shape.Families {
		for _, e := range r.Checks(f) {
			if !knows(e) {
				return false
			}
		}
		if t := s.target(index, f); t != nil {
			if t.isOutside() && !t.known(nil, 0, status) {
				return false
			}
			for i, inner := range t.Config.Records {
				if !t.known(inner, i, status) {
					return false
				}
			}
		}
	}
	return true
}

// canAnswer tells that a plan is about what is there, all the way down.
func (s *Set) canAnswer(family int, plan *policy.Plan) bool {
	if plan.Outcome == policy.AnswerFixed && s.Config.Fixed == nil {
		return false
	}
	if s.isOutside() {
		return plan.Outcome != policy.Answer || s.links.outside.look().Any()
	}
	for _, c := range plan.Choices {
		if c.Record < 0 || c.Record >= len(s.Config.Records) {
			return false
		}
		record, target := s.Config.Records[c.Record], s.target(c.Record, family)
		switch {
		case record.Alias != nil:
			if c.Inner == nil || target == nil || !target.canAnswer(record.Alias.Family[family], c.Inner) {
				return false
			}
			continue
		case c.Inner != nil || len(c.Values) == 0:
			return false
		}
		for _, v := range c.Values {
			if v < 0 || v >= len(record.Values(family)) {
				return false
			}
		}
	}
	return true
}

// prints are the hashes of the records of sets, each made when it is asked for the first time.
type prints struct {
	mu   sync.Mutex
	made map[*Set]string
}

func (p *prints) of(s *Set) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil {
		p.made = make(map[*Set]string)
	}
	return p.print(s)
}

// print hashes what sameRecords compares.
func (p *prints) print(s *Set) string {
	if made, ok := p.made[s]; ok {
		return made
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", s.shape.Families)
	for i, r := range s.Config.Records {
		fmt.Fprintf(h, "%q %t\n", r.ID, r.Alias != nil)
		for f := range s.shape.Families {
			for _, rr := range r.Values(f) {
				header := rr.Header()
				fmt.Fprintf(h, "%d %d %s\n", f, header.Rrtype, strings.TrimPrefix(rr.String(), header.String()))
			}
			if t := s.target(i, f); t != nil {
				fmt.Fprintf(h, "%d %s %s\n", f, t.Config.Name, p.print(t))
			}
		}
	}
	p.made[s] = hex.EncodeToString(h.Sum(nil)[:12])
	return p.made[s]
}
