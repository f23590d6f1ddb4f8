package zone

import "sync/atomic"

// Tally counts answers by their kind. Queries add to it without a lock.
type Tally struct {
	Healthy  atomic.Uint64 // healthy records, or records without a check
	AllDown  atomic.Uint64 // what all_down says
	NoData   atomic.Uint64 // the name exists, there is nothing of the type
	NXDomain atomic.Uint64 // the name does not exist
}
