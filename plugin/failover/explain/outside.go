package explain

import (
	"fmt"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// outside explains an alias to a name outside the record sets: what it is looked up as, and what was found.
func (c *candidate) outside(target *zone.Situation) string {
	alias := c.now.Set.Config.Records[c.record].Alias
	o, found := target.Set.Outside()
	look := c.explainer.check(o.Check(), c.now.Status)
	own := c.Checks
	c.Checks = append(c.Checks[:len(own):len(own)], look)
	for _, addr := range found.Now[alias.Family[c.family]].Addrs {
		c.Values = append(c.Values, api.ExplainedValue{
			Data: addr.String(), Healthy: look.Healthy, Settled: target.Settled, Answered: c.choice != nil,
		})
	}
	c.note("A08")
	switch {
	case c.reason.State == policy.Absent:
		c.note("R18")
		if !found.Any() {
			return "had an address of the other type only: " + c.explainer.foundOf(o.Name, found)
		}
		return "has an address of the other type only: " + c.explainer.foundOf(o.Name, found)
	case !c.now.Inputs[c.record].Passed:
		c.note("A04")
		return blames(own, "")
	case alias.EvaluateOff:
		c.note("A03")
		return "evaluate off: counts as healthy whatever " + o.Name + " has"
	case found.Any() && !look.Healthy:
		return blame(&look, "")
	}
	if len(own) > 0 {
		c.note("A04")
	}
	return c.explainer.foundOf(o.Name, found)
}

// foundOf says what was found of a name.
func (e *explainer) foundOf(name string, found *lookup.Found) string {
	since := ""
	if !found.Since.IsZero() {
		since = " since " + api.Clock(found.Since, e.now)
	}
	switch {
	case !found.Answered && found.Nobody:
		return "no other plugin knows " + name
	case !found.Answered:
		return "no look-up of " + name + " was answered yet"
	case found.NXDomain:
		return name + " does not exist" + since
	case !found.Any():
		return name + " has no address" + since
	}
	n := len(found.Now[0].Addrs) + len(found.Now[1].Addrs)
	if n == 1 {
		return name + " has an address" + since
	}
	return fmt.Sprintf("%s has %d addresses%s", name, n, since)
}

// elsewhere explains a name of no zone here that a CNAME leads to.
func (e *explainer) elsewhere(s *api.ExplainedStep, name string) result {
	e.note(&s.Statements, "D03")
	known := e.index.Elsewhere(name)
	if known == nil || known.Nobody {
		as(s, api.AnswerElsewhere, "the name is not of a zone here; the server is asked for it, and what it says is added")
		return sure(api.AnswerElsewhere, dns.RcodeSuccess, nil, nil)
	}
	kind, rcode := api.AnswerRecords, dns.RcodeSuccess
	if known.NXDomain {
		kind, rcode = api.AnswerNXDomain, dns.RcodeNameError
	}
	if e.index.Withhold {
		as(s, api.AnswerElsewhere, "the name is not of a zone here; nothing is added of it, since it may not be for everybody (acl)")
		return sure(kind, rcode, nil, nil)
	}
	family, addresses := zone.AddressFamily(e.question.Type)
	switch {
	case addresses && len(known.Records[family]) > 0:
		as(s, api.AnswerElsewhere, "the name is not of a zone here; what other plugins said of it, in the background, is added")
		return sure(kind, rcode, known.Records[family], nil)
	case known.NXDomain:
		as(s, api.AnswerElsewhere, "the name is not of a zone here; by what other plugins said, in the background, it does not exist")
	case addresses:
		as(s, api.AnswerElsewhere, "the name is not of a zone here; in the background, other plugins said nothing that could be added")
	default:
		as(s, api.AnswerElsewhere, "the name is not of a zone here; in the background, only addresses are asked for")
	}
	return sure(kind, rcode, nil, nil)
}
