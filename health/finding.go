package health

import (
	"math"
	"time"
	"unique"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// finding is a probe.Result in small, as a monitor keeps it.
type finding struct {
	why     why
	took    micros
	phases  [4]micros // in the order of probe.Phases
	outcome probe.Outcome
}

// why says why something is as it is. Most checks have it in common with very many others.
type why struct{ handle unique.Handle[explanation] }

type explanation struct {
	reason probe.Reason
	detail string
}

func because(reason probe.Reason, detail string) why {
	return why{unique.Make(explanation{reason, detail})}
}

// explain gives the explanation; that of the zero why is empty.
func (w why) explain() explanation {
	if w == (why{}) {
		return explanation{}
	}
	return w.handle.Value()
}

// micros is a time in whole microseconds, of an hour at most.
type micros uint32

func microsOf(d time.Duration) micros { return micros(min(d/time.Microsecond, math.MaxUint32)) }

func (m micros) duration() time.Duration { return time.Duration(m) * time.Microsecond }

// find gives a result in small.
func find(r probe.Result) finding {
	return finding{
		why: because(r.Reason, r.Detail), took: microsOf(r.Duration), outcome: r.Outcome,
		phases: [...]micros{
			microsOf(r.Phases.Resolve), microsOf(r.Phases.Connect), microsOf(r.Phases.TLS), microsOf(r.Phases.FirstByte),
		},
	}
}

// result gives it back.
func (f finding) result() probe.Result {
	e := f.why.explain()
	return probe.Result{
		Outcome: f.outcome, Reason: e.reason, Detail: e.detail, Duration: f.took.duration(),
		Phases: probe.Phases{
			Resolve: f.phases[0].duration(), Connect: f.phases[1].duration(),
			TLS: f.phases[2].duration(), FirstByte: f.phases[3].duration(),
		},
	}
}
