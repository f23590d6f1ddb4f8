package health

import (
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// report is something for the Observer.
type report struct {
	monitor *monitor // nil for what concerns the process; else one of its holders is to be given back
	probed  bool
	result  probe.Result
	// transition is told if event is one.
	transition Transition
	event      Event // of no Kind: nothing but the result is to be told
}

// attempt makes one attempt of m, and reports on it unless it has been broken off or given up meanwhile.
func (r *Registry) attempt(ctx *probe.Context, m *monitor, launched time.Time) {
	waited := time.Since(launched)
	result := m.timing.onTime(probe.Try(ctx, m.prober), waited)

	r.mu.Lock()
	ctx.Cancel() // what waits for its end need not
	r.due.remove(m)
	rep := report{monitor: m, result: result, probed: !m.stopped && !m.stuck}
	if rep.probed {
		r.starts.add(m.wanted, m.started+waited)
		now := r.schedule.now()
		rep.result = r.excuse(m, result, now)
		var moved bool
		if rep.transition, moved = r.count(m, rep.result, now); moved {
			rep.event = r.transition(m, rep.transition)
		}
	}
	r.mu.Unlock()
	r.tell([]report{rep})
}

// post has reports told in the order in which they are posted. It never waits for the Observer.
func (r *Registry) post(reports ...report) {
	r.outbox = append(r.outbox, reports...)
	if len(r.outbox) > 0 && !r.posting {
		r.posting = true
		r.goroutines.Go(r.deliver)
	}
}

// deliver tells what has been posted, until there is nothing left.
func (r *Registry) deliver() {
	for {
		r.mu.Lock()
		reports := r.outbox
		r.outbox = nil
		r.posting = len(reports) > 0
		r.mu.Unlock()
		if len(reports) == 0 {
			return
		}
		r.tell(reports)
	}
}

// note keeps what an attempt of m found.
func (r *Registry) note(m *monitor, result probe.Result, now time.Duration) {
	if m.ended < 0 {
		r.fresh--
	}
	m.note(result, now)
	if result.Outcome != probe.Indeterminate {
		delete(r.restored, m)
	}
}

// tell tells the Observer, and makes the checks go on that waited for that.
func (r *Registry) tell(reports []report) {
	for _, rep := range reports {
		if r.observer != nil {
			r.observe(rep)
		}
		if rep.monitor != nil {
			r.mu.Lock()
			r.done(rep.monitor)
			r.mu.Unlock()
		}
	}
}

func (r *Registry) observe(rep report) {
	if rep.probed {
		r.observer.Probed(rep.monitor.definition(), rep.result)
	}
	switch rep.event.Kind {
	case "":
	case EventTransition:
		r.observer.Transition(rep.monitor.definition(), rep.transition)
	default:
		r.observer.Happened(rep.event)
	}
}

// done is called by every goroutine that has had to do with an attempt; the last one makes the check go on.
func (r *Registry) done(m *monitor) {
	if m.holders--; m.holders > 0 {
		return
	}
	m.context = nil
	r.dismiss(m)
	if m.stopped {
		return
	}
	now := r.schedule.now()
	due := m.next(now)
	if m.again || m.launched != r.vantage.epoch {
		due = now
	}
	r.wait(m, due)
}

// onTime is the result, unless it is a failure that this process may owe to its own lateness (statement H16), as when
// the machine is starved or was stopped: the failure was seen long after the timeout, though the attempt was to end
// then; or the time ran out because the goroutine began so long after its launch as waited says.
func (t Timing) onTime(result probe.Result, waited time.Duration) probe.Result {
	late := waited + result.Duration - t.Timeout
	if result.Reason == probe.ReasonTimeout {
		late = max(late, waited)
	}
	if result.Outcome != probe.Fail || late <= t.Timeout/2 {
		return result
	}
	return overrun(result, "this process was "+late.Round(time.Millisecond).String()+" late")
}

// overrun is a failure that does not count, for a cause of our own.
func overrun(result probe.Result, cause string) probe.Result {
	result.Outcome = probe.Indeterminate
	result.Detail = cause + ": " + string(result.Reason)
	result.Reason = probe.ReasonOverrun
	return result
}
