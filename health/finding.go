package health

import (
	"math"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// finding is a probe.Result in small, as a monitor keeps it.
type finding struct {
	reason  probe.Reason
	detail  string
	took    micros
	phases  [4]micros // in the order of probe.Phases
	outcome probe.Outcome
}

// micros is a time in whole microseconds, of an hour at most.
type micros uint32

func microsOf(d time.Duration) micros { return micros(min(d/time.Microsecond, math.MaxUint32)) }

func (m micros) duration() time.Duration { return time.Duration(m) * time.Microsecond }

// find gives a result in small. Where it says the same as the one before, the text is kept once: a Status may hold the
// older one.
func find(r probe.Result, before finding) finding {
	f := finding{
		reason: r.Reason, detail: r.Detail, took: microsOf(r.Duration), outcome: r.Outcome,
		phases: [...]micros{
			microsOf(r.Phases.Resolve), microsOf(r.Phases.Connect), microsOf(r.Phases.TLS), microsOf(r.Phases.FirstByte),
		},
	}
	if f.detail == before.detail {
		f.detail = before.detail
	}
	return f
}

// result gives it back.
func (f finding) result() probe.Result {
	return probe.Result{
		Outcome: f.outcome, Reason: f.reason, Detail: f.detail, Duration: f.took.duration(),
		Phases: probe.Phases{
			Resolve: f.phases[0].duration(), Connect: f.phases[1].duration(),
			TLS: f.phases[2].duration(), FirstByte: f.phases[3].duration(),
		},
	}
}
