package health

import (
	"container/heap"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

const (
	// grace is how long an attempt may outlive its timeout before it is given up as stuck.
	grace = time.Second
	// tick is how often the scheduler looks at the clocks at least, to notice that the process was stopped.
	tick = time.Second
	// batch is how long the scheduler rests at least where there are batchFrom checks or more. To wake the process for
	// each of a thousand attempts a second costs half as much again as the attempts themselves.
	batch     = 10 * time.Millisecond
	batchFrom = 1000
	// crowd is how many goroutines of attempts may wait for a processor at a time; what is due beyond that stays in the
	// heap. Go's scheduler has a short queue for each processor and serves what overflows it only now and then while the
	// queue is never empty, so that while garbage was collected some of a thousand attempts a second came 200 ms late.
	crowd = 50
)

// scheduler is the goroutine of a Registry that waits for what is due next. It lives while anything is to be run. Its
// channel and its clock are made with it, so that a Registry may be used in one test bubble after another.
type scheduler struct {
	epoch time.Time
	wake  chan struct{}
	crowd atomic.Int32 // attempts that have been launched and have not begun

	// What follows belongs to the Registry's mutex.
	ended   bool
	planned time.Duration // when it is going to look at the heap and the clocks again, at the latest
	looked  time.Duration // when the clocks were last looked at, and what the wall clock showed
	wall    time.Time
}

func newScheduler(wall time.Time) *scheduler {
	return &scheduler{epoch: time.Now(), wake: make(chan struct{}, 1), wall: wall}
}

// now is the monotonic time since the scheduler began.
func (s *scheduler) now() time.Duration { return time.Since(s.epoch) }

// look forgets the time since the clocks were last looked at.
func (s *scheduler) look(wall time.Time) {
	s.looked, s.wall = s.now(), wall
	s.planned = max(s.planned, s.looked)
}

// nudge makes the scheduler look at the heap again.
func (s *scheduler) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// begun is told by an attempt that has a processor.
func (s *scheduler) begun() {
	if s.crowd.Add(-1) == crowd/2 {
		s.nudge()
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
		now := s.now()
		if now > s.planned {
			r.wakes.add(s.planned, now)
		}
		r.checkClocks(now)
		r.post(r.reconsider(now)...)
		wait := r.startDue(now)
		s.planned = now + wait
		r.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// checkClocks notices that this process was stopped. It is not for the scheduler alone, since a failure that the stop
// has caused may be seen before the scheduler runs again.
func (r *Registry) checkClocks(now time.Duration) {
	s, wall := r.schedule, r.wall()
	gap := stopped(max(s.planned-s.looked, 0), now-s.looked, wall.Sub(s.wall))
	s.looked, s.wall = now, wall
	if gap > 0 {
		r.resume(now)
		r.post(report{event: r.event(Event{Kind: EventResumed, Lasted: gap})})
	}
}

// startDue starts what is due and gives the time until something will be, or until the next tick.
func (r *Registry) startDue(now time.Duration) time.Duration {
	for len(r.due) > 0 && r.due[0].due <= now && r.schedule.crowd.Load() < crowd {
		m := heap.Pop(&r.due).(*monitor)
		if m.holders > 0 {
			r.giveUp(m)
		} else {
			r.admit(m, m.due)
		}
	}
	wait := tick
	if len(r.vantage.held) > 0 {
		wait = min(wait, max(r.vantage.judged+heldTick-now, time.Millisecond))
	}
	if len(r.due) > 0 {
		wait = min(wait, r.due[0].due-now)
	}
	if len(r.due) >= batchFrom || wait <= 0 { // at 0 it is crowded, and begun will nudge
		wait = max(wait, batch)
	}
	return wait
}

// wait puts m into the heap.
func (r *Registry) wait(m *monitor, due time.Duration) {
	m.due = due
	heap.Push(&r.due, m)
	if m.index == 0 {
		r.schedule.nudge()
	}
}

// admit starts an attempt that was wanted at a time, or queues m until one may start.
func (r *Registry) admit(m *monitor, wanted time.Duration) {
	m.wanted = wanted
	m.ticket.slow = m.slow
	if r.gates.enter(m) {
		r.launch(m)
	}
}

// dismiss gives back what m holds of the gates and starts whoever waited for that.
func (r *Registry) dismiss(m *monitor) { r.gates.leave(m, r.launch) }

// launch begins an attempt of m in a goroutine of its own.
func (r *Registry) launch(m *monitor) {
	timeout := m.timing.Timeout
	ctx := probe.NewContext(timeout)
	m.context = ctx
	m.holders = 1
	m.stuck, m.again = false, false
	m.started = r.schedule.now()
	m.launched = r.vantage.epoch
	if m.ticket.queued {
		m.wanted = m.started // what it waited for is its own target, and no lateness of ours
	}
	r.wait(m, m.started+timeout+grace)
	s := r.schedule
	s.crowd.Add(1)
	began := time.Now()
	r.goroutines.Go(func() {
		s.begun()
		r.attempt(ctx, m, began)
	})
}

// giveUp counts an attempt that ignores the end of its context, and frees its place. The check is not started again
// until the attempt has returned, so there is at most one such goroutine for each check.
func (r *Registry) giveUp(m *monitor) {
	result := probe.Result{
		Outcome:  probe.Indeterminate,
		Reason:   probe.ReasonOverrun,
		Detail:   "the attempt did not end with its timeout",
		Duration: r.schedule.now() - m.started,
	}
	now := r.schedule.now()
	m.stuck = true
	m.holders++
	r.note(m, result, now)
	if m.epoch != r.vantage.epoch {
		m.become(r.verify(m))
	}
	r.dismiss(m)
	r.post(report{monitor: m, probed: true, result: result})
}
