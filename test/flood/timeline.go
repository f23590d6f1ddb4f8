package flood

import (
	"sync"
	"time"
)

// timeline is what the file of a switch has said, and when.
type timeline struct {
	mu    sync.Mutex
	spans []span
}

// span is a time in which the file said one thing. The moment of a change is known only as one between two readings of
// the clock; spans are taken as long as they may have been, so that neighbours overlap by that.
type span struct {
	up       bool
	from, to time.Time // to is zero in the last one
}

// begin notes that the switch is about to say something else, and finish that it does.
func (l *timeline) begin(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spans = append(l.spans, span{up: up, from: time.Now()})
}

func (l *timeline) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.spans); n > 1 {
		l.spans[n-2].to = time.Now()
	}
}

// up is what the switch says now.
func (l *timeline) up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spans[len(l.spans)-1].up
}

// behind tells how old at the question the newest moment was at which an answer was right: 0 if that was after the
// question was asked. It is not ok if there was none before the answer came.
func (l *timeline) behind(right func(up bool) bool, asked, came time.Time) (lag time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.spans) - 1; i >= 0; i-- {
		s := &l.spans[i]
		if s.from.After(came) || !right(s.up) {
			continue
		}
		if s.to.IsZero() {
			return 0, true
		}
		return max(0, asked.Sub(s.to)), true
	}
	return 0, false
}
