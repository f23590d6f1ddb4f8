// Package policy decides what a record set answers. It is pure: a Set (its immutable shape), the health of its records
// and a Memory of earlier decisions go in; a Plan for each family comes out. It knows no clock, no DNS type, no
// goroutine and no lock; time and random numbers are arguments.
//
// A decision is made when health changes, not when a query comes: Decide compiles what may be answered and with which
// odds into a Plan, which is immutable from then on and may be read by any number of goroutines. At query time only
// Plan.Draw or Plan.Shuffle is called. Trees need no more than that: the plan of an alias's target is an input of the
// set that holds the alias, and becomes part of its plan.
//
// The statements proved here are those of Route 53 ("how Route 53 chooses records"), numbered R and A in the tests.
package policy
