package zone

import (
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"
)

// Switch is a change of what a set answers with that an operator wants to hear of.
type Switch struct {
	Set  *Set
	Kind SwitchKind
	// From and To are the records that the set was on and is on, of Failover and Failback; To also of Recovered, nil for a
	// set of another policy.
	From, To *corefile.Record
	At       time.Time
}

// SwitchKind tells what a Switch is.
type SwitchKind string

// The kinds of switches.
const (
	Failover SwitchKind = "failover" // a failover set has moved to a record further down
	Failback SwitchKind = "failback" // it has moved up
	// AllDown: no record of the set is healthy any more, so its all_down decides; or that holds of more or fewer of its
	// families than before.
	AllDown   SwitchKind = "all_down"
	Recovered SwitchKind = "recovered" // one is again, of each family
)

// posture is as much of what a set answers as makes a Switch.
type posture struct {
	active  int32
	allDown [policy.Families]bool
}

func (p posture) anyDown() bool { return slices.Contains(p.allDown[:], true) }

func (s *Set) posture() posture {
	p := posture{active: s.active.Load()}
	for f := range s.answers {
		if a := s.answers[f].Load(); a != nil {
			p.allDown[f] = a.AllDown
		}
	}
	return p
}

// Trouble tells what is wrong with what the set answers: AllDown, or Failover with the record that it is on instead of
// its primary; nothing where all is well.
func (s *Set) Trouble() (SwitchKind, *corefile.Record) {
	p := s.posture()
	switch {
	case p.anyDown():
		return AllDown, nil
	case p.active > 0:
		return Failover, s.record(p.active)
	}
	return "", nil
}

// note keeps what is to be told of a set that was evaluated. Where nothing is healthy the record that a failover set is
// on is nothing but a matter of form.
func (x *Index) note(s *Set, before, after posture, now time.Time) {
	if x.Switched == nil || before == after {
		return
	}
	n := Switch{Set: s, At: now, From: s.record(before.active), To: s.record(after.active)}
	switch {
	case after.anyDown():
		if before.allDown == after.allDown {
			return
		}
		n.Kind, n.From, n.To = AllDown, nil, nil
	case before.anyDown():
		n.Kind, n.From = Recovered, nil
	case n.From == nil || n.To == nil:
		return
	case after.active > before.active:
		n.Kind = Failover
	default:
		n.Kind = Failback
	}
	x.told = append(x.told, n)
}

// tell tells what was noted.
func (x *Index) tell() {
	for _, n := range x.told {
		x.Switched(n)
	}
	clear(x.told)
	x.told = x.told[:0]
}

// record is one of a failover set's by its index, nil for none.
func (s *Set) record(i int32) *corefile.Record {
	if i < 0 {
		return nil
	}
	return s.Config.Records[i]
}
