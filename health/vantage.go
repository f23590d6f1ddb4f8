package health

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

const (
	// heldTick is how often held falls are judged again: there may be many, and the scheduler wakes more often.
	heldTick = 50 * time.Millisecond
	// censusAge is how long a census holds, since it looks at every check.
	censusAge = 250 * time.Millisecond
	// askAge is how long an answer to "do you see anybody else?" is waited for before it is asked again, and askHosts
	// how many are asked.
	askAge   = time.Second
	askHosts = 4
)

// vantage is what the results of all checks together say of the place that this process looks from. It belongs to the
// Registry's mutex.
type vantage struct {
	// epoch changes when what was counted before must not count any more: failures of an older epoch are forgiven.
	epoch uint32
	// unverified is how many checks have not been probed since this process was stopped.
	unverified int
	canaries   []*monitor
	remotes    int // checks that look at another host
	// witnesses are the last passes of two different hosts off this machine, the newest first: whoever asks, one of
	// them is another host.
	witnesses [2]witness
	// held are the checks whose fall is held back.
	held     map[*monitor]hold
	since    time.Duration // when the failures of the first of them began
	isolated bool
	judged   time.Duration
	asked    time.Duration
	counted  time.Duration // when the census was taken
	census   census
}

// hold is since when the fall of a check is held back on suspicion, and when there was first doubt about it, or -1.
type hold struct{ since, doubted time.Duration }

// renew notes that canaries have said that it is us: if they should stop to say so, there is all the time again to find
// out what it is.
func (h *hold) renew(e evidence, now time.Duration) {
	if e.canaries > 0 {
		h.since = now
	}
}

// count takes a result of m into account that has come now, and gives the transition if there was one.
func (r *Registry) count(m *monitor, result probe.Result, now time.Duration) (Transition, bool) {
	v := &r.vantage
	r.note(m, result, now)
	machine := m.machine
	if m.epoch != v.epoch && m.launched == v.epoch {
		machine = r.verify(m)
	}
	if result.Outcome == probe.Indeterminate {
		return m.become(machine)
	}
	after := machine.Count(*m.timing, result.Outcome, now)
	if !after.Falling(*m.timing) {
		delete(v.held, m)
	} else if !r.holdBack(m, now) {
		delete(v.held, m)
		after = after.Release(*m.timing, now)
	}
	switch {
	case result.Outcome == probe.Pass:
		v.saw(m, now)
	case r.guarded(m) && after.State() != Unhealthy && len(v.canaries) > 0 && now-v.asked >= askAge:
		r.ask(now) // so that what the canaries say is of the same time as the failures
	}
	return m.become(after)
}

// verify notes that m has been probed since the epoch began, and gives its machine without what was counted before.
func (r *Registry) verify(m *monitor) Machine {
	m.epoch = r.vantage.epoch
	r.vantage.unverified = max(0, r.vantage.unverified-1)
	return m.machine.Forgive()
}

// excuse is the result, unless it is a failure that this process owes to itself (statement H16): it was stopped or cut
// off during the attempt, or came late to its own timers so that there was too little time for the target.
func (r *Registry) excuse(m *monitor, result probe.Result, now time.Duration) probe.Result {
	if result.Outcome != probe.Fail {
		return result
	}
	r.checkClocks(now)
	if m.launched != r.vantage.epoch {
		return overrun(result, "it began before this process was stopped or cut off")
	}
	late := max(r.wakes.worst(m.started, now), now-r.schedule.planned)
	if result.Reason == probe.ReasonTimeout && late >= max(m.timing.Timeout/8, 100*time.Millisecond) {
		return overrun(result, "this process was "+late.Round(time.Millisecond).String()+" late")
	}
	return result
}

// holdBack tells whether the fall of m must wait, and sees to it that it does not wait longer than it has to.
func (r *Registry) holdBack(m *monitor, now time.Duration) bool {
	v := &r.vantage
	if len(v.held) == 0 && now-v.counted >= censusAge {
		v.since = m.failingSince
	}
	h, again := v.held[m]
	if !again {
		h = hold{since: now, doubted: -1}
	}
	e := r.evidence(m, h, now)
	switch verdict := e.judge(); {
	case verdict == fall && (e.here || !v.isolated || !e.sees()):
		return false
	case verdict == isolated:
		h.renew(e, now)
	case verdict == doubt && h.doubted < 0:
		h.doubted = now
		m.again = true
	}
	// While isolated, a sign that lets one fall forgives all: reconsider sees to that.
	if v.held == nil {
		v.held = map[*monitor]hold{}
	}
	if v.held[m] = h; len(v.held) == 1 {
		r.ask(now)
		r.schedule.nudge()
	}
	return true
}

