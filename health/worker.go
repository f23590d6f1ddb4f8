package health

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// attempt makes one attempt of m, and reports on it unless it has been broken off or given up meanwhile.
func (r *Registry) attempt(ctx context.Context, m *monitor, launched time.Time) {
	began := time.Now()
	result := probe(ctx, m.prober)
	result.Duration = time.Since(began)
	result = m.definition.Timing.onTime(result, began.Sub(launched))

	r.mu.Lock()
	m.cancel() // frees the timer of ctx
	r.due.remove(m)
	counts := !m.stopped && !m.stuck
	var (
		transition Transition
		moved      bool
	)
	if counts {
		transition, moved = m.apply(result)
	}
	r.mu.Unlock()
	if counts {
		r.report(m, result, transition, moved)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done(m)
}

// done is called by every goroutine that has had to do with an attempt; the last one makes the check go on.
func (r *Registry) done(m *monitor) {
	if m.holders--; m.holders > 0 {
		return
	}
	m.cancel = nil
	r.dismiss(m)
	if !m.stopped {
		r.wait(m, m.next(r.schedule.now()))
	}
}

// report tells the Observer.
func (r *Registry) report(m *monitor, result Result, transition Transition, moved bool) {
	if r.observer == nil {
		return
	}
	r.observer.Probed(&m.definition, result)
	if moved {
		r.observer.Transition(&m.definition, transition)
	}
}

// onTime is the result, unless it is a failure that this process may owe to its own lateness (statement H16), as when
// the machine is starved or was stopped: the failure was seen long after the timeout, though the attempt was to end
// then; or the time ran out because the goroutine began so long after its launch as waited says.
func (t Timing) onTime(result Result, waited time.Duration) Result {
	late := waited + result.Duration - t.Timeout
	if result.Reason == ReasonTimeout {
		late = max(late, waited)
	}
	if result.Outcome != Fail || late <= t.Timeout/2 {
		return result
	}
	result.Outcome = Indeterminate
	result.Detail = printable(fmt.Sprintf("this process was %s late: %s", late.Round(time.Millisecond), result.Reason))
	result.Reason = ReasonOverrun
	return result
}

// probe makes one attempt, whatever the prober does (statement H13).
func probe(ctx context.Context, p Prober) (result Result) {
	defer func() {
		if value := recover(); value != nil {
			result = Result{Outcome: Indeterminate, Reason: ReasonPanic, Detail: printable(panicText(value))}
		}
	}()
	result = p.Probe(ctx)
	if result.Outcome == Indeterminate && result.Reason == "" {
		result.Reason = ReasonInternal
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return Result{Outcome: Indeterminate, Reason: ReasonCanceled}
	}
	return result
}

// panicText says where it happened. Of the value only a runtime error is shown, since others might quote a peer.
func panicText(value any) string {
	text := fmt.Sprintf("%T", value)
	if err, ok := value.(runtime.Error); ok {
		text = err.Error()
	}
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s at %s:%d", text, filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return text
		}
	}
}
