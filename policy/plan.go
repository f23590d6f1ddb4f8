package policy

import (
	"math/bits"
	"math/rand/v2"
)

// Status is what the set that made a Plan is worth to an alias that points at it.
type Status uint8

// The statuses.
const (
	// Absent: the set has nothing to say for the family as things stand; neither healthy nor unhealthy.
	Absent Status = iota
	// Dead: nothing healthy of the family is answered.
	Dead
	// Alive: the set answers with a healthy record (A01).
	Alive
)

// Outcome is the kind of answer a Plan leads to.
type Outcome uint8

// The outcomes.
const (
	Answer       Outcome = iota // records, drawn from Choices
	AnswerNoData                // NOERROR without records
	AnswerServFail
	AnswerRefused
	AnswerNext  // the next plugin's
	AnswerFixed // the configuration's "all_down answer"
)

// Plan is what a set answers for one family until health changes. It is immutable.
type Plan struct {
	Outcome Outcome
	Status  Status
	// AllDown tells that no record was healthy and the set's AllDown decided.
	AllDown bool
	// Empty tells that nothing is there to be answered, not even where all count as healthy: of a name that others answer
	// for (A08), and of what leads to such only. It is Dead, and served after all else.
	Empty bool
	// Void tells that it is Dead for nothing but this: what it leads to is names that others answer for, of which none is
	// known to have anything of the family. Where the other family is healthy such a family is an empty one.
	Void bool
	// Shuffled tells that the order of the answer is random too (multivalue, static).
	Shuffled bool
	// Take is how many choices one answer takes: 1 (use Draw), or more (use Shuffle).
	Take int
	// Choices are the records that may be answered; never empty with the outcome Answer.
	Choices []Choice
	// sums are the running sums of the weights of Choices; nil for equal odds.
	sums []uint64
}

// Choice is a record that may be answered.
type Choice struct {
	Record int   // index in Set.Records
	Values []int // the values that are answered, indexes in Input.Values; empty for an alias
	Inner  *Plan // for an alias: what its target answers
}

// Draw picks the choice for one answer with the odds of the plan; r is 64 uniformly random bits. The odds are off by
// less than the sum of the weights in 2^64.
func (p *Plan) Draw(r uint64) int {
	n := len(p.Choices)
	if n == 1 {
		return 0
	}
	if p.sums == nil {
		hi, _ := bits.Mul64(r, uint64(n))
		return int(hi)
	}
	at, _ := bits.Mul64(r, p.sums[n-1])
	lo, hi := 0, n-1
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if at < p.sums[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Odds returns the probability of choice i as a fraction: with Take 1 that of being drawn, else that of being among
// those taken.
func (p *Plan) Odds(i int) (numerator, denominator uint64) {
	switch {
	case p.Take > 1 || p.sums == nil:
		return uint64(min(p.Take, len(p.Choices))), uint64(len(p.Choices))
	case i == 0:
		return p.sums[0], p.sums[len(p.sums)-1]
	default:
		return p.sums[i] - p.sums[i-1], p.sums[len(p.sums)-1]
	}
}

// Shuffle puts Take of the choices, each as likely as any other and in random order, at the front of order, which must
// have the length of Choices, and returns that front. It allocates nothing.
func (p *Plan) Shuffle(order []uint32, src rand.Source) []uint32 {
	n := len(p.Choices)
	order = order[:n]
	for i := range order {
		order[i] = uint32(i)
	}
	take := min(p.Take, n)
	for i := range take {
		// Fisher and Yates, stopped after as many as are taken.
		off, _ := bits.Mul64(src.Uint64(), uint64(n-i))
		j := i + int(off)
		order[i], order[j] = order[j], order[i]
	}
	return order[:take]
}

// Equal tells whether both plans answer the same with the same odds, all the way down.
func (p *Plan) Equal(q *Plan) bool {
	if p == q {
		return true
	}
	if p == nil || q == nil || p.Outcome != q.Outcome || p.Status != q.Status || p.AllDown != q.AllDown ||
		p.Empty != q.Empty || p.Void != q.Void || p.Take != q.Take ||
		len(p.Choices) != len(q.Choices) || len(p.sums) != len(q.sums) {
		return false
	}
	for i, sum := range p.sums {
		if sum != q.sums[i] {
			return false
		}
	}
	for i := range p.Choices {
		a, b := &p.Choices[i], &q.Choices[i]
		if a.Record != b.Record || len(a.Values) != len(b.Values) || !a.Inner.Equal(b.Inner) {
			return false
		}
		for j, v := range a.Values {
			if v != b.Values[j] {
				return false
			}
		}
	}
	return true
}
