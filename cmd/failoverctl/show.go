package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// show writes an overview for people.
func (o *overview) show(t *term.Terminal) {
	now := o.Status.Now
	o.showServer(t)
	if len(o.Sets) > 0 {
		t.Line("")
		t.Table(setTable(o.Sets, now))
		if o.MoreSets {
			t.Line("and more: name some, or --limit 0 for all")
		}
	}
	if o.detailed {
		for i := range o.Sets {
			t.Line("")
			s := &o.Sets[i]
			t.Line("%s %s", t.Paint(term.Bold, s.Name), term.Clean(s.Type))
			t.Table(recordTable(s))
		}
	}
	if len(o.Checks) > 0 {
		t.Line("")
		t.Table(checkTable(o.Checks, now))
	}
	if o.detailed {
		for i := range o.Checks {
			if c := &o.Checks[i]; len(c.Sets) > 0 && len(o.Sets) == 0 {
				t.Line("%s decides on %s", term.Clean(c.ID), term.Clean(some(c.Sets, ", ")))
			}
		}
	}
	if o.MoreChecks {
		if o.detailed {
			t.Line("and more: --limit 0 for all")
		} else {
			t.Line("and more, that are healthy: name some, or --limit 0 for all")
		}
	}
	if len(o.Manual) > 0 {
		t.Line("")
		t.Table(manualTable(o.Manual, now))
	}
}

func (o *overview) showServer(t *term.Terminal) {
	s := &o.Status
	ready := t.Paint(term.Green, "ready")
	if !s.Ready {
		ready = t.Paint(term.Yellow, "not ready yet")
	}
	t.Line("%s, %s, started %s ago", term.Clean(s.Version), ready, term.Short(s.Now.Sub(s.Started)))
	sets := plural(s.Sets.All, "record set")
	if s.Sets.FailedOver > 0 {
		sets += ", " + t.Paint(term.Yellow, fmt.Sprintf("%d failed over", s.Sets.FailedOver))
	}
	if s.Sets.AllDown > 0 {
		sets += ", " + t.Paint(term.Red, fmt.Sprintf("%d with nothing healthy", s.Sets.AllDown))
	}
	t.Line("%s", sets)
	n := &s.Checks
	checks := []string{plural(n.Healthy+n.Unhealthy+n.Unknown, "check")}
	for _, count := range []struct {
		n      int
		what   string
		colour term.Colour
	}{
		{n.Unhealthy, "unhealthy", term.Red}, {n.Unknown, "unknown", term.Yellow}, {n.Held, "held", term.Yellow},
	} {
		if count.n > 0 {
			checks = append(checks, t.Paint(count.colour, fmt.Sprintf("%d %s", count.n, count.what)))
		}
	}
	if s.Manual > 0 {
		checks = append(checks, t.Paint(term.Yellow, plural(s.Manual, "manual state")))
	}
	t.Line("%s", strings.Join(checks, ", "))
	if s.Isolated {
		t.Line("%s", t.Paint(term.Red, "this server seems to be cut off: what fails is not believed"))
	}
	if s.StateFile != "" {
		t.Line("%s", t.Paint(term.Red, "state file: "+s.StateFile))
	}
}

func setTable(sets []api.Set, now time.Time) *term.Table {
	table := term.NewTable("RECORD SET", "TYPE", "POLICY", "STATE", "ANSWERS", "TTL")
	for i := range sets {
		s := &sets[i]
		table.Row(s.Name, s.Type, s.Policy, setState(s, now), answers(s), strconv.FormatUint(uint64(s.TTL), 10))
	}
	return table
}

