package failover

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

const (
	// drillUsual and drillLongest are how long a drill takes.
	drillUsual, drillLongest = "5m", 24 * time.Hour
	// drillChecks is how many checks it may force: each is a manual state.
	drillChecks = 100
)

var (
	errNoActive = &admin.Refusal{Status: http.StatusConflict, Text: "no record of the set is healthy, so there is nothing to try"}
	errNoChecks = &admin.Refusal{
		Status: http.StatusConflict, Text: "the record that the set is on has no check, so it cannot be unhealthy",
	}
)

// Drills implements admin.Backend.
func (backend) Drills() api.Drills {
	return api.Drills{Drills: append([]api.Drill{}, drills.list()...)}
}

// NewDrill implements admin.Backend.
func (backend) NewDrill(asked api.NewDrill, dry bool) (api.Drill, error) {
	until, err := endOf(cmp.Or(asked.For, drillUsual), nil)
	if err != nil {
		return api.Drill{}, err
	}
	now := time.Now()
	if until.Sub(now) > drillLongest {
		return api.Drill{}, &admin.Refusal{Status: http.StatusBadRequest, Field: "for", Text: "it is longer than a day"}
	}
	sets, err := failoverSets(asked.Name, asked.Type)
	if err != nil {
		return api.Drill{}, err
	}
	r, err := rehearse(listed.get(), &sets[0], now)
	if err != nil {
		return api.Drill{}, err
	}
	c := sets[0].set.Config
	d := api.Drill{
		Zone: c.Zone.Name, Name: c.Name, Type: typesOf(c), Author: asked.Author, Since: now.Round(0), Until: until.Round(0),
		Record: r.record.ID, Before: r.before, After: r.after, Also: r.also, Down: r.down, Manual: []api.Manual{},
	}
	if r.next != nil {
		d.Next = r.next.ID
	}
	if err := refuseDrill(d, r, asked.Force); err != nil {
		return d, err
	}
	reason := fmt.Sprintf("drill of %s %s", d.Name, d.Type)
	for _, id := range r.ids {
		m := health.Manual{
			Checks: health.Pattern(id), State: health.Unhealthy, Reason: reason, Author: asked.Author, Since: now.Round(0),
			Until: until.Round(0),
		}
		if !dry {
			if m, err = manuals.create(m); err != nil {
				manuals.end(asked.Author, has(&d))
				return api.Drill{}, refusalOf(err)
			}
		}
		d.Manual = append(d.Manual, shownManuals(health.Manuals{m})...)
	}
	if dry {
		return d, nil
	}
	return manuals.begin(d), nil
}

// refuseDrill refuses one that cannot be, or unless it is forced one that shows nothing or breaks something.
func refuseDrill(d api.Drill, r *rehearsal, forced bool) error {
	refuse := func(format string, args ...any) error {
		return &admin.Refusal{Status: http.StatusConflict, Text: fmt.Sprintf(format, args...)}
	}
	same := func(other api.Drill) bool { return other.Name == d.Name && other.Type == d.Type }
	switch {
	case slices.ContainsFunc(drills.list(), same):
		return refuse("there is a drill of this set already")
	case len(r.ids) > drillChecks:
		return refuse("it would take %d checks, and at most %d are forced", len(r.ids), drillChecks)
	case forced:
		return nil
	case len(d.Down) > 0:
		return refuse("nothing healthy would be left in %s", strings.Join(d.Down[:min(len(d.Down), 10)], ", "))
	case r.cut:
		return refuse("more than %d record sets depend on the checks, too many to tell whether all would have something healthy left",
			rehearsedMost)
	case !r.moves():
		return refuse("the set would stay on %s", d.Record)
	}
	return nil
}

// has tells whether a manual state is one of a drill.
func has(d *api.Drill) func(m *health.Manual) bool {
	return func(m *health.Manual) bool {
		return slices.ContainsFunc(d.Manual, func(own api.Manual) bool { return own.ID == m.ID })
	}
}

// EndDrill implements admin.Backend.
func (backend) EndDrill(id uint64, author string) (api.Drill, error) {
	all := drills.list()
	i := slices.IndexFunc(all, func(d api.Drill) bool { return d.ID == id })
	if i < 0 {
		return api.Drill{}, &admin.Refusal{Status: http.StatusNotFound, Field: "id", Text: "there is no such drill"}
	}
	manuals.end(author, has(&all[i]))
	return all[i], nil
}
