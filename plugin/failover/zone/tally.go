package zone

import (
	"sync/atomic"

	"github.com/seed-a19ac2b6/failover/policy"
)

// Tally counts answers by their kind. Queries add to it without a lock.
type Tally struct {
	Healthy  atomic.Uint64 // healthy records, or records without a check
	AllDown  atomic.Uint64 // what all_down says
	NoData   atomic.Uint64 // the name exists, there is nothing of the type
	NXDomain atomic.Uint64 // the name does not exist
}

// Tallies are the counters of a set: for the types 0, A and AAAA those of A and AAAA, in this order; else the first is
// that of the type. Of a zone the first counts the answers that belong to no set.
type Tallies [policy.Families]Tally

// AddTo adds what was counted until now to other counters.
func (t *Tallies) AddTo(sum *Tallies) {
	for f := range t {
		sum[f].Healthy.Add(t[f].Healthy.Load())
		sum[f].AllDown.Add(t[f].AllDown.Load())
		sum[f].NoData.Add(t[f].NoData.Load())
		sum[f].NXDomain.Add(t[f].NXDomain.Load())
	}
}

// Attach is told the counters of each set of an index that is made. They are the set's own, beside what else a query
// reads of it, so those of several configurations have to be added up. With the empty name and type 0 they are those of
// a zone.
type Attach func(zone, name string, rrtype uint16, t *Tallies)
