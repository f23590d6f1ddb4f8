package api

import "time"

// Manual is a manual state (statement H15).
type Manual struct {
	ID uint64 `json:"id"`
	// Checks is the pattern of the checks it is about, NAME or NAME@TARGET with "*" and "?".
	Checks string    `json:"checks"`
	State  string    `json:"state"` // Healthy or Unhealthy
	Reason string    `json:"reason"`
	Author string    `json:"author"`
	Since  time.Time `json:"since"`
	// Until is when it ends by itself, nil: when somebody ends it.
	Until *time.Time `json:"until,omitempty"`
	// Matches are how many checks it is about now. One that is about none waits for such a check.
	Matches int `json:"matches"`
}
