package health

import (
	"container/heap"
	"context"
	"time"
)

// grace is how long an attempt may outlive its timeout before it is given up as stuck.
const grace = time.Second

// scheduler is the goroutine of a Registry that waits for what is due next. It lives while anything is to be run. Its
// channel and its clock are made with it, so that a Registry may be used in one test bubble after another.
type scheduler struct {
	epoch time.Time
	wake  chan struct{}
	ended bool
}

func newScheduler() *scheduler {
	return &scheduler{epoch: time.Now(), wake: make(chan struct{}, 1)}
}

// now is the monotonic time since the scheduler began.
func (s *scheduler) now() time.Duration { return time.Since(s.epoch) }

// nudge makes the scheduler look at the heap again.
func (s *scheduler) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *scheduler) stop() {
	s.ended = true
	s.nudge()
}

// run is the scheduler's goroutine.
func (r *Registry) run(s *scheduler) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.mu.Lock()
		if s.ended {
			r.mu.Unlock()
			return
		}
		wait := r.startDue(s.now())
		r.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// startDue starts what is due and gives the time until something will be.
func (r *Registry) startDue(now time.Duration) time.Duration {
	for len(r.due) > 0 && r.due[0].due <= now {
		m := heap.Pop(&r.due).(*monitor)
		if m.holders > 0 {
			r.giveUp(m)
		} else {
			r.admit(m)
		}
	}
	if len(r.due) == 0 {
		return time.Hour
	}
	return r.due[0].due - now
}

// wait puts m into the heap.
func (r *Registry) wait(m *monitor, due time.Duration) {
	m.due = due
	heap.Push(&r.due, m)
	if m.index == 0 {
		r.schedule.nudge()
	}
}

// admit starts an attempt, or queues m until one may start.
func (r *Registry) admit(m *monitor) {
	if r.gates.enter(m) {
		r.launch(m)
	}
}

// dismiss gives back what m holds of the gates and starts whoever waited for that.
func (r *Registry) dismiss(m *monitor) { r.gates.leave(m, r.launch) }

// launch begins an attempt of m in a goroutine of its own.
func (r *Registry) launch(m *monitor) {
	timeout := m.definition.Timing.Timeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	m.cancel = cancel
	m.holders = 1
	m.stuck = false
	m.started = r.schedule.now()
	r.wait(m, m.started+timeout+grace)
	began := time.Now()
	r.goroutines.Go(func() { r.attempt(ctx, m, began) })
}

// giveUp counts an attempt that ignores the end of its context, and frees its place. The check is not started again
// until the attempt has returned, so there is at most one such goroutine for each check.
func (r *Registry) giveUp(m *monitor) {
	result := Result{
		Outcome:  Indeterminate,
		Reason:   ReasonOverrun,
		Detail:   "the attempt did not end with its timeout",
		Duration: r.schedule.now() - m.started,
	}
	m.stuck = true
	m.holders++
	r.dismiss(m)
	// Not from here: the Observer may take its time.
	r.goroutines.Go(func() {
		r.report(m, result, Transition{}, false)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done(m)
	})
}