// setState is a record set in a word or two.
func setState(s *api.Set, now time.Time) term.Text {
	switch {
	case s.AllDown:
		return term.Text{Text: "all down", Colour: term.Red}
	case s.FailbackWaits != "" && s.FailbackAt != nil:
		text := fmt.Sprintf("back to %s at %s", s.FailbackWaits, term.At(*s.FailbackAt, now))
		return term.Text{Text: text, Colour: term.Yellow}
	case s.FailbackWaits != "":
		return term.Text{Text: "back to " + s.FailbackWaits + " when told", Colour: term.Yellow}
	case s.Active != "" && len(s.Records) > 0 && s.Active != s.Records[0].ID:
		return term.Text{Text: "failed over", Colour: term.Yellow}
	case !s.Settled:
		return term.Text{Text: "unsettled", Colour: term.Yellow}
	}
	return term.Text{Text: "settled", Colour: term.Green}
}

// answers says which records are given out: the active one, or those that have odds.
func answers(s *api.Set) string {
	if s.Active != "" {
		return s.Active
	}
	var ids []string
	for _, r := range s.Records {
		if r.Odds > 0 {
			ids = append(ids, r.ID)
		}
	}
	return some(ids, " ")
}

// some are the first few of a list.
func some(list []string, separator string) string {
	const most = 4
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], separator), more)
	}
	return strings.Join(list, separator)
}

func recordTable(s *api.Set) *term.Table {
	table := term.NewTable("RECORD", "HEALTH", "ODDS", "VALUE", "CHECKS")
	for _, r := range s.Records {
		if r.Alias != "" || len(r.Values) == 0 {
			value := ""
			if r.Alias != "" {
				value = "alias " + r.Alias
			}
			table.Row(r.ID, health(r.Healthy), percent(r.Odds), value, strings.Join(r.Checks, " "))
		}
		for i, v := range r.Values {
			id, odds := r.ID, percent(r.Odds)
			if i > 0 || r.Alias != "" {
				id, odds = " ", " "
			}
			data := v.Data
			if v.Type != s.Type && v.Type != "A" && v.Type != "AAAA" {
				data = v.Type + " " + data
			}
			table.Row(id, health(v.Healthy), odds, data, strings.Join(v.Checks, " "))
		}
	}
	return table
}

func health(is bool) term.Text {
	if is {
		return ofState(api.Healthy)
	}
	return ofState(api.Unhealthy)
}

func checkTable(checks []api.Check, now time.Time) *term.Table {
	table := term.NewTable("CHECK", "STATE", "SINCE", "PROBED", "WHY")
	for i := range checks {
		c := &checks[i]
		probed := ""
		if c.Last != nil {
			probed = ago(&c.Last.At, now)
		}
		since := ago(c.Since, now)
		if c.Manual != nil {
			since = ago(&c.Manual.Since, now)
		}
		table.Row(c.ID, ofState(c.State), since, probed, why(c))
	}
	return table
}

// why says what makes a check what it is.
func why(c *api.Check) string {
	var parts []string
	if c.Manual != nil {
		parts = append(parts, fmt.Sprintf("by hand of %s: %s", c.Manual.Author, c.Manual.Reason))
		if c.Real != "" {
			parts = append(parts, "else "+c.Real)
		}
	}
	if c.Held {
		parts = append(parts, "held: its failures are not believed")
	} else if c.Streak {
		parts = append(parts, "about to change")
	}
	if c.Detail != "" {
		parts = append(parts, c.Detail)
	} else if c.Reason != "" && c.Reason != "ok" {
		parts = append(parts, c.Reason)
	}
	if last := c.Last; last != nil && last.Outcome == "indeterminate" {
		parts = append(parts, fmt.Sprintf("the last probe tells nothing (%s): %s", last.Reason, last.Detail))
	}
	return strings.Join(parts, "; ")
}

func manualTable(manual []api.Manual, now time.Time) *term.Table {
	table := term.NewTable("MANUAL STATE", "ID", "STATE", "CHECKS", "BY", "ENDS", "REASON")
	for i := range manual {
		m := &manual[i]
		table.Row(m.Checks, strconv.FormatUint(m.ID, 10), ofState(m.State), strconv.Itoa(m.Matches), m.Author, ends(m, now), m.Reason)
	}
	return table
}
