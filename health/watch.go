package health

import "github.com/seed-a19ac2b6/failover/health/probe"

// watch has those of the new checks that can tell when they have changed do so. One that cannot is probed every
// interval all the same.
func (r *Registry) watch(started []*monitor) {
	for _, m := range started {
		watcher, ok := m.prober.(probe.Watcher)
		if !ok {
			continue
		}
		stop, err := watcher.Watch(func() { r.changed(m) })
		if err != nil {
			r.mu.Lock()
			r.post(report{event: r.event(Event{Kind: EventUnwatched, Definition: m.definition(), Cause: err.Error()})})
			r.mu.Unlock()
			continue
		}
		r.mu.Lock()
		gone := m.stopped
		if !gone {
			r.watches[m] = stop
		}
		r.mu.Unlock()
		if gone {
			stop()
		}
	}
}

// changed has a check probed at once, or once more if that is happening right now.
func (r *Registry) changed(m *monitor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.stopped {
		return
	}
	m.again = m.again || m.holders > 0
	r.hurry(m, r.schedule.now())
}
