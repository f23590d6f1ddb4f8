package failover

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Sets implements admin.Backend.
func (backend) Sets(q admin.SetQuery) (api.Sets, error) {
	d := listed.get()
	page := api.Sets{Sets: []api.Set{}}
	name, zoneName := strings.ToLower(q.Match), ""
	if name != "" && !strings.HasSuffix(name, ".") && !strings.HasSuffix(name, "*") {
		name += "."
	}
	if q.Zone != "" {
		zoneName = dns.Fqdn(strings.ToLower(q.Zone))
	}
	from, _ := slices.BinarySearchFunc(d.sets, q.After, func(e setEntry, after string) int {
		return cmp.Or(cmp.Compare(e.key, after), -1)
	})
	if q.After == "" {
		from = 0
	}
	last := ""
	for ; from < len(d.sets); from++ {
		e := &d.sets[from]
		c := e.set.Config
		if name != "" && !health.Pattern(name).Match(c.Name, "") || zoneName != "" && c.Zone.Name != zoneName ||
			q.Type != "" && !answersType(c, q.Type) || q.Trouble && !isAllDown(e.set) && !hasFailedOver(e.set) {
			continue
		}
		// Sets of one name, of several server blocks, are not parted: the place in the list is by name.
		if len(page.Sets) >= q.Limit && e.key != last {
			page.Next = last
			break
		}
		last = e.key
		page.Sets = append(page.Sets, shownSet(e))
	}
	return page, nil
}

func answersType(c *corefile.Set, text string) bool {
	types := typesOf(c)
	return strings.EqualFold(types, text) || slices.ContainsFunc(strings.Split(types, "/"), func(t string) bool {
		return strings.EqualFold(t, text)
	})
}

// shownSet is a set as it stands.
func shownSet(e *setEntry) api.Set {
	now := time.Now()
	s := e.runner.index.Situation(e.set, nil, now)
	c := e.set.Config
	shown := api.Set{
		Zone: c.Zone.Name, Name: c.Name, Type: typesOf(c), Policy: c.Kind.String(), TTL: s.TTL, Settled: s.Settled,
		Records: make([]api.Record, len(c.Records)),
	}
	if active := s.Set.Active(); active != nil {
		shown.Active = active.ID
	}
	for i, r := range c.Records {
		shown.Records[i].ID = r.ID
		if c.Kind == policy.Weighted {
			shown.Records[i].Weight = &r.Weight
		}
		if r.Alias != nil {
			shown.Records[i].Alias = r.Alias.Name
			var checks []*health.Expression
			if r.Alias.Check != nil {
				checks = append(checks, r.Alias.Check)
			}
			if r.Alias.Outside != nil {
				checks = append(checks, r.Alias.Outside.Check())
			}
			shown.Records[i].Checks = idsOf(e.runner.config, checks)
		}
	}
	dead := make([]bool, len(c.Records))
	for f, rrtype := range c.Types() {
		plan := s.Decision.Plans[f]
		if plan == nil {
			continue
		}
		shown.AllDown = shown.AllDown || plan.AllDown
		for i, reason := range policy.Reasons(s.Shape(), s.Inputs, s.Memory, s.Decision, f) {
			record := &shown.Records[i]
			record.Healthy = record.Healthy || reason.State == policy.Alive
			dead[i] = dead[i] || reason.State == policy.Dead
			if reason.Fate == policy.Waiting && shown.FailbackWaits == "" {
				shown.FailbackWaits, shown.FailbackAt = record.ID, timeOrNil(reason.Until)
			}
			record.Values = append(record.Values, shownValues(e.runner.config, c.Records[i], f, rrtype, s)...)
			record.Values = append(record.Values, shownFound(c.Records[i], s.Target(i, f), f, rrtype)...)
		}
		if plan.Outcome != policy.Answer {
			continue
		}
		for i, choice := range plan.Choices {
			numerator, denominator := plan.Odds(i)
			record := &shown.Records[choice.Record]
			record.Odds = max(record.Odds, float64(numerator)/float64(denominator))
		}
	}
	for i := range dead {
		// A tier of two families is healthy while both are (R18).
		shown.Records[i].Healthy = shown.Records[i].Healthy && (c.Kind != policy.Failover || !dead[i])
	}
	return shown
}

