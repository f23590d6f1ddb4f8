package health

import "time"

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
	// Since is when State began, zero while it is unknown.
	Since time.Time
	// Reason and Detail are those of the last decisive result (pass or fail).
	Reason Reason
	Detail string
}
