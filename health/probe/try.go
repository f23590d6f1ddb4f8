package probe

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Try makes one attempt, whatever the prober does (statement H13), and times it.
func Try(ctx context.Context, p Prober) (result Result) {
	began := time.Now()
	defer func() {
		if value := recover(); value != nil {
			result = Result{Outcome: Indeterminate, Reason: ReasonPanic, Detail: printable(panicText(value))}
		}
		if result.Duration == 0 {
			result.Duration = time.Since(began)
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
