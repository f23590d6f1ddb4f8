package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Lines is the explanation for people, two spaces deeper for each level.
func (x *Explanation) Lines() []string {
	w := &writer{now: x.Time}
	w.line(0, x.Statements, "%s %s", x.Name, x.Type)
	if x.Client != "" {
		w.line(1, nil, "client %s: no policy here looks at it", x.Client)
	}
	if n := len(x.Blocks); n > 1 {
		w.line(1, nil, "%d server blocks have this zone; this is what the first answers, %s", n, x.Blocks[0])
	}
	for _, c := range x.Assumed {
		w.check(1, &c, "assumed: ")
	}
	w.step(1, &x.Way)
	for _, o := range x.Outcomes {
		w.outcome(&o, len(x.Outcomes) > 1)
	}
	for _, r := range x.Records {
		w.line(2, nil, "%s %d %s %s%s", r.Name, r.TTL, r.Type, r.Data, unless1(r.Odds))
	}
	return w.lines
}

type writer struct {
	now   time.Time
	lines []string
}

// line writes a line, with the statements behind it.
func (w *writer) line(level int, statements []string, format string, args ...any) {
	text := strings.Repeat("  ", level) + fmt.Sprintf(format, args...)
	if len(statements) > 0 {
		text += "  [" + strings.Join(statements, " ") + "]"
	}
	w.lines = append(w.lines, text)
}

func (w *writer) outcome(o *ExplainedOutcome, odds bool) {
	text := "answer"
	if o.Rcode != "" {
		text += " " + o.Rcode
	}
	switch o.Kind {
	case AnswerNext:
		text = "left to the next plugin"
	case AnswerElsewhere:
		text += ", with what the server says of the last name"
	case AnswerNoData:
		text += " without records"
	}
	if odds {
		text += unless1(o.Odds)
	}
	w.line(1, nil, "%s", text)
	for _, soa := range o.Authority {
		w.line(2, nil, "authority: %s", strings.ReplaceAll(soa, "\t", " "))
	}
}

func (w *writer) step(level int, s *ExplainedStep) {
	where := ""
	if s.Zone != "" {
		where = ", zone " + s.Zone
	}
	if s.Wildcard {
		where += ", wildcard " + s.Node
	}
	w.line(level, s.Statements, "%s%s: %s: %s%s", s.Name, where, s.Kind, s.Why, unless1(s.Odds))
	if s.Set != nil {
		w.set(level+1, s.Set)
	}
	for _, next := range s.Next {
		w.step(level+1, &next)
	}
}

func (w *writer) set(level int, s *ExplainedSet) {
	settled := "settled"
	if !s.Settled {
		settled = "unsettled"
	}
	text := fmt.Sprintf("set %s %s: %s: %s; %s, TTL %d", s.Name, s.Type, s.Policy, s.Why, settled, s.TTL)
	if s.Remembered {
		text += "; as it was when something was last healthy"
	}
	if s.Pending {
		text += "; health has changed, and this is about to be decided again"
	}
	w.line(level, s.Statements, "%s", text)
	for _, c := range s.Candidates {
		w.candidate(level+1, &c)
	}
}

func (w *writer) candidate(level int, c *ExplainedRecord) {
	head := c.ID
	if c.Weight != nil {
		head += " weight " + strconv.Itoa(int(*c.Weight))
	}
	if c.Alias != "" {
		head += " alias " + c.Alias
	}
	head += ": " + string(c.Fate)
	if c.Fate == FateCandidate {
		head += fmt.Sprintf(" %d/%d (%s)", c.Odds.Numerator, c.Odds.Denominator, percent(c.Odds.Percent))
	}
	w.line(level, c.Statements, "%s: %s", head, c.Why)
	for _, check := range c.Checks {
		w.check(level+1, &check, "")
	}
	for _, v := range c.Values {
		state := "healthy"
		if !v.Healthy {
			state = "unhealthy"
		}
		if v.Answered {
			state += ", answered"
		}
		w.line(level+1, nil, "%s: %s", v.Data, state)
		for _, check := range v.Checks {
			w.check(level+2, &check, "")
		}
	}
	if c.Branch != nil {
		w.set(level+1, c.Branch)
	}
}

func (w *writer) check(level int, c *ExplainedCheck, prefix string) {
	text := prefix + c.Called
	if c.Target != "" {
		text += " " + c.Target
	}
	text += ": " + c.Found
	if c.Since != nil {
		text += ", since " + Clock(*c.Since, w.now)
	}
	if c.Streak {
		text += ", results to the contrary are being counted"
	}
	if c.Held {
		text += ", failures are not believed while this server seems to be cut off"
	}
	w.line(level, c.Statements, "%s", text)
	for _, child := range c.Children {
		w.check(level+1, &child, "")
	}
}

// Clock writes a time, the date only where it is another day.
func Clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// unless1 writes odds that are less than certain, behind a text.
func unless1(odds float64) string {
	if odds > 1-1e-9 {
		return ""
	}
	return "  " + percent(100*odds)
}

func percent(p float64) string {
	text := strconv.FormatFloat(p, 'g', 3, 64)
	if strings.Contains(text, "e") {
		text = strconv.FormatFloat(p, 'f', -1, 64)
	}
	return text + " %"
}
