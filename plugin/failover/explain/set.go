package explain

import (
	"fmt"
	"slices"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// set explains a family of a record set. The plan is what is answered from it, nil for its own.
func (e *explainer) set(now *zone.Situation, family int, plan *policy.Plan) *api.ExplainedSet {
	config, shape := now.Set.Config, now.Shape()
	own := now.Decision.Plans[family]
	if plan == nil {
		plan = own
	}
	s := &api.ExplainedSet{
		Name: config.Name, Zone: config.Zone.Name, Type: dns.Type(config.Types()[family]).String(),
		Policy: config.Kind.String(), Min: config.Min.String(), AllDown: config.AllDown.String(),
		Down: plan.AllDown, Settled: now.Settled, TTL: now.TTL, Outcome: kindOf(plan.Outcome),
		Take: plan.Take, Pending: now.Pending, Remembered: !plan.Equal(own),
		Candidates: []api.ExplainedRecord{}, Statements: []string{},
	}
	if config.Kind == policy.Failover {
		s.Failback = config.Failback.String()
		if now.Decision.Active >= 0 {
			s.Active = config.Records[now.Decision.Active].ID
		}
	}
	s.Why = why(now, family, plan, s)
	reasons := policy.Reasons(shape, now.Inputs, now.Memory, now.Decision, family)
	for r := range config.Records {
		c := &candidate{
			ExplainedRecord: api.ExplainedRecord{ID: config.Records[r].ID, Statements: []string{}},
			explainer:       e, now: now, set: s, plan: plan, family: family, record: r, reason: reasons[r],
		}
		c.explain()
		s.Candidates = append(s.Candidates, c.ExplainedRecord)
	}
	e.note(&s.Statements, statements(now, family, plan, reasons)...)
	return s
}

// statements are those that a set goes by as a whole.
func statements(now *zone.Situation, family int, plan *policy.Plan, reasons []policy.Reason) (ids []string) {
	config := now.Set.Config
	switch config.Kind {
	case policy.Failover:
		ids = append(ids, "R10")
	case policy.Weighted:
		ids = append(ids, weighing(now, plan)...)
	case policy.Multivalue:
		ids = append(ids, "R12")
	}
	if len(config.Types()) > 1 {
		ids = append(ids, "R18")
	}
	switch {
	case plan.AllDown && config.AllDown == policy.Serve:
		ids = append(ids, "R06")
	case plan.AllDown:
		ids = append(ids, "R19")
	case alwaysHealthy(now, family, plan, reasons):
		ids = append(ids, "R07")
	}
	if plan.AllDown && slices.ContainsFunc(plan.Choices, func(c policy.Choice) bool { return c.Inner != nil }) {
		ids = append(ids, "A05")
	}
	if !now.Settled {
		ids = append(ids, "D10")
	}
	return ids
}

// weighing is what a draw by weight goes by.
func weighing(now *zone.Situation, plan *policy.Plan) []string {
	ids := []string{"R03", "R04"}
	heavy := 0
	records := now.Set.Config.Records
	for _, r := range records {
		if r.Weight > 0 {
			heavy++
		}
	}
	switch {
	case heavy == 0:
		ids = append(ids, "R05")
	case heavy < len(records) && plan.AllDown:
		ids = append(ids, "R09")
	case heavy < len(records):
		ids = append(ids, "R08")
	}
	return ids
}

// alwaysHealthy tells that only records without a check are answered, while others are unhealthy.
func alwaysHealthy(now *zone.Situation, family int, plan *policy.Plan, reasons []policy.Reason) bool {
	if plan.Outcome != policy.Answer {
		return false
	}
	for i := range plan.Choices {
		r := now.Set.Config.Records[plan.Choices[i].Record]
		if r.Alias != nil || checked(r.Checks(family)) {
			return false
		}
	}
	return slices.ContainsFunc(reasons, func(r policy.Reason) bool { return r.State == policy.Dead })
}

func checked(checks []*health.Expression) bool {
	return slices.ContainsFunc(checks, func(x *health.Expression) bool { return x != nil })
}

// why says what became of a set in one sentence.
func why(now *zone.Situation, family int, plan *policy.Plan, s *api.ExplainedSet) string {
	config := now.Set.Config
	switch {
	case plan.AllDown && plan.Status == policy.Absent:
		return "there is nothing of the type, and of the other nothing is healthy: all_down " + s.AllDown +
			" is for the whole set"
	case plan.AllDown && config.AllDown == policy.Serve:
		return "nothing is healthy, so all count as healthy (all_down serve)"
	case plan.AllDown && config.AllDown == policy.Last && now.Decision.Plans[family].AllDown:
		return "nothing is healthy: what was answered when something last was (all_down last)"
	case plan.AllDown:
		return "nothing is healthy: all_down " + s.AllDown
	case plan.Outcome == policy.AnswerNoData && plan.Status == policy.Dead:
		return fmt.Sprintf("the tier %s is taken for both types, and nothing of this one is healthy in it", s.Active)
	case plan.Outcome == policy.AnswerNoData && s.Active != "":
		return fmt.Sprintf("the tier %s is taken for both types, and has nothing of this one", s.Active)
	case plan.Outcome == policy.AnswerNoData:
		return "there is nothing of the type as things stand"
	}
	n := len(plan.Choices)
	switch {
	case config.Kind == policy.Failover:
		return "the set is on " + s.Active
	case n == 1:
		return "one record is in every answer"
	case plan.Take >= n:
		return fmt.Sprintf("%d records are in every answer", n)
	case plan.Take == 1:
		return fmt.Sprintf("one of %d records is drawn for each answer", n)
	}
	return fmt.Sprintf("%d of %d records are drawn for each answer", plan.Take, n)
}

// candidate is an ExplainedRecord in the making.
type candidate struct {
	api.ExplainedRecord

	explainer *explainer
	now       *zone.Situation
	set       *api.ExplainedSet
	plan      *policy.Plan
	family    int
	record    int
	reason    policy.Reason
	choice    *policy.Choice // nil for one that is dropped
}

func (c *candidate) note(statements ...string) { c.explainer.note(&c.Statements, statements...) }

func (c *candidate) explain() {
	config := c.now.Set.Config
	record := config.Records[c.record]
	c.Healthy = c.reason.State == policy.Alive
	c.Fate, c.Odds = api.FateDropped, api.Odds{Denominator: 1}
	if config.Kind == policy.Weighted {
		c.Weight = &record.Weight
	}
	if c.plan.Outcome == policy.Answer {
		for i := range c.plan.Choices {
			if c.plan.Choices[i].Record == c.record {
				c.choice = &c.plan.Choices[i]
				c.take(c.plan.Odds(i))
			}
		}
	}
	var state string
	if record.Alias != nil {
		state = c.alias()
	} else {
		state = c.values()
	}
	c.Why = c.fate(state)
}

// take notes the odds of a candidate that is not dropped.
func (c *candidate) take(numerator, denominator uint64) {
	c.Fate = api.FateCandidate
	if numerator == denominator {
		c.Fate = api.FateChosen
	}
	if common := gcd(numerator, denominator); common > 1 {
		numerator, denominator = numerator/common, denominator/common
	}
	c.Odds = api.Odds{
		Numerator: numerator, Denominator: denominator, Percent: 100 * float64(numerator) / float64(denominator),
	}
}

func gcd(a, b uint64) uint64 {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// values explains the values of a record, and says what they make of it.
func (c *candidate) values() string {
	record := c.now.Set.Config.Records[c.record]
	checks := record.Checks(c.family)
	rrs, healthy := record.Values(c.family), c.now.Inputs[c.record].Families[c.family].Values
	var faults []string
	unknown := false
	for i, rr := range rrs {
		v := api.ExplainedValue{Data: data(rr), Healthy: healthy[i], Settled: true}
		v.Answered = c.choice != nil && slices.Contains(c.choice.Values, i)
		if checks != nil && checks[i] != nil {
			verdict := checks[i].Evaluate(c.now.Status)
			v.Settled = verdict.Settled
			unknown = unknown || verdict.Healthy && !verdict.Known
			v.Checks = c.explainer.checks(checks[i], c.now.Status)
			if !v.Healthy {
				faults = append(faults, blames(v.Checks, v.Data))
			}
		}
		c.Values = append(c.Values, v)
	}
	if len(rrs) > 1 {
		c.note("R17")
	}
	switch {
	case len(rrs) == 0:
		return "has nothing of the type"
	case !checked(checks):
		c.note("R02")
		if c.now.Set.Config.Kind == policy.Failover && c.record > 0 && c.choice != nil {
			c.note("R11")
		}
		return "has no check, so it is healthy"
	}
	text := "healthy"
	if len(rrs) > 1 {
		text = fmt.Sprintf("%d of %d values healthy, min %d", c.reason.Healthy, c.reason.Values, c.reason.Need)
	} else if !c.Healthy {
		text = ""
	}
	if unknown {
		c.note("H01")
		text += ", as far as is known"
	}
	if len(faults) > 0 {
		if text != "" {
			text += ": "
		}
		text += several(faults)
	}
	return text
}

// alias explains an alias and the branch it leads to, and says what they make of it.
func (c *candidate) alias() string {
	alias := c.now.Set.Config.Records[c.record].Alias
	c.Alias, c.EvaluateOff = alias.Name, alias.EvaluateOff
	target := c.now.Target(c.record, c.family)
	var inner *policy.Plan
	if c.choice != nil {
		inner = c.choice.Inner
		c.note("A02", "A06")
	}
	c.Checks = c.explainer.checks(alias.Check, c.now.Status)
	if target == nil || target.Decision.Plans[alias.Family[c.family]] == nil {
		return "leads to nothing of the type"
	}
	if alias.Outside != nil {
		return c.outside(target)
	}
	c.Branch = c.explainer.set(target, alias.Family[c.family], inner)
	switch {
	case c.reason.State == policy.Absent:
		return "there is nothing of the type in " + alias.Name + " as things stand"
	case !c.now.Inputs[c.record].Passed:
		c.note("A04")
		return blames(c.Checks, "")
	case alias.EvaluateOff:
		c.note("A03")
		return "evaluate off: counts as healthy whatever is in " + alias.Name
	case c.reason.State == policy.Dead:
		c.note("A01", "A02")
		return "nothing is healthy in " + alias.Name
	}
	c.note("A01")
	if len(c.Checks) > 0 {
		c.note("A04")
	}
	return alias.Name + " has something healthy"
}

// fate says why the candidate has its fate, given what it is by itself.
func (c *candidate) fate(state string) string {
	active := "none"
	if c.set.Active != "" {
		active = c.set.Active
	}
	fate := c.reason.Fate
	switch {
	case c.choice != nil && fate != policy.Taken:
		c.note("R19")
		return state + "; answered since it was when something here was last healthy"
	case c.choice != nil && c.plan.AllDown:
		return state + "; " + c.set.Why
	case c.choice != nil:
		return state
	}
	switch fate {
	case policy.Reserve:
		return state + "; its weight 0 makes it a reserve for when the others are unhealthy"
	case policy.Worse:
		return state + "; the better tier " + active + " is taken"
	case policy.Partial:
		c.note("R18")
		return state + "; it is unhealthy for the other type, and some tier is healthy for both"
	case policy.Waiting:
		c.note("R21")
		if !c.reason.Until.IsZero() {
			c.Until = &c.reason.Until
		}
		return state + "; " + c.waits(active)
	case policy.Outdated, policy.Taken:
		if c.set.Remembered {
			c.note("R19")
			return state + "; not among what is remembered of when something was last healthy"
		}
		return state + "; the answers are not made anew yet"
	}
	return state
}

// waits says what a tier waits for.
func (c *candidate) waits(active string) string {
	back := c.now.Shape().Failback
	switch {
	case back.Manual:
		return "failback manual: the set stays on " + active + " until told, or until that fails"
	case c.Until == nil:
		return "waits for failback " + back.String()
	}
	return "waits for failback " + back.String() + " until " + api.Clock(*c.Until, c.explainer.now)
}
