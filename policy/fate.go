package policy

import "time"

// Fate is what a decision makes of a record.
type Fate uint8

// The fates. All but Taken keep the record out of the answer.
const (
	Taken     Fate = iota + 1 // it is answered, or may be
	Missing                   // nothing of the family is there, or in an alias's target as things stand
	Unhealthy                 // too few values are healthy (R17), its check fails (A04), or its target is dead (A01)
	Reserve                   // weight 0 beside a record that takes part (R08)
	Worse                     // failover: the set is on a better tier (R10)
	Partial                   // failover: it is unhealthy in the other family, and some tier is wholly healthy (R18)
	Waiting                   // failover: better than the tier the set is on, and failback does not let it go there (R21)
	Outdated                  // healthy, and the decision is of a time when it was not
)

// Reason tells why a record has its fate.
type Reason struct {
	Fate  Fate
	State Status
	// Healthy of Values are, and Need have to be (R17); 0 for an alias.
	Healthy, Values, Need int
	// Until is when a Waiting tier will have been healthy for long enough, zero for never or not known.
	Until time.Time
}

// Reasons explains a decision for one family, which has a plan: a Reason for every record. The memory is that which
// came with the decision.
func Reasons(set *Set, inputs []Input, memory Memory, decision Decision, family int) []Reason {
	plan := decision.Plans[family]
	reasons := make([]Reason, len(inputs))
	whole, _ := healthyTiers(set, inputs)
	for r := range inputs {
		reason := &reasons[r]
		reason.State = state(set, r, family, &inputs[r])
		if values := inputs[r].Families[family].Values; !set.Records[r].Alias {
			reason.Values, reason.Need = len(values), set.Min.need(len(values))
			for _, ok := range values {
				if ok {
					reason.Healthy++
				}
			}
		}
		switch {
		case plan.takes(r):
			reason.Fate = Taken
		case reason.State == Absent:
			reason.Fate = Missing
		case set.Kind == Weighted && set.Records[r].Weight == 0 && plan.Outcome == Answer &&
			(reason.State == Alive || plan.AllDown):
			reason.Fate = Reserve
		case reason.State == Dead:
			reason.Fate = Unhealthy
		case set.Kind != Failover || decision.Active < 0 || decision.Active == r:
			reason.Fate = Outdated
		case !whole[r]:
			reason.Fate = Partial
		case r > decision.Active:
			reason.Fate = Worse
		case set.Failback == Failback{}:
			reason.Fate = Outdated
		default:
			reason.Fate = Waiting
			if set.Failback.After > 0 && r < len(memory.since) && !memory.since[r].IsZero() {
				reason.Until = memory.since[r].Add(set.Failback.After)
			}
		}
	}
	return reasons
}

// takes tells whether a record may be answered.
func (p *Plan) takes(record int) bool {
	if p.Outcome != Answer {
		return false
	}
	for i := range p.Choices {
		if p.Choices[i].Record == record {
			return true
		}
	}
	return false
}
