package api

import "time"

// The states of a check (statement H01).
const (
	Unknown   = "unknown"
	Healthy   = "healthy"
	Unhealthy = "unhealthy"
)

// Check is one check: an instance that is probed, or one that combines others.
type Check struct {
	// ID is NAME@TARGET, or NAME for a check that is not probed. It is also a pattern that means this check.
	ID     string `json:"id"`
	Name   string `json:"name"`
	Target string `json:"target,omitempty"`
	// State is what counts: Manual's where there is one, else Real.
	State string `json:"state"`
	// Real is what the probes have found; nothing for one that is not probed.
	Real string `json:"real,omitempty"`
	// Streak tells that results contrary to Real are being counted, Held that there are failures enough to be unhealthy
	// which are not believed yet, since it may be this server that is cut off.
	Streak bool `json:"streak,omitempty"`
	Held   bool `json:"held,omitempty"`
	// Since is when Real began, nil while it is unknown.
	Since *time.Time `json:"since,omitempty"`
	// Reason and Detail are those of the last result that decided, a word and a sentence.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Manual is the manual state that counts, if any.
	Manual *Manual `json:"manual,omitempty"`
	// Last is the last probe, whatever came of it; nil before the first.
	Last *Probe `json:"last,omitempty"`
	// Next is when the next probe is due, nil for a check that is not probed.
	Next *time.Time `json:"next,omitempty"`
	// Latency has how long the last probes took in milliseconds, the oldest first; it is kept for a bounded number of
	// checks only.
	Latency []float64 `json:"latency,omitempty"`
	// Sets are the record sets that depend on it.
	Sets []string `json:"sets,omitempty"`
}

// Probe is one attempt. Durations are in milliseconds.
type Probe struct {
	At        time.Time `json:"at"`
	Outcome   string    `json:"outcome"` // pass, fail or indeterminate
	Reason    string    `json:"reason"`
	Detail    string    `json:"detail,omitempty"`
	Duration  float64   `json:"duration_ms"`
	Resolve   float64   `json:"resolve_ms,omitempty"`
	Connect   float64   `json:"connect_ms,omitempty"`
	TLS       float64   `json:"tls_ms,omitempty"`
	FirstByte float64   `json:"first_byte_ms,omitempty"`
}
