package failover

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// Checks implements admin.Backend.
func (backend) Checks(q admin.CheckQuery) (api.Checks, error) {
	d := listed.get()
	page := api.Checks{Checks: []api.Check{}}
	var pattern health.Pattern
	if q.Match != "" {
		var err error
		if pattern, err = health.ParsePattern(q.Match); err != nil {
			return page, &admin.Refusal{Status: http.StatusBadRequest, Field: "match", Text: err.Error()}
		}
	}
	from, _ := slices.BinarySearchFunc(d.checks, q.After, func(e checkEntry, after string) int {
		return cmp.Or(cmp.Compare(e.id, after), -1) // behind all that are equal
	})
	if q.After == "" {
		from = 0
	}
	for from < len(d.checks) {
		same := d.sameID(from)
		from += len(same)
		e := &same[0]
		if pattern != "" && !pattern.Match(e.name(), e.target()) {
			continue
		}
		state := d.stateOf(same)
		if q.State != "" && state.state != q.State {
			continue
		}
		if len(page.Checks) == q.Limit {
			if len(page.Checks) > 0 {
				page.Next = page.Checks[len(page.Checks)-1].ID
			}
			break
		}
		page.Checks = append(page.Checks, d.check(state))
	}
	return page, nil
}

// setsShown is how many of the record sets that depend on a check are named.
const setsShown = 1000

// Check implements admin.Backend.
func (backend) Check(id string) (api.Check, error) {
	d := listed.get()
	at, found := slices.BinarySearchFunc(d.checks, id, func(e checkEntry, id string) int { return cmp.Compare(e.id, id) })
	if !found {
		return api.Check{}, &admin.Refusal{Status: http.StatusNotFound, Field: "id", Text: "there is no such check"}
	}
	same := d.sameID(at)
	c := d.check(d.stateOf(same))
	for _, e := range same {
		for s := range e.runner.index.Users(e.leaf) {
			if len(c.Sets) < setsShown {
				c.Sets = append(c.Sets, setName(s.Config))
			}
		}
	}
	slices.Sort(c.Sets)
	c.Sets = slices.Compact(c.Sets)
	return c, nil
}

// sameID gives the entries of the id that begins at an index.
func (d *directory) sameID(at int) []checkEntry {
	end := at + 1
	for end < len(d.checks) && d.checks[end].id == d.checks[at].id {
		end++
	}
	return d.checks[at:end]
}

// condition is a check and what it is in short.
type condition struct {
	entry  *checkEntry
	status health.Status
	state  string // what counts
	detail string // of one that is not probed
}

// stateOf gives the worst of what server blocks have under one id.
func (d *directory) stateOf(same []checkEntry) condition {
	worst := d.stateOfOne(&same[0])
	for i := range same[1:] {
		if other := d.stateOfOne(&same[i+1]); badness(other.state) > badness(worst.state) {
			worst = other
		}
	}
	return worst
}

func badness(state string) int {
	return slices.Index([]string{api.Healthy, api.Unknown, api.Unhealthy}, state)
}

func (d *directory) stateOfOne(e *checkEntry) condition {
	s := condition{entry: e, status: e.runner.lease.Status(e.leaf)}
	switch {
	case s.status.Manual != health.Unknown:
		s.state = s.status.Manual.String()
	case e.leaf < len(e.runner.config.Checks):
		s.state = s.status.State.String()
	default:
		s.state, s.detail = d.combinedState(e)
	}
	return s
}

// combinedState is that of a check which combines others: where it is a template, of all that it was made into.
func (d *directory) combinedState(e *checkEntry) (state, detail string) {
	all := d.combined[e.leafOf]
	healthy, known := 0, true
	for _, one := range all {
		v := one.Evaluate(e.runner.lease.Status)
		known = known && v.Known
		if v.Healthy {
			healthy++
		}
	}
	if len(all) > 1 {
		detail = fmt.Sprintf("%d of the %d that it is for are healthy", healthy, len(all))
	}
	switch {
	case healthy < len(all):
		return api.Unhealthy, detail
	case !known:
		return api.Unknown, detail
	}
	return api.Healthy, detail
}

// check tells all of a check but its record sets.
func (d *directory) check(s condition) api.Check {
	e := s.entry
	c := api.Check{ID: e.id, Name: e.name(), Target: e.target(), State: s.state, Detail: s.detail}
	if e.leaf < len(e.runner.config.Checks) {
		c.Real, c.Streak, c.Held = s.status.State.String(), s.status.Streak, s.status.Held
		c.Reason, c.Detail = string(s.status.Reason), s.status.Detail
		c.Since = timeOrNil(s.status.Since)
		if last, at := e.runner.lease.Last(e.leaf); !at.IsZero() {
			c.Last = shownProbe(last, at)
		}
		c.Next = timeOrNil(e.runner.lease.Next(e.leaf))
		definition := e.runner.config.Checks[e.leaf].Definition()
		c.Latency = latencies.of(&definition)
	}
	if s.status.Manual != health.Unknown {
		c.Manual = d.manualOf(e.runner, e.leaf)
	}
	return c
}

// timeOrNil is nil for the zero time.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Round(0)
	return &t
}

func shownProbe(r probe.Result, at time.Time) *api.Probe {
	return &api.Probe{
		At: at.Round(0), Outcome: r.Outcome.String(), Reason: string(r.Reason), Detail: r.Detail,
		Duration: milliseconds(r.Duration), Resolve: milliseconds(r.Phases.Resolve), Connect: milliseconds(r.Phases.Connect),
		TLS: milliseconds(r.Phases.TLS), FirstByte: milliseconds(r.Phases.FirstByte),
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// matches is how many checks a pattern is about.
func (d *directory) matches(p health.Pattern) int {
	d.counting.Lock()
	defer d.counting.Unlock()
	n, known := d.counts[p]
	if !known {
		d.about(p, func(*checkEntry) bool { n++; return true })
		if d.counts == nil {
			d.counts = make(map[health.Pattern]int)
		}
		d.counts[p] = n
	}
	return n
}

// about calls fn for every check that a pattern is about, each id once, until it returns false.
func (d *directory) about(p health.Pattern, fn func(*checkEntry) bool) {
	name, _, _ := strings.Cut(string(p), "@")
	from := 0
	if fixed := strings.IndexAny(name, "*?"); fixed != 0 {
		if fixed > 0 {
			name = name[:fixed]
		}
		from, _ = slices.BinarySearchFunc(d.checks, name, func(e checkEntry, name string) int { return cmp.Compare(e.id, name) })
	} else {
		name = ""
	}
	for last := ""; from < len(d.checks) && strings.HasPrefix(d.checks[from].id, name); from++ {
		e := &d.checks[from]
		if e.id != last && p.Match(e.name(), e.target()) && !fn(e) {
			return
		}
		last = e.id
	}
}
