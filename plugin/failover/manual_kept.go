package failover

import (
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// kept gives the manual states, and the highest id that was given out, to be kept over a restart.
func (t *manualTable) kept() ([]api.Manual, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	shown := make([]api.Manual, len(t.states))
	for i, m := range t.states {
		shown[i] = shownManual(m)
	}
	return shown, t.lastID
}

// restore brings back the manual states of before a restart, unless this process has made some of its own. What has
// expired meanwhile ends now. It gives how many there are.
func (t *manualTable) restore(saved []api.Manual, lastID uint64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lastID > 0 {
		if len(saved) > 0 {
			log.Warning("the manual states of the state file are not taken over: this process has had its own already")
		}
		return 0
	}
	t.lastID = lastID
	for i := range saved {
		if m, ok := manualOf(&saved[i]); ok && len(t.states) < manualsMost {
			t.states = append(t.states, m)
		}
	}
	t.changed()
	return len(t.states)
}

// manualOf is the reverse of shownManual.
func manualOf(shown *api.Manual) (health.Manual, bool) {
	pattern, err := health.ParsePattern(shown.Checks)
	m := health.Manual{
		ID: shown.ID, Checks: pattern, State: health.Healthy, Reason: shown.Reason, Author: shown.Author, Since: shown.Since,
	}
	if shown.State == api.Unhealthy {
		m.State = health.Unhealthy
	}
	if now := time.Now(); m.Since.After(now) {
		m.Since = now // the clock was set back
	}
	if shown.Until != nil {
		m.Until = *shown.Until
	}
	return m, err == nil
}
