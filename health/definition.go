package health

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Definition says all there is to say about one running check: what is asked of which endpoint, and how results become
// a state. It is plain comparable data and the key of the Registry: equal definitions are one running check, however
// many users it has. It is checked once, when the configuration is read, and never changed after.
//
// Definitions that differ in Timing only measure the same thing, so the state of one can seed the other on a reload.
type Definition struct {
	Probe  probe.ID
	Timing Timing
}

// Timing is when attempts are made and how many of them decide (statements H02 to H05).
type Timing struct {
	Interval time.Duration // between attempts while all is well
	Timeout  time.Duration // one attempt, from resolving the name to the last byte
	Fast     time.Duration // between attempts while the state is unknown or a contrary streak is open
	Fall     int           // failures that make it unhealthy, in a row or, when FallOf > 0, among the last FallOf
	FallOf   int           // 0, or Fall <= FallOf <= 64
	Rise     int           // passes in a row that make it healthy
	Hold     time.Duration // how long it stays unhealthy at least; 0: as long as it takes to rise
	HoldMax  time.Duration // what Hold may grow to while it flaps; at least Hold
}

// Validate tells what is wrong with t, in the words of the Corefile.
func (t Timing) Validate() error {
	const shortest = 10 * time.Millisecond
	switch {
	case t.Interval < shortest:
		return fmt.Errorf("interval: %s is less than %s", t.Interval, shortest)
	case t.Timeout < shortest:
		return fmt.Errorf("timeout: %s is less than %s", t.Timeout, shortest)
	case t.Fast < shortest || t.Fast > t.Interval:
		return fmt.Errorf("fast: %s is not within %s and the interval, %s", t.Fast, shortest, t.Interval)
	case t.Fall < 1 || t.Fall > 64:
		return fmt.Errorf("fall: %d is not within 1 and 64", t.Fall)
	case t.FallOf != 0 && (t.FallOf < t.Fall || t.FallOf > 64):
		return fmt.Errorf("fall: %d/%d is not N/M with N <= M <= 64", t.Fall, t.FallOf)
	case t.Rise < 1 || t.Rise > 64:
		return fmt.Errorf("rise: %d is not within 1 and 64", t.Rise)
	case t.Hold < 0:
		return errors.New("hold: a time cannot be negative")
	case t.HoldMax < t.Hold:
		return fmt.Errorf("hold: the longest, %s, is shorter than the first, %s", t.HoldMax, t.Hold)
	}
	return nil
}

// sharedTiming is a Timing and the number of running checks that go by it.
type sharedTiming struct {
	Timing

	users int
}

// share gives the one Timing for a check that is equal to t.
func (r *Registry) share(t Timing) *Timing {
	s := r.timings[t]
	if s == nil {
		s = &sharedTiming{Timing: t}
		r.timings[t] = s
	}
	s.users++
	return &s.Timing
}

// unshare ends the use of a Timing that share gave.
func (r *Registry) unshare(t *Timing) {
	s := r.timings[*t]
	if s.users--; s.users == 0 {
		delete(r.timings, *t)
	}
}
