package policy

import "time"

// Input is what is known of one record when a decision is made.
type Input struct {
	// Passed tells that every check of an alias itself passes; true without one. Values carry their own checks.
	Passed   bool
	Families [Families]FamilyInput
}

// FamilyInput is the part of an Input for one family; the zero value is a record without anything of that family.
type FamilyInput struct {
	Values []bool // the health of each value
	Inner  *Plan  // for an alias: the plan of its target; nil where no record of that could ever answer
	// Guessed is how many of the healthy values (for an alias, 1 for what its target answers) are healthy only because
	// nothing is known of them yet.
	Guessed int
}

// Decision is what a set answers until health changes.
type Decision struct {
	// Plans by family; nil for a family that no record of the set has anything of.
	Plans [Families]*Plan
	// Active is the index of the tier that a failover set is on, -1 for none and for other policies.
	Active int
}

// Memory is what a set must remember between decisions. The zero value remembers nothing.
type Memory struct {
	active     int             // failover: the tier it is on, plus one; 0 for none
	since      []time.Time     // failover with Failback.After: since when each tier is healthy, zero for not
	last       [Families]*Plan // AllDown Last: the plan when something was last healthy
	lastActive int             // failover: the tier of last
	Wake       time.Time       // when to decide again though no health changed; zero for never
}

// Active returns the index of the tier a failover set is on, or -1.
func (m Memory) Active() int { return m.active - 1 }

// Freed is the memory of a failover set that is not kept on the tier it is on any more: it takes the best healthy one
// with its next decision, whatever its Failback says.
func (m Memory) Freed() Memory {
	m.active = 0
	return m
}

// Moved is the memory for a set whose records changed on a reload: n of them now, and where each of the old ones is
// among them (-1: nowhere). The last healthy answers are kept only if the records are the same.
func (m Memory) Moved(n int, index func(old int) int, same bool) Memory {
	var moved Memory
	if on := m.Active(); on >= 0 {
		moved.active = index(on) + 1
	}
	for old, since := range m.since {
		if i := index(old); i >= 0 {
			if moved.since == nil {
				moved.since = make([]time.Time, n)
			}
			moved.since[i] = since
		}
	}
	if same {
		moved.last, moved.lastActive = m.last, m.lastActive
	}
	return moved
}

// Decide compiles what set answers. Inputs stand in the order of set.Records. It changes none of its arguments.
func Decide(set *Set, inputs []Input, memory Memory, now time.Time) (Decision, Memory) {
	if set.Kind == Failover {
		return decideFailover(set, inputs, memory, now)
	}
	decision := Decision{Active: -1}
	for f := range set.Families {
		plan := decideFamily(set, inputs, f, memory.last[f])
		decision.Plans[f] = plan
		if set.AllDown == Last && Proven(set, inputs, f) {
			memory.last[f] = plan
		}
	}
	return completed(set, decision, memory.last), memory
}

// proven tells that something of a family is known to be healthy in a record: what merely counts as healthy until it is
// known is not worth remembering (R19).
func proven(set *Set, r, family int, in *Input) bool {
	part := &in.Families[family]
	switch {
	case state(set, r, family, in) != Alive:
		return false
	case set.Records[r].Alias:
		return part.Guessed == 0
	}
	known := -part.Guessed
	for _, ok := range part.Values {
		if ok {
			known++
		}
	}
	return known >= set.Min.need(len(part.Values))
}

// Proven tells that some record of the set is known to be healthy in a family.
func Proven(set *Set, inputs []Input, family int) bool {
	for r := range inputs {
		if proven(set, r, family, &inputs[r]) {
			return true
		}
	}
	return false
}

// completed gives a family that nothing is there of, ever or as things stand, a share in what AllDown says of the whole
// set: with nothing healthy in the other family, it is all down too, and else it is empty. "last" is what the set then
// answered for it.
func completed(set *Set, decision Decision, last [Families]*Plan) Decision {
	down, up := false, false
	for f := range set.Families {
		if plan := decision.Plans[f]; plan != nil {
			down = down || plan.AllDown
			up = up || !plan.AllDown && plan.Status != Absent
		}
	}
	for f, plan := range decision.Plans[:set.Families] {
		if up && plan != nil && plan.AllDown && plan.Void {
			decision.Plans[f] = &Plan{Outcome: AnswerNoData, Status: Absent}
		}
	}
	switch set.AllDown {
	case Fixed, ServFail, Refuse, Next, Last:
	default:
		return decision // an empty answer would stay empty
	}
	for f, plan := range decision.Plans[:set.Families] {
		if plan != nil && (plan.AllDown || plan.Status != Absent) {
			continue
		}
		switch {
		case down && !up && (set.AllDown != Last || last[f] != nil && last[f].Status != Absent):
			plan = allDown(set.AllDown, last[f], nil)
			plan.Status = Absent // an alias has nothing to go by here
		case plan == nil && set.AllDown != Last:
			plan = &Plan{Outcome: AnswerNoData, Status: Absent}
		}
		decision.Plans[f] = plan
	}
	return decision
}

