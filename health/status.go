package health

import (
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// State is what is known of a check (statement H01).
type State uint8

// The states. Unknown counts as healthy for answers.
const (
	Unknown State = iota
	Healthy
	Unhealthy
)

func (s State) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Unhealthy:
		return "unhealthy"
	default:
		return "unknown"
	}
}

// Status is what the world may know of a running check at one moment.
type Status struct {
	State State
	// Streak tells that results contrary to State are being counted: the next ones may change it.
	Streak bool
	// Held tells that there are failures enough to be unhealthy, but that this process may be the one to blame: it waits
	// for a sign that it is not (statement H14).
	Held bool
	// Manual is what an operator says it is, whatever State is beneath; Unknown where none does (statement H15).
	Manual State
	// Since is when State began, zero while it is unknown.
	Since time.Time
	// Reason and Detail are those of the last decisive result (pass or fail).
	Reason probe.Reason
	Detail string
}

// shown is the Status of a monitor in small, with a lock of its own: there are too many to keep each as an object.
type shown struct {
	mu     sync.Mutex
	state  State
	streak bool
	held   bool
	since  int64 // in nanoseconds since 1970, or 0
	why    why
}

func (s *shown) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.why.explain()
	status := Status{State: s.state, Streak: s.streak, Held: s.held, Reason: e.reason, Detail: e.detail}
	if s.since != 0 {
		status.Since = time.Unix(0, s.since)
	}
	return status
}

func (s *shown) set(status Status, reason why) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.streak, s.held, s.why = status.State, status.Streak, status.Held, reason
	if !status.Since.IsZero() {
		s.since = status.Since.UnixNano()
	}
}

// Stats are figures of a Registry as a whole.
type Stats struct {
	Checks   int // running ones
	InFlight int // attempts under way
	Waiting  int // checks that are due and wait for a place
	// Lateness is the longest that an attempt of the last minute began after it was due, whatever it waited for but
	// other checks of the same host and port.
	Lateness time.Duration
	// Held is how many checks have failures enough to be unhealthy and are not believed yet, and Isolated tells that it
	// is this process that seems to be cut off (statement H14).
	Held     int
	Isolated bool
}

// Stats gives the figures of now.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{
		Checks: r.running, InFlight: r.gates.inFlight(), Waiting: r.gates.waiting,
		Held: len(r.vantage.held), Isolated: r.vantage.isolated,
	}
	if r.schedule != nil {
		now := r.schedule.now()
		s.Lateness = r.starts.worst(now-time.Minute, now)
	}
	return s
}
