package failover

import (
	"fmt"
	"slices"
	"sync"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// drills are the drills under way. A drill is nothing but its manual states, which end by themselves; when the last of
// them has ended the drill has, too. So whoever has asked for it may vanish.
var drills drillTable

type drillTable struct {
	mu     sync.Mutex
	all    []api.Drill
	lastID uint64
}

// add begins a drill whose manual states are there.
func (t *drillTable) add(d api.Drill) api.Drill {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastID++
	d.ID = t.lastID
	t.all = append(t.all, d)
	events.add(drillEvent(api.EventDrill, d, d.Author, fmt.Sprintf("drill of %s %s: %s is unhealthy by hand until %s (%s)",
		d.Name, d.Type, d.Record, d.Until.UTC().Format("15:04:05"), d.Author)))
	return d
}

// list gives those under way.
func (t *drillTable) list() []api.Drill {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.all)
}

// kept is told which manual states there still are.
func (t *drillTable) kept(states health.Manuals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(d api.Drill) bool {
		for _, m := range d.Manual {
			if slices.ContainsFunc(states, func(s health.Manual) bool { return s.ID == m.ID }) {
				return false
			}
		}
		events.add(drillEvent(api.EventDrillEnd, d, "", fmt.Sprintf("the drill of %s %s has ended", d.Name, d.Type)))
		return true
	})
}

func drillEvent(kind api.EventKind, d api.Drill, author, text string) api.Event {
	log.Info(text)
	return api.Event{
		Kind: kind, Text: text, Zone: d.Zone, Set: d.Name, Type: d.Type, From: d.Record, To: d.Next, Author: author,
	}
}