// state is the health of one record for one family:
//
//	record                              state
//	nothing of the family               Absent
//	alias, its target Absent            Absent
//	alias, own check fails              Dead (A04)
//	alias, evaluate off                 Alive (A03)
//	alias                               as its target (A01)
//	values, enough of them healthy      Alive (R17)
//	values, too few of them healthy     Dead
func state(set *Set, r, family int, in *Input) Status {
	record, part := &set.Records[r], &in.Families[family]
	if record.Alias {
		switch {
		case part.Inner == nil || part.Inner.Status == Absent:
			return Absent
		case !in.Passed:
			return Dead
		case record.EvaluateOff:
			return Alive
		}
		return part.Inner.Status
	}
	if len(part.Values) == 0 {
		return Absent
	}
	healthy := 0
	for _, ok := range part.Values {
		if ok {
			healthy++
		}
	}
	if healthy >= set.Min.need(len(part.Values)) {
		return Alive
	}
	return Dead
}

// choice is record r as it would be answered: its healthy values, or all of them when none is healthy (R17, R06).
func choice(set *Set, r, family int, in *Input) Choice {
	part := &in.Families[family]
	if set.Records[r].Alias {
		return Choice{Record: r, Inner: part.Inner}
	}
	values := make([]int, 0, len(part.Values))
	for i, ok := range part.Values {
		if ok {
			values = append(values, i)
		}
	}
	if len(values) == 0 {
		for i := range part.Values {
			values = append(values, i)
		}
	}
	return Choice{Record: r, Values: values}
}

// has tells whether any record of the set could ever answer the family.
func has(inputs []Input, family int) bool {
	for i := range inputs {
		if part := &inputs[i].Families[family]; len(part.Values) > 0 || part.Inner != nil {
			return true
		}
	}
	return false
}

// decideFamily decides for the policies that judge each family by itself (R18).
func decideFamily(set *Set, inputs []Input, family int, last *Plan) *Plan {
	if !has(inputs, family) {
		return nil
	}
	var alive, present, filled []int
	for r := range inputs {
		switch state(set, r, family, &inputs[r]) {
		case Alive:
			alive = append(alive, r)
			present = append(present, r)
		case Dead:
			present = append(present, r)
			if !empty(&inputs[r], family) {
				filled = append(filled, r)
			}
		}
	}
	switch {
	case len(alive) > 0:
		plan := choose(set, inputs, family, alive)
		plan.Status = Alive
		return plan
	case len(present) == 0:
		return &Plan{Outcome: AnswerNoData, Status: Absent}
	}
	return fallen(set, inputs, family, last, func() *Plan {
		if len(filled) > 0 {
			return choose(set, inputs, family, filled)
		}
		plan := choose(set, inputs, family, present)
		plan.Empty = true
		return plan
	})
}

// fallen is the plan of a set of which nothing is healthy in a family.
func fallen(set *Set, inputs []Input, family int, last *Plan, serve func() *Plan) *Plan {
	plan := allDown(set.AllDown, last, serve)
	plan.Void = set.AllDown != Last || last == nil
	for r := range inputs {
		if state(set, r, family, &inputs[r]) == Dead {
			inner := inputs[r].Families[family].Inner
			plan.Void = plan.Void && inner != nil && inner.Void
		}
	}
	return plan
}

// empty tells that a record has nothing to answer with, and so no share in what is answered when all is down.
func empty(in *Input, family int) bool {
	inner := in.Families[family].Inner
	return inner != nil && inner.Empty
}

// allDown is the plan of a set in which nothing is healthy; serve makes the one of R06.
func allDown(way AllDown, last *Plan, serve func() *Plan) *Plan {
	plan := Plan{Status: Dead}
	switch way {
	case NoData:
		plan.Outcome = AnswerNoData
	case ServFail:
		plan.Outcome = AnswerServFail
	case Refuse:
		plan.Outcome = AnswerRefused
	case Next:
		plan.Outcome = AnswerNext
	case Fixed:
		plan.Outcome = AnswerFixed
	case Last:
		if last != nil {
			plan = *last
			break
		}
		plan = *serve() // nothing was ever healthy
	default:
		plan = *serve()
	}
	plan.Status, plan.AllDown = Dead, true
	return &plan
}

// choose applies the policy to the given records, which all count as healthy.
func choose(set *Set, inputs []Input, family int, records []int) *Plan {
	plan := &Plan{Take: 1, Shuffled: set.Kind == Multivalue || set.Kind == Static}
	switch set.Kind {
	case Weighted:
		records, plan.sums = byWeight(set, records)
	case Multivalue:
		plan.Take = min(set.Max, len(records))
	case Static:
		plan.Take = len(records)
	}
	plan.Choices = make([]Choice, len(records))
	for i, r := range records {
		plan.Choices[i] = choice(set, r, family, &inputs[r])
	}
	return plan
}
