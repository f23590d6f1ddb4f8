package failover

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
)

// rehearsal is what would become of record sets if some checks were unhealthy by hand.
type rehearsal struct {
	ids    []string // of the checks
	record *corefile.Record
	next   *corefile.Record // nil for none
	before []string
	after  []string
	also   []string // the other sets whose answers change
	down   []string // those of all sets that have no healthy record then, and have one now
	cut    bool     // there are more sets than were looked at
}

// rehearsedMost is how many sets a rehearsal looks at.
const rehearsedMost = 1000

// way is one to make a record unhealthy.
type way struct {
	probed bool // by the checks that are probed, and not by those that the line names, which may combine others
	only   int  // by this check of the line alone, since all must pass; below zero by all of them
}

// mostAlone is how many checks of a line are tried alone.
const mostAlone = 8

// waysTo are those to make a record of a set unhealthy. One check alone may well be shared by fewer sets than all are.
func waysTo(set *corefile.Set, r *corefile.Record) []way {
	alone := min(checksOf(set, r), mostAlone)
	ways := make([]way, 0, 2+2*alone)
	ways = append(ways, way{probed: true, only: -1}, way{only: -1})
	for only := range alone {
		ways = append(ways, way{probed: true, only: only}, way{only: only})
	}
	return ways
}

// checksOf is how many checks the line of a record names, 0 where that is less than two.
func checksOf(set *corefile.Set, r *corefile.Record) int {
	if r.Alias != nil {
		return len(together(r.Alias.Check))
	}
	for f := range set.Types() {
		if checks := r.Checks(f); len(checks) > 0 {
			return len(together(checks[0])) // it is the same for each value
		}
	}
	return 0
}

// together are the checks of a line that names several.
func together(x *health.Expression) []*health.Expression {
	if x == nil || x.Leaf != health.Unnamed || x.Combination == nil {
		return nil
	}
	return x.Children
}

// rehearse tells what would become of a failover set whose active record is down. Of the ways to bring that about the one
// is taken that changes the least else; the first of those that are alike.
func rehearse(d *directory, e *setEntry, now time.Time) (*rehearsal, error) {
	record := e.set.Active()
	if record == nil {
		return nil, errNoActive
	}
	var best *rehearsal
	for _, w := range waysTo(e.set.Config, record) {
		leaves := make(map[int]bool)
		e.leavesOf(e.set.Config, record, w, leaves)
		if len(leaves) == 0 {
			continue
		}
		r := &rehearsal{record: record}
		for _, leaf := range slices.Sorted(maps.Keys(leaves)) {
			r.ids = append(r.ids, idOfLeaf(e.runner.config, leaf))
		}
		slices.Sort(r.ids)
		r.ids = slices.Compact(r.ids)
		r.look(d, e, now)
		if best == nil || r.better(best) {
			best = r
		}
	}
	if best == nil {
		return nil, errNoChecks
	}
	return best, nil
}

// better tells that a rehearsal is to be preferred: the set moves, and less else does.
func (r *rehearsal) better(other *rehearsal) bool {
	if moved := r.moves(); moved != other.moves() {
		return moved
	}
	if r.cut != other.cut {
		return other.cut
	}
	if len(r.down) != len(other.down) {
		return len(r.down) < len(other.down)
	}
	return len(r.also) < len(other.also)
}

func (r *rehearsal) moves() bool { return r.next != nil && r.next != r.record }

// leavesOf finds the checks by which a record of a set can be made unhealthy.
func (e *setEntry) leavesOf(set *corefile.Set, r *corefile.Record, w way, found map[int]bool) {
	add := func(check *health.Expression) {
		if all := together(check); w.only >= 0 && w.only < len(all) {
			check = all[w.only]
		}
		e.leavesBelow(check, w.probed, found)
	}
	if r.Alias == nil {
		for f := range set.Types() {
			for _, check := range r.Checks(f) {
				add(check)
			}
		}
		return
	}
	if r.Alias.Check != nil {
		add(r.Alias.Check) // that one suffices (A04)
		return
	}
	if r.Alias.EvaluateOff {
		return
	}
	if r.Alias.Outside != nil {
		found[r.Alias.Outside.Leaf] = true
		return
	}
	for _, target := range r.Alias.Target {
		if target != nil {
			for _, below := range target.Records {
				e.leavesOf(target, below, w, found)
			}
		}
	}
}

// leavesBelow finds those of an expression: the nearest that have a name, or those that are probed.
func (e *setEntry) leavesBelow(x *health.Expression, probed bool, found map[int]bool) {
	leaf := int(x.Leaf)
	isProbed := x.Kind == health.ExprCheck && !x.Disabled
	if leaf != health.Unnamed && (!probed || isProbed || x.Combination == nil) {
		found[leaf] = true
		return
	}
	if x.Combination != nil {
		for _, child := range x.Children {
			e.leavesBelow(child, probed, found)
		}
	}
}

// look finds out what would change.
func (r *rehearsal) look(d *directory, e *setEntry, now time.Time) {
	assumed := make(map[*runner]map[int]health.Status)
	for _, id := range r.ids {
		at, _ := slices.BinarySearchFunc(d.checks, id, func(c checkEntry, id string) int { return strings.Compare(c.id, id) })
		for ; at < len(d.checks) && d.checks[at].id == id; at++ {
			c := &d.checks[at]
			if assumed[c.runner] == nil {
				assumed[c.runner] = make(map[int]health.Status)
			}
			assumed[c.runner][c.leaf] = health.Status{Manual: health.Unhealthy}
		}
	}
	was, is := e.runner.index.Situation(e.set, nil, now), e.runner.index.Situation(e.set, assumed[e.runner], now)
	r.before, r.after = dataOf(was), dataOf(is)
	if !isDown(is) {
		r.next = is.Set.Active()
	}
	looked := 0
	for runner, statuses := range assumed {
		for _, s := range runner.index.Affected(slices.Collect(maps.Keys(statuses))) {
			if looked++; looked > rehearsedMost {
				r.cut = true
				break
			}
			was, is := runner.index.Situation(s, nil, now), runner.index.Situation(s, statuses, now)
			name := setName(s.Config)
			if isDown(is) && !isDown(was) {
				r.down = append(r.down, name)
			}
			if name != setName(e.set.Config) && changes(was, is) {
				r.also = append(r.also, name)
			}
		}
	}
	for _, names := range []*[]string{&r.also, &r.down} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
}

// isDown tells that no record of a set is healthy, so that its all_down decides.
func isDown(s *zone.Situation) bool {
	for _, plan := range s.Decision.Plans {
		if plan != nil && plan.AllDown {
			return true
		}
	}
	return false
}

func changes(was, is *zone.Situation) bool {
	for f := range was.Decision.Plans {
		if !was.Decision.Plans[f].Equal(is.Decision.Plans[f]) {
			return true
		}
	}
	return false
}

// dataOf is all that a set can answer.
func dataOf(s *zone.Situation) []string {
	data := []string{}
	for f := range s.Set.Config.Types() {
		a := s.Set.Answer(f)
		if a == nil {
			continue
		}
		for _, chance := range a.Prospect().Records {
			text := strings.TrimPrefix(chance.Record.String(), chance.Record.Header().String())
			if !slices.Contains(data, text) {
				data = append(data, text)
			}
		}
	}
	return data
}

// idOfLeaf is what a check is called.
func idOfLeaf(config *corefile.Config, leaf int) string {
	if leaf >= len(config.Checks) {
		return config.Combined[leaf-len(config.Checks)]
	}
	c := &config.Checks[leaf]
	return fmt.Sprintf("%s@%s", c.Names[0], c.Probe.Target())
}
