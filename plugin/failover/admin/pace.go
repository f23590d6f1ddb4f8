package admin

import (
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// What is answered in a second, over all clients, and at once after a pause. What comes faster waits, and so does who asks:
// the processor belongs to queries. A thousand pages that each look at the status every second fit in. Every change is
// told to all of them.
const (
	requestsPerSecond, requestsAtOnce = 2000, 2000
	changesPerSecond, changesAtOnce   = 5, 20
	// longestWait is for how long somebody waits who is then refused, or not.
	longestWait = time.Second
)

// pace bounds how much is done in a second.
type pace struct {
	requests *rate.Limiter
	// proven is for those who have shown the token or a certificate, whom no flood of others is to keep out.
	proven  *rate.Limiter
	changes *rate.Limiter
}

func newPace() pace {
	return pace{
		requests: rate.NewLimiter(requestsPerSecond, requestsAtOnce),
		proven:   rate.NewLimiter(requestsPerSecond, requestsAtOnce),
		changes:  rate.NewLimiter(changesPerSecond, changesAtOnce),
	}
}

// wait holds a request up until it is its turn, and refuses it where that would be too long.
func wait(r *http.Request, l *rate.Limiter) *Refusal {
	turn := l.Reserve()
	delay := turn.Delay()
	late := delay > longestWait
	if late {
		turn.Cancel()
		delay = longestWait
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
		}
	}
	if late {
		return &Refusal{Status: http.StatusTooManyRequests, Text: "there are too many requests"}
	}
	return nil
}
