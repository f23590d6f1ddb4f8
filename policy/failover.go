package policy

import "time"

// decideFailover picks one tier for all families (R10, R18).
//
//	tiers                                                answer
//	some wholly healthy (no family of theirs Dead)       the first of those
//	none wholly, some with a healthy family              the first of those; its dead families are NODATA
//	none, but some with a dead family                    by AllDown; "serve" is the first of those: the primary, or
//	                                                     the first that has something to answer with (A08)
//	all Absent                                           NODATA
//
// Failback may keep the set on a worse tier while that is healthy (R21). A family that the tier has nothing of is
// NODATA.
func decideFailover(set *Set, inputs []Input, memory Memory, now time.Time) (Decision, Memory) {
	healthy, served := healthyTiers(set, inputs)
	memory.track(set, healthy, now)
	tier := memory.tier(set, healthy, now)
	memory.active = tier + 1
	switch {
	case tier >= 0:
		decision := eachFamily(set, inputs, tier, func(f int) *Plan { return tierPlan(set, inputs, f, tier) })
		if in := &inputs[tier]; set.AllDown == Last && (proven(set, tier, 0, in) || proven(set, tier, 1, in)) {
			memory.last, memory.lastActive = decision.Plans, tier
		}
		return completed(set, decision, memory.last), memory
	case served < 0:
		return eachFamily(set, inputs, -1, func(int) *Plan {
			return &Plan{Outcome: AnswerNoData, Status: Absent}
		}), memory
	}
	active := -1
	switch {
	case set.AllDown == Serve:
		active = served
	case set.AllDown == Last && memory.last == [Families]*Plan{}:
		active = served
	case set.AllDown == Last:
		active = memory.lastActive
	}
	return completed(set, eachFamily(set, inputs, active, func(f int) *Plan {
		if active >= 0 && state(set, active, f, &inputs[active]) == Absent {
			return tierPlan(set, inputs, f, active) // as it is while the tier is healthy
		}
		return fallen(set, inputs, f, memory.last[f], func() *Plan { return servedTier(set, inputs, f, served) })
	}), memory.last), memory
}

// eachFamily is the decision with a plan for every family that the set could ever answer.
func eachFamily(set *Set, inputs []Input, active int, plan func(family int) *Plan) Decision {
	decision := Decision{Active: active}
	for f := range set.Families {
		if has(inputs, f) {
			decision.Plans[f] = plan(f)
		}
	}
	return decision
}

// healthyTiers tells which tiers may be taken: the wholly healthy ones or, with none, those with a healthy family; and
// which is served when there is none of either, the first that has anything: -1 if none has.
func healthyTiers(set *Set, inputs []Input) (healthy []bool, served int) {
	whole, partly := make([]bool, len(inputs)), make([]bool, len(inputs))
	anyWhole, anyFilled := false, false
	served = -1
	for t := range inputs {
		alive, dead, filled := false, false, false
		for f := range set.Families {
			switch state(set, t, f, &inputs[t]) {
			case Alive:
				alive = true
			case Dead:
				dead = true
				filled = filled || !empty(&inputs[t], f)
			}
		}
		if served < 0 && (alive || dead) || filled && !anyFilled {
			served, anyFilled = t, filled
		}
		partly[t], whole[t] = alive, alive && !dead
		anyWhole = anyWhole || whole[t]
	}
	if anyWhole {
		return whole, served
	}
	return partly, served
}

// tierPlan is what a tier answers for a family while the tier is healthy.
func tierPlan(set *Set, inputs []Input, family, tier int) *Plan {
	switch state(set, tier, family, &inputs[tier]) {
	case Alive:
		plan := servedTier(set, inputs, family, tier)
		plan.Status = Alive
		return plan
	case Dead:
		return &Plan{Outcome: AnswerNoData, Status: Dead}
	}
	return &Plan{Outcome: AnswerNoData, Status: Absent}
}

// servedTier is what a tier answers for a family when it counts as healthy.
func servedTier(set *Set, inputs []Input, family, tier int) *Plan {
	return &Plan{
		Take: 1, Choices: []Choice{choice(set, tier, family, &inputs[tier])}, Empty: empty(&inputs[tier], family),
	}
}

// track notes since when each tier has been healthy without a break.
func (m *Memory) track(set *Set, healthy []bool, now time.Time) {
	m.Wake = time.Time{}
	if set.Failback.After == 0 {
		return
	}
	since := make([]time.Time, len(healthy)) // a copy: decisions are pure
	for t, ok := range healthy {
		switch {
		case !ok:
		case t < len(m.since) && !m.since[t].IsZero():
			since[t] = m.since[t]
		default:
			since[t] = now
		}
	}
	m.since = since
}

// tier picks among the healthy tiers, -1 when there is none, and sets Wake where waiting alone could change the pick.
//
//	the tier it is on    better healthy tier    failback      pick
//	none, or unhealthy   any                    any           the first healthy
//	healthy              none                   any           stays
//	healthy              yes                    auto          the first healthy
//	healthy              yes                    manual        stays
//	healthy              yes                    D             the first healthy for D or longer, else stays
func (m *Memory) tier(set *Set, healthy []bool, now time.Time) int {
	first := -1
	for t, ok := range healthy {
		if ok {
			first = t
			break
		}
	}
	on := m.active - 1
	back := set.Failback
	if on < 0 || on >= len(healthy) || !healthy[on] || first == on || (!back.Manual && back.After == 0) {
		return first
	}
	if back.Manual {
		return on
	}
	for t := first; t < on; t++ {
		if !healthy[t] {
			continue
		}
		due := m.since[t].Add(back.After)
		if !now.Before(due) {
			return t // Wake, if set, is for a still better tier
		}
		if m.Wake.IsZero() || due.Before(m.Wake) {
			m.Wake = due
		}
	}
	return on
}