func shownValues(config *corefile.Config, r *corefile.Record, f int, rrtype uint16, s *zone.Situation) []api.Value {
	values, checks := r.Values(f), r.Checks(f)
	shown := make([]api.Value, len(values))
	for i, rr := range values {
		shown[i] = api.Value{
			Data: strings.TrimPrefix(rr.String(), rr.Header().String()), Type: dns.Type(rrtype).String(), Healthy: true,
		}
		if checks != nil {
			shown[i].Healthy = checks[i].Evaluate(s.Status).Healthy
			shown[i].Checks = idsOf(config, checks[i:i+1])
		}
	}
	return shown
}

// shownFound shows what was found for an alias to a name outside the record sets.
func shownFound(r *corefile.Record, target *zone.Situation, f int, rrtype uint16) []api.Value {
	if target == nil || r.Alias == nil || r.Alias.Outside == nil {
		return nil
	}
	o, found := target.Set.Outside()
	healthy := o.Check().Evaluate(target.Status).Healthy
	addrs := found.Now[r.Alias.Family[f]].Addrs
	shown := make([]api.Value, len(addrs))
	for i, addr := range addrs {
		shown[i] = api.Value{Data: addr.String(), Type: dns.Type(rrtype).String(), Healthy: healthy}
	}
	return shown
}

// idsOf names the checks of expressions: the nearest that have a name.
func idsOf(config *corefile.Config, all []*health.Expression) []string {
	var ids []string
	for _, e := range all {
		switch leaf := int(e.Leaf); {
		case leaf >= len(config.Checks):
			ids = append(ids, config.Combined[leaf-len(config.Checks)])
		case leaf != health.Unnamed:
			c := &config.Checks[leaf]
			ids = append(ids, c.Names[0]+"@"+c.Probe.Target())
		case e.Combination != nil:
			ids = append(ids, idsOf(config, e.Children)...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Failback implements admin.Backend.
func (backend) Failback(asked api.NewFailback) (api.Failback, error) {
	sets, err := failoverSets(asked.Name, asked.Type)
	if err != nil {
		return api.Failback{}, err
	}
	var done api.Failback
	for i, e := range sets {
		from, to := e.runner.index.FailBack(e.set, time.Now())
		e.runner.nudge()
		if from == nil || to == nil {
			return done, &admin.Refusal{Status: http.StatusConflict, Text: "no record of the set is healthy"}
		}
		c := e.set.Config
		if i == 0 || done.From == done.To {
			done = api.Failback{Zone: c.Zone.Name, Name: c.Name, Type: typesOf(c), From: from.ID, To: to.ID}
		}
	}
	return done, nil
}

// failoverSets finds the failover set of a name, and a type where there are several: more than one only where server
// blocks have the same.
func failoverSets(name, rrtype string) ([]setEntry, error) {
	d := listed.get()
	full, err := corefile.Canonical(name)
	if err != nil {
		return nil, &admin.Refusal{Status: http.StatusBadRequest, Field: "name", Text: "it is not a domain name"}
	}
	from, _ := slices.BinarySearchFunc(d.sets, full+" ", func(e setEntry, key string) int { return cmp.Compare(e.key, key) })
	var found []setEntry
	known := false
	for ; from < len(d.sets) && d.sets[from].set.Config.Name == full; from++ {
		e := d.sets[from]
		known = true
		if e.set.Config.Kind != policy.Failover || rrtype != "" && !answersType(e.set.Config, rrtype) {
			continue
		}
		if len(found) > 0 && found[0].key != e.key {
			return nil, &admin.Refusal{
				Status: http.StatusBadRequest, Field: "type", Text: "the name has several failover sets; say which",
			}
		}
		found = append(found, e)
	}
	switch {
	case len(found) > 0:
		return found, nil
	case known:
		return nil, &admin.Refusal{Status: http.StatusBadRequest, Field: "name", Text: "it has no such failover set"}
	}
	return nil, &admin.Refusal{Status: http.StatusNotFound, Field: "name", Text: "there is no such record set"}
}
