package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// checks tells of what must all be healthy: the parts, where a line names several checks.
func (e *explainer) checks(x *health.Expression, status func(leaf int) health.Status) []api.ExplainedCheck {
	if x == nil {
		return nil
	}
	c := e.check(x, status)
	if c.ID == "" && c.AtLeast > 0 && c.AtLeast == len(c.Children) && !c.Inverted {
		return c.Children
	}
	return []api.ExplainedCheck{c}
}

func (e *explainer) check(x *health.Expression, status func(leaf int) health.Status) api.ExplainedCheck {
	c := api.ExplainedCheck{
		Healthy: x.Evaluate(status).Healthy, Inverted: x.Invert, Disabled: x.Disabled,
	}
	if x.Leaf != health.Unnamed {
		e.named(&c, int(x.Leaf), status(int(x.Leaf)))
	}
	if !x.Disabled && x.Kind == health.ExprAtLeast {
		c.AtLeast = x.AtLeast
		e.note(&c.Statements, "C01")
		for _, child := range x.Children {
			c.Children = append(c.Children, e.check(child, status))
		}
	}
	if x.Invert || x.Disabled {
		e.note(&c.Statements, "H10")
	}
	c.Called, c.Found = called(&c), e.found(&c)
	return c
}

// named tells of the check that has a leaf.
func (e *explainer) named(c *api.ExplainedCheck, leaf int, s health.Status) {
	if i := leaf - len(e.config.Checks); i >= 0 {
		c.Names = e.config.Combined[i : i+1]
		c.ID = c.Names[0]
	} else {
		config := &e.config.Checks[leaf]
		c.Names, c.Target = config.Names, config.Probe.Target()
		if len(c.Names) > 0 {
			c.ID = c.Names[0] + "@" + c.Target
		}
		c.State, c.Streak, c.Held = s.State.String(), s.Streak, s.Held
		c.Reason, c.Detail = string(s.Reason), s.Detail
		if !s.Since.IsZero() {
			c.Since = &s.Since
		}
		if s.State == health.Unknown {
			e.note(&c.Statements, "H01")
		}
		if s.Held {
			e.note(&c.Statements, "H14")
		}
	}
	_, c.Assumed = e.question.Assume[leaf]
	if e.question.Untold != nil && leaf < len(e.config.Checks) && !c.Assumed {
		if c.Untold = e.question.Untold(leaf); c.Untold != "" {
			e.note(&c.Statements, "H16")
		}
	}
	if s.Manual != health.Unknown {
		c.ManualState = s.Manual.String()
		if e.question.Manual != nil && !c.Assumed {
			c.Manual = e.question.Manual(leaf)
		}
		e.note(&c.Statements, "H15")
	}
}

// called is what people call the check.
func called(c *api.ExplainedCheck) string {
	switch {
	case len(c.Names) > 0:
		return "check " + strings.Join(c.Names, "/")
	case c.AtLeast == len(c.Children):
		return fmt.Sprintf("all of %d checks", len(c.Children))
	}
	return fmt.Sprintf("at least %d of %d checks", c.AtLeast, len(c.Children))
}

// found says why a check counts as what it does.
func (e *explainer) found(c *api.ExplainedCheck) string {
	text := c.State
	switch {
	case c.ManualState != "" && c.Assumed:
		text = c.ManualState
	case c.ManualState != "":
		text = c.ManualState + " by hand"
		if c.Manual != nil {
			if c.Manual.Until != nil {
				text += " until " + api.Clock(*c.Manual.Until, e.now)
			}
			text += ": " + c.Manual.Reason + " (" + c.Manual.Author + ")"
		}
		if c.State != "" {
			text += ", while probes find it " + c.State
		}
	case c.Disabled:
		text = "disabled"
	case c.AtLeast > 0:
		healthy := 0
		for i := range c.Children {
			if c.Children[i].Healthy {
				healthy++
			}
		}
		text = fmt.Sprintf("%d of %d are healthy, %d needed", healthy, len(c.Children), c.AtLeast)
	case c.State == "":
		text = "healthy until somebody says otherwise"
	case c.Assumed, c.State == health.Unknown.String():
	case c.Detail != "":
		text += ": " + c.Detail
	case c.Reason != "":
		text += ": " + c.Reason
	}
	if c.Assumed {
		text += ", as is assumed"
	}
	if c.Untold != "" {
		text += " (the last probe tells nothing: " + c.Untold + ")"
	}
	if c.Inverted && c.ManualState == "" {
		text += ", inverted"
	}
	return text
}

// blame says what makes a check that is unhealthy so; of is the value that it checks, or empty.
func blame(c *api.ExplainedCheck, of string) string {
	if c.ManualState == "" && !c.Inverted && c.AtLeast > 0 {
		text := blames(c.Children, of)
		if c.AtLeast == len(c.Children) {
			return text
		}
		return c.Called + ": " + c.Found + ": " + text
	}
	text := c.Called
	if of != "" {
		text += " of " + of
	}
	if c.ManualState == "" && c.AtLeast > 0 {
		return text + ": " + c.Found
	}
	return text + " is " + c.Found
}

// blames says which of several checks make a value unhealthy, or an alias.
func blames(checks []api.ExplainedCheck, of string) string {
	var parts []string
	for i := range checks {
		if !checks[i].Healthy {
			parts = append(parts, blame(&checks[i], of))
		}
	}
	return several(slices.Compact(parts))
}

// several joins the first few of the parts.
func several(parts []string) string {
	const most = 3
	if len(parts) > most {
		parts = append(slices.Clone(parts[:most]), fmt.Sprintf("and %d more", len(parts)-most))
	}
	return strings.Join(parts, "; ")
}