// reconsider judges the held falls again and gives those that are not held any more, with what became of them.
func (r *Registry) reconsider(now time.Duration) []report {
	v := &r.vantage
	if len(v.held) == 0 && !v.isolated || now-v.judged < heldTick {
		return nil
	}
	v.judged = now
	if now-v.asked >= askAge {
		r.ask(now)
	}
	var reports []report
	cutOff, seen := false, false
	free := make([]*monitor, 0, len(v.held))
	for m, h := range v.held {
		e := r.evidence(m, h, now)
		verdict := e.judge()
		if verdict == doubt && h.doubted < 0 {
			v.held[m] = hold{h.since, now}
			m.again = m.again || m.holders > 0
			r.hurry(m, now)
		}
		switch verdict {
		case isolated:
			cutOff = true
			h.renew(e, now)
			v.held[m] = h
		case fall:
			free = append(free, m)
		}
		seen = seen || v.isolated && e.sees()
	}
	switch {
	case v.isolated && seen:
		// It was us: what was counted meanwhile is forgotten.
		r.reconnected(now)
	case !v.isolated && cutOff:
		v.isolated = true
		reports = append(reports, report{event: r.event(Event{Kind: EventIsolated})})
	}
	for _, m := range free {
		if rep, ok := r.letFall(m, now); ok {
			reports = append(reports, rep)
		}
	}
	if len(v.held) == 0 && v.isolated && v.unverified == 0 && !r.look(now).since(v.since, v.since).mostFail() {
		v.isolated = false
		reports = append(reports, report{event: r.event(Event{Kind: EventConnected})})
	}
	return reports
}

// reconnected forgives all failures that were counted so far.
func (r *Registry) reconnected(now time.Duration) {
	v := &r.vantage
	held := len(v.held)
	r.forgive()
	for m := range v.held {
		m.become(m.machine.Forgive())
		r.hasten(m, held, now)
	}
	clear(v.held)
}

// forgive makes nothing count that was counted before now.
func (r *Registry) forgive() {
	r.vantage.epoch++
	r.vantage.unverified = 0
	r.vantage.census = census{}
	for m := range r.all() {
		m.failingSince = -1
	}
}

// letFall ends the hold of a check. One that is just being probed, or about to be, falls with its next failure; one that
// is stuck has none to come.
func (r *Registry) letFall(m *monitor, now time.Duration) (report, bool) {
	v := &r.vantage
	inFlight, queued := m.holders > 0, m.holders == 0 && m.index < 0
	if _, held := v.held[m]; !held || queued || inFlight && !m.stuck {
		return report{}, false
	}
	delete(v.held, m)
	transition, moved := m.become(m.machine.Release(*m.timing, now))
	if !moved {
		return report{}, false
	}
	r.due.remove(m)
	m.holders++
	return report{monitor: m, transition: transition, event: r.transition(m, transition)}, true
}

// ask has those probed at once who can tell soon whether it is us: the canaries, or else some who passed last.
func (r *Registry) ask(now time.Duration) {
	v := &r.vantage
	v.asked = now
	for _, c := range v.canaries {
		r.hurry(c, now)
	}
	if len(v.canaries) > 0 || len(r.due) == 0 {
		return
	}
	var asked []*monitor
	from := rand.IntN(len(r.due))
	for i := range min(len(r.due), 16*askHosts) {
		m := r.due[(from+i)%len(r.due)]
		if m.last.outcome == probe.Pass && v.away(m) {
			if asked = append(asked, m); len(asked) == askHosts {
				break
			}
		}
	}
	for _, m := range asked {
		r.hurry(m, now)
	}
}

// hurry makes an idle check due now.
func (r *Registry) hurry(m *monitor, now time.Duration) {
	if m.due > now {
		r.hasten(m, 1, now)
	}
}

// hasten makes an idle check due that is one of n to be probed soon, as if they all were new.
func (r *Registry) hasten(m *monitor, n int, now time.Duration) {
	if m.index < 0 || m.holders > 0 {
		return
	}
	due := now + m.spread(n, now)
	if m.due > now {
		due = min(due, m.due)
	}
	m.due = due
	heap.Fix(&r.due, int(m.index))
	if m.index == 0 {
		r.schedule.nudge()
	}
}

// resume has everything probed again after this process was stopped, before anything may fall (statement H18).
func (r *Registry) resume(now time.Duration) {
	v := &r.vantage
	r.forgive()
	for m := range v.held {
		m.become(m.machine.Forgive())
	}
	clear(v.held)
	v.unverified = r.running
	for m := range r.all() {
		switch {
		case m.holders == 0:
			r.hasten(m, r.running, now)
		case m.stuck:
			// It may never return, and nobody is to wait for it.
			m.become(r.verify(m))
		case m.index >= 0:
			// It was stopped too, and is not stuck because of that.
			m.due = now + m.timing.Timeout + grace
			heap.Fix(&r.due, int(m.index))
		}
	}
}

// forget ends what m has to do with the vantage point.
func (v *vantage) forget(m *monitor) {
	delete(v.held, m)
	if m.epoch != v.epoch && v.unverified > 0 {
		v.unverified--
	}
}

// dismissCanary ends the service of a canary.
func (v *vantage) dismissCanary(m *monitor) {
	v.canaries = slices.DeleteFunc(v.canaries, func(c *monitor) bool { return c == m })
}
