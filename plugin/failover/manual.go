package failover

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// manuals are the manual states of the process (statement H15). They are about names, so they outlive reloads, and wait
// for checks that are not there.
var manuals manualTable

type manualTable struct {
	mu      sync.Mutex
	states  health.Manuals
	lastID  uint64
	runners map[*runner]bool // that answer, or are about to
	timer   *time.Timer      // for the first to expire; nil while there is none to wait for
}

// manualsMost is how many there may be: each is held against every check when one changes.
const manualsMost = 1000

// longestText is the most letters of a reason or an author.
const longestText = 500

// create makes a manual state. It tells what is wrong with one by the fields of the admin API.
func (t *manualTable) create(m health.Manual) (health.Manual, error) {
	now := time.Now()
	switch {
	case m.State == health.Unknown:
		return m, errors.New("state: it must be healthy or unhealthy")
	case m.Reason == "":
		return m, errors.New("reason: it is empty; those who come after you will want to know")
	case len(m.Reason) > longestText:
		return m, fmt.Errorf("reason: it is longer than %d octets", longestText)
	case m.Author == "":
		return m, errors.New("author: it is empty")
	case len(m.Author) > longestText:
		return m, fmt.Errorf("author: it is longer than %d octets", longestText)
	case !m.Until.IsZero() && !m.Until.After(now):
		return m, errors.New("until: it is over already")
	}
	if _, err := health.ParsePattern(string(m.Checks)); err != nil {
		return m, fmt.Errorf("checks: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.states) >= manualsMost {
		return m, fmt.Errorf("there are %d manual states already", len(t.states))
	}
	t.lastID++
	m.ID, m.Since, m.Until = t.lastID, now.Round(0), m.Until.Round(0)
	t.states = append(t.states, m)
	t.changed()
	tellManual(manualEvent(api.EventManual, m, madeByHand(m)))
	return m, nil
}

// end ends the manual states that are chosen and gives them.
func (t *manualTable) end(author string, chosen func(*health.Manual) bool) []health.Manual {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ended []health.Manual
	t.states = slices.DeleteFunc(slices.Clone(t.states), func(m health.Manual) bool {
		if !chosen(&m) {
			return false
		}
		ended = append(ended, m)
		return true
	})
	if len(ended) > 0 {
		t.changed()
	}
	for _, m := range ended {
		e := manualEvent(api.EventRestored, m, fmt.Sprintf("%s is not %s by hand any more (%s)", m.Checks, m.State, author))
		e.Author = author
		tellManual(e)
	}
	drills.kept(t.states)
	return ended
}

// begin begins a drill. If its manual states have ended meanwhile it ends at once, or nothing would end it.
func (t *manualTable) begin(d api.Drill) api.Drill {
	t.mu.Lock()
	defer t.mu.Unlock()
	d = drills.add(d)
	drills.kept(t.states)
	return d
}

// list gives those in force, in the order in which they were made.
func (t *manualTable) list() health.Manuals {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.states)
}

// join has the checks of a server block follow the manual states. Its answers have not been made yet.
func (t *manualTable) join(r *runner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.runners == nil {
		t.runners = make(map[*runner]bool)
	}
	t.runners[r] = true
	t.changed()
}

func (t *manualTable) leave(r *runner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.runners, r)
	if len(t.runners) == 0 {
		t.wait()
	}
}

// changed forgets what has expired, and has all server blocks follow. It is called with the lock held.
func (t *manualTable) changed() {
	kept, expired := t.states.Expire(time.Now())
	t.states = kept
	for _, m := range expired {
		tellManual(manualEvent(api.EventRestored, m, fmt.Sprintf("%s is not %s by hand any more: its time is over", m.Checks, m.State)))
	}
	if len(expired) > 0 {
		drills.kept(t.states)
	}
	for r := range t.runners {
		r.lease.Force(t.forced(r))
	}
	keeper.touch(true)
	t.wait()
}

// wait sets the timer. Without server blocks nothing runs.
func (t *manualTable) wait() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	wake := t.states.Wake()
	if wake.IsZero() || len(t.runners) == 0 {
		return
	}
	// What was said is a time of day. Timers stand still while the machine sleeps, and know nothing of a clock that is set.
	t.timer = time.AfterFunc(min(time.Until(wake), time.Minute), func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if time.Now().Round(0).Before(wake) {
			t.wait()
		} else {
			t.changed()
		}
	})
}

// forced gives the manual states of a server block's checks, by leaf.
func (t *manualTable) forced(r *runner) map[int]health.State {
	if len(t.states) == 0 {
		return nil
	}
	forced := make(map[int]health.State)
	named := make(map[*corefile.Traits]health.Manuals) // most checks share their names with many, and few names are meant
	for leaf := range r.config.Checks {
		c := &r.config.Checks[leaf]
		some, known := named[c.Traits]
		if !known {
			some = t.states.Named(c.Names)
			named[c.Traits] = some
		}
		if len(some) == 0 {
			continue
		}
		if m := some.Of(c.Names, c.Probe.Target()); m != nil {
			forced[leaf] = m.State
		}
	}
	for i, name := range r.config.Combined {
		if m := t.states.Of([]string{name}, ""); m != nil {
			forced[len(r.config.Checks)+i] = m.State
		}
	}
	return forced
}

func madeByHand(m health.Manual) string {
	return fmt.Sprintf("%s is %s by hand: %s (%s)", m.Checks, m.State, m.Reason, m.Author)
}

// tellManual tells of a manual state in the log too, which is what is left when the state file is lost.
func tellManual(e api.Event) {
	log.Info(e.Text)
	events.add(e)
}

func manualEvent(kind api.EventKind, m health.Manual, text string) api.Event {
	shown := shownManual(m)
	return api.Event{
		Kind: kind, Text: text, To: m.State.String(), Reason: m.Reason, Author: m.Author, Manual: &shown,
	}
}

// shownManual is a manual state as the admin API has it, but for the number of checks it is about.
func shownManual(m health.Manual) api.Manual {
	shown := api.Manual{
		ID: m.ID, Checks: string(m.Checks), State: m.State.String(), Reason: m.Reason, Author: m.Author, Since: m.Since,
	}
	if !m.Until.IsZero() {
		shown.Until = &m.Until
	}
	return shown
}
