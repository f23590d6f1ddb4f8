package health

import (
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// witness is a host that has passed.
type witness struct {
	host string
	at   time.Duration
}

// saw remembers who has passed.
func (v *vantage) saw(m *monitor, now time.Duration) {
	if !v.away(m) {
		return
	}
	host := m.probe.Host()
	if v.witnesses[0].host != host {
		v.witnesses[1] = v.witnesses[0]
	}
	v.witnesses[0] = witness{host, now}
}

// away tells whether m looks at another host than this one. Where no check does, this machine's own addresses pass for
// others, as in a trial of it all.
func (v *vantage) away(m *monitor) bool {
	return m.place == remote || m.place == own && v.remotes == 0
}

// guarded tells that m may fail because this process is cut off: it looks at another host, or runs a program or looks a
// name up, which a canary can speak for, and is not what the guard itself looks at. A canary on this machine speaks for what else is on
// this machine.
func (r *Registry) guarded(m *monitor) bool {
	v := &r.vantage
	switch {
	case m.canary > 0:
		return false
	case m.place == nowhere:
		return len(v.canaries) > 0 && (m.probe.Scheme() == probe.Exec || m.probe.Scheme() == probe.Lookup)
	}
	return v.away(m) || slices.ContainsFunc(v.canaries, func(c *monitor) bool { return c.place != remote })
}

// evidence is what is known of m, whose fall is held back.
func (r *Registry) evidence(m *monitor, h hold, now time.Duration) evidence {
	v := &r.vantage
	e := evidence{
		unverified:      v.unverified > 0,
		here:            !r.guarded(m),
		canaries:        len(v.canaries),
		canariesFailed:  true,
		canariesWereOut: true,
		proven:          h.doubted >= 0 && m.started >= h.doubted,
		overdue:         now-h.since >= patience(*m.timing),
		survey: func() survey {
			return r.look(now).since(m.failingSince, min(m.failingSince, v.since))
		},
	}
	for _, c := range v.canaries {
		e.canaryPassed = e.canaryPassed || c.passed >= m.failingSince && c.passed > c.failed
		e.canariesFailed = e.canariesFailed && c.failed >= m.failingSince && c.failed > c.passed
		e.canariesWereOut = e.canariesWereOut && c.failed >= m.failingSince
	}
	for _, w := range v.witnesses {
		e.otherPassed = e.otherPassed || w.host != "" && w.host != m.probe.Host() && w.at >= m.failingSince
	}
	return e
}
