package policy

import (
	"strconv"
	"time"
)

// Families is how many decisions a set can make: a set with a type makes one; a set of addresses makes two, A and AAAA.
const Families = 2

// Kind is the policy of a record set.
type Kind uint8

// The policies.
const (
	Failover   Kind = iota + 1 // the first healthy tier
	Weighted                   // one healthy record, by weight
	Multivalue                 // several healthy records, in random order
	Static                     // all records, in random order: Route 53's simple routing
)

// String returns the name of the policy, as in README and metadata.
func (k Kind) String() string {
	switch k {
	case Failover:
		return "failover"
	case Weighted:
		return "weighted"
	case Multivalue:
		return "multivalue"
	case Static:
		return "simple"
	}
	return "unknown"
}

// AllDown says what a set does when none of its records is healthy (R06, R19).
type AllDown uint8

// The ways.
const (
	Serve    AllDown = iota // all count as healthy and the policy decides as usual
	Last                    // what the set answered when something in it was last healthy
	NoData                  // an empty answer
	ServFail                // the rcode SERVFAIL
	Refuse                  // the rcode REFUSED
	Next                    // left to the next plugin
	Fixed                   // an answer given in the configuration
)

// String returns the word of the configuration.
func (a AllDown) String() string {
	words := [...]string{"serve", "last", "nodata", "servfail", "refuse", "next", "answer"}
	if int(a) < len(words) {
		return words[a]
	}
	return "unknown"
}

// Threshold is how many values a record needs to be healthy (R17): N, or Percent of those it has, rounded up. The zero
// value means one. A family with fewer than N values needs them all.
type Threshold struct {
	N       int
	Percent int
}

// String returns the threshold as the configuration has it.
func (t Threshold) String() string {
	if t.Percent > 0 {
		return strconv.Itoa(t.Percent) + "%"
	}
	return strconv.Itoa(max(1, t.N))
}

// need returns how many of n values must be healthy, 1 to n.
func (t Threshold) need(n int) int {
	switch {
	case t.Percent > 0:
		return max(1, (n*t.Percent+99)/100)
	default:
		return max(1, min(t.N, n))
	}
}

// Failback says when a failover set goes back to a better tier (R21). The zero value is at once.
type Failback struct {
	Manual bool          // never by itself while the tier it is on is healthy
	After  time.Duration // when the better tier has been healthy for this long without a break
}

// String returns the word of the configuration, or the time.
func (f Failback) String() string {
	switch {
	case f.Manual:
		return "manual"
	case f.After > 0:
		return f.After.String()
	}
	return "auto"
}

// Set is the immutable shape of a record set.
type Set struct {
	Kind     Kind
	Families int // 1 or 2
	Records  []Record
	AllDown  AllDown
	Min      Threshold
	Max      int // multivalue: how many records at the most, at least 1
	Failback Failback
}

// Record is the immutable shape of one record of a set; for failover, a tier.
type Record struct {
	Weight uint16
	// Alias tells that the record points at another set, whose plans are its Input.
	Alias bool
	// EvaluateOff is an alias that counts as healthy whatever is in it (A03).
	EvaluateOff bool
}
