package policy

import (
	"slices"
	"time"
)

// Kept is a Memory as plain data, to be written down and read again.
type Kept struct {
	Active     int                 `json:"active"`          // -1 for none
	Since      []time.Time         `json:"since,omitempty"` // by record, zero for not healthy
	Last       [Families]*KeptPlan `json:"last"`
	LastActive int                 `json:"last_active"`
}

// KeptPlan is a Plan as plain data.
type KeptPlan struct {
	Outcome  Outcome      `json:"outcome"`
	Status   Status       `json:"status"`
	AllDown  bool         `json:"all_down,omitempty"`
	Shuffled bool         `json:"shuffled,omitempty"`
	Take     int          `json:"take,omitempty"`
	Choices  []KeptChoice `json:"choices,omitempty"`
	Sums     []uint64     `json:"sums,omitempty"`
}

// KeptChoice is a Choice as plain data.
type KeptChoice struct {
	Record int       `json:"record"`
	Values []int     `json:"values,omitempty"`
	Inner  *KeptPlan `json:"inner,omitempty"`
}

// Keep gives the memory as plain data.
func (m Memory) Keep() Kept {
	kept := Kept{Active: m.Active(), Since: slices.Clone(m.since), LastActive: m.lastActive}
	for f, plan := range m.last {
		kept.Last[f] = plan.keep()
	}
	return kept
}

func (p *Plan) keep() *KeptPlan {
	if p == nil {
		return nil
	}
	kept := &KeptPlan{
		Outcome: p.Outcome, Status: p.Status, AllDown: p.AllDown, Shuffled: p.Shuffled, Take: p.Take,
		Sums: slices.Clone(p.sums),
	}
	for _, c := range p.Choices {
		kept.Choices = append(kept.Choices, KeptChoice{c.Record, slices.Clone(c.Values), c.Inner.keep()})
	}
	return kept
}

// Memory gives the memory of a set of n records. Of what no such set could have kept it remembers nothing; whether the
// plans are about records that are there is for the caller to see to.
func (k Kept) Memory(n int) Memory {
	var m Memory
	if k.Active >= 0 && k.Active < n {
		m.active = k.Active + 1
	}
	if len(k.Since) == n && n > 0 {
		m.since = slices.Clone(k.Since)
	}
	if k.LastActive < -1 || k.LastActive >= n {
		return m
	}
	m.lastActive = k.LastActive
	for f, kept := range k.Last {
		plan, ok := kept.plan()
		if !ok {
			m.last, m.lastActive = [Families]*Plan{}, 0
			break
		}
		m.last[f] = plan
	}
	return m
}

// plan gives the plan, and whether it is one that can be drawn from, all the way down.
func (k *KeptPlan) plan() (*Plan, bool) {
	if k == nil {
		return nil, true
	}
	n := len(k.Choices)
	plan := &Plan{
		Outcome: k.Outcome, Status: k.Status, AllDown: k.AllDown, Shuffled: k.Shuffled, Take: k.Take,
		Choices: make([]Choice, n), sums: slices.Clone(k.Sums),
	}
	switch {
	case k.Outcome > AnswerFixed, k.Status > Alive:
		return nil, false
	case k.Outcome == Answer && (n == 0 || k.Take < 1 || k.Take > n):
		return nil, false
	case len(k.Sums) > 0 && (len(k.Sums) != n || k.Sums[n-1] == 0 || !slices.IsSorted(k.Sums)):
		return nil, false
	}
	for i, c := range k.Choices {
		inner, ok := c.Inner.plan()
		if !ok {
			return nil, false
		}
		plan.Choices[i] = Choice{Record: c.Record, Values: slices.Clone(c.Values), Inner: inner}
	}
	return plan, true
}

// Last gives the plans of when something was last healthy, by family: for who has to see whether they can be answered.
func (m Memory) Last() [Families]*Plan { return m.last }

// Forgetting is the memory without the last healthy answer, and without since when those tiers are healthy that are not
// kept.
func (m Memory) Forgetting(last bool, kept func(tier int, since time.Time) bool) Memory {
	if last {
		m.last, m.lastActive = [Families]*Plan{}, 0
	}
	m.since = slices.Clone(m.since)
	for t, since := range m.since {
		if !since.IsZero() && !kept(t, since) {
			m.since[t] = time.Time{}
		}
	}
	return m
}
