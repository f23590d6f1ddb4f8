package health

// Expression combines running checks into one health: a leaf is a running check, every other node counts the healthy
// ones among its children. It is immutable and evaluated from the last known states, never by probing. Nearly all are
// leaves, and there is one for every check, so what only other nodes need is apart.
type Expression struct {
	*Combination // ExprAtLeast

	// Leaf is by which its status is asked for. Of ExprCheck it is the index of the definition in the table of its
	// configuration; of the others only Status.Manual counts, and Unnamed is for one that nobody can name.
	Leaf     int32
	Kind     ExpressionKind
	Invert   bool // swaps the outcome, last of all ("not" is AtLeast 1 of one child, inverted)
	Disabled bool // counts as healthy whatever is below, before Invert (statement H10)
	// StartUnhealthy is for ExprCheck: it counts as unhealthy, and not as healthy, until it is known.
	StartUnhealthy bool
}

// Combination is what an Expression counts.
type Combination struct {
	AtLeast  int // how many children must be healthy ("all" is len(Children), "any" is 1)
	Children []*Expression
}

// Unnamed is the Leaf of an Expression without a name of its own, which no manual state can be about.
const Unnamed = -1

// ExpressionKind tells what an Expression is.
type ExpressionKind uint8

// The kinds.
const (
	ExprCheck   ExpressionKind = iota // a running check
	ExprManual                        // healthy until an operator says otherwise
	ExprAtLeast                       // healthy while AtLeast or more children are
)

// Verdict is the outcome of an Expression.
type Verdict struct {
	Healthy bool
	// Settled tells that no leaf is unknown, has an open contrary streak, is in a state other than the one that is best
	// for the whole (statement D10), or in a manual one, which can end at any moment. Below an odd number of inversions
	// the best state is unhealthy.
	Settled bool
	// Known tells that no leaf is unknown.
	Known bool
}

// Evaluate is pure; status gives the last known status of a leaf.
func (e *Expression) Evaluate(status func(leaf int) Status) Verdict { return e.evaluate(status, true) }

// evaluate lets a manual state win over all else, Invert and Disabled among it: what an operator says is said of the
// check as it is named (statement H15).
func (e *Expression) evaluate(status func(leaf int) Status, upIsBest bool) Verdict {
	var s Status
	if e.Leaf != Unnamed {
		if s = status(int(e.Leaf)); s.Manual != Unknown {
			return Verdict{Healthy: s.Manual == Healthy, Known: true}
		}
	}
	if e.Disabled {
		return Verdict{Healthy: !e.Invert, Settled: true, Known: true}
	}
	if e.Invert {
		upIsBest = !upIsBest
	}
	v := Verdict{Healthy: true, Settled: true, Known: true}
	switch e.Kind {
	case ExprCheck:
		best := Unhealthy
		if upIsBest {
			best = Healthy
		}
		healthy := s.State == Healthy || s.State == Unknown && !e.StartUnhealthy
		v = Verdict{Healthy: healthy, Settled: s.State == best && !s.Streak, Known: s.State != Unknown}
	case ExprAtLeast:
		healthy := 0
		for _, child := range e.Children {
			cv := child.evaluate(status, upIsBest)
			if cv.Healthy {
				healthy++
			}
			v.Settled = v.Settled && cv.Settled
			v.Known = v.Known && cv.Known
		}
		v.Healthy = healthy >= e.AtLeast
	}
	if e.Invert {
		v.Healthy = !v.Healthy
	}
	return v
}
