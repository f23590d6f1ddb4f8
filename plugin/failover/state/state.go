// Package state is what the failover plugin keeps over a restart (statement O02), as plain data; the file that it is kept
// in; and when that is written. It knows nothing of running checks, of answers or of the handler: whoever has the data
// gives it, and takes what was read.
//
// A Content is given by functions, so that a hundred thousand checks are written one by one and are never held at once,
// neither in memory nor under anybody's lock. What is read is a Saved.
package state

import (
	"fmt"
	"iter"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/policy"
)

// Version is that of the format. A file of another one is not read.
const Version = 1

// Header is what a file says of itself, and what there is only one of.
type Header struct {
	Saved time.Time
	// Final tells that the process has ended in order, and nothing has changed after.
	Final bool
	// LastManual is the highest id that a manual state has had.
	LastManual uint64
	Serials    map[string]uint32 // by zone
	Manual     []api.Manual      // in the order in which they were made
}

// Content is all that is to be written.
type Content struct {
	Header

	Sets   iter.Seq[Set]
	Checks iter.Seq[Check]
}

// Saved is all that was read.
type Saved struct {
	Header

	Sets   []Set
	Checks []Check
}

// Check is what was known of a running check.
type Check struct {
	// Check is what is probed, for people, and Definition all that is asked of it, as a hash, since there are secrets in
	// it. Together they are what is measured.
	Check      string `json:"check"`
	Definition string `json:"definition"`
	// Timing tells apart what measures the same by other intervals and thresholds.
	Timing string `json:"timing"`

	State string    `json:"state"` // api.Healthy or api.Unhealthy
	Since time.Time `json:"since"`
	// Moved is when the state last changed to or from unhealthy, zero for never, and Hold how long it is held then.
	Moved time.Time `json:"moved,omitzero"`
	Hold  Duration  `json:"hold,omitzero"`

	// The last probe that has passed or failed.
	Passed bool      `json:"passed"`
	Reason string    `json:"reason"`
	Detail string    `json:"detail,omitempty"`
	Took   Duration  `json:"took,omitzero"`
	Probed time.Time `json:"probed"`
}

// Set is what a record set remembers.
type Set struct {
	Zone   string `json:"zone"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Block  string `json:"block"` // the keys of the server block
	Policy string `json:"policy"`
	// IDs are those of the records, in their order, and Records stands for all that they are, as a hash.
	IDs     []string    `json:"ids"`
	Records string      `json:"records"`
	Memory  policy.Kept `json:"memory"`
}

// Duration is one that is written as Go and the Corefile write it.
type Duration time.Duration

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a duration, which cannot be negative.
func (d *Duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	if read < 0 {
		return fmt.Errorf("%s is negative", read)
	}
	*d = Duration(read)
	return nil
}
