//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// The budgets.
const (
	maxTCPRatio     = 1.3 // CPU, of gdnsd's
	maxHTTPRatio    = 1.5 // CPU, of a bare net/http client's
	maxResident     = 1.5 * 1024
	maxPeakRatio    = 2 // of the mean
	maxLateness     = 100 * time.Millisecond
	halfACore       = 0.5 // up to which maxLateness is promised
	moreThanFlights = 50  // goroutines beyond one for each probe in flight

	// fewest is from how many checks on their memory stands out from the rest of the process.
	fewest = 10_000
)

// judge compares the runs with the budgets. Where there are several of a kind, the CPU is that of all together and the
// rest the worst one's.
func judge(all []figures) []bench.Judgement {
	return slices.Concat(
		[]bench.Judgement{ratio(all, kindTCP, gdnsd, maxTCPRatio), ratio(all, kindHTTP, bare, maxHTTPRatio)},
		ofRuns(all),
	)
}

// distinct gives the runs of failover, each once.
func distinct(all []figures) []run {
	var runs []run
	for _, f := range all {
		if f.who == failover && !slices.Contains(runs, f.run) {
			runs = append(runs, f.run)
		}
	}
	return runs
}

// ratio compares failover's CPU with that of a reference that did the same.
func ratio(all []figures, kind, reference string, limit float64) bench.Judgement {
	j := bench.Judgement{
		What:     fmt.Sprintf("CPU of a %s probe, of %s's", kind, reference),
		Limit:    fmt.Sprintf("%.1fx", limit),
		Measured: "one of the two has not run",
	}
	i := slices.IndexFunc(all, func(f figures) bool { return f.kind == kind && f.who == reference })
	if i < 0 {
		return j
	}
	theirs := all[i].run
	ours := theirs
	ours.who = failover
	a, b := together(all, ours), together(all, theirs)
	if a.arrived == 0 || b.cpu == 0 {
		return j
	}
	quotient := a.cpuPerProbe() / b.cpuPerProbe()
	j.Measured = fmt.Sprintf("%.2fx (%.0f us, %.0f us)", quotient, a.cpuPerProbe()*1e6, b.cpuPerProbe()*1e6)
	j.Judged, j.Met = true, quotient <= limit
	return j
}

// together adds up the CPU time and the probes of equal runs.
func together(all []figures, r run) figures {
	sum := figures{run: r}
	for _, f := range all {
		if f.run == r {
			sum.cpu += f.cpu
			sum.over += f.over
			sum.arrived += f.arrived
		}
	}
	return sum
}

func ofRuns(all []figures) []bench.Judgement {
	runs := distinct(all)
	judgements := make([][]bench.Judgement, len(runs))
	for i, r := range runs {
		judgements[i] = ofRun(all, r)
	}
	return slices.Concat(judgements...)
}

// ofRun judges what a run has to keep by itself.
func ofRun(all []figures, r run) []bench.Judgement {
	var (
		resident, peak float64
		beyond         = -1 << 30
		lateness       time.Duration
		unknown        bool
	)
	for _, f := range all {
		if f.run != r {
			continue
		}
		resident = max(resident, f.perCheck.resident)
		peak = max(peak, float64(f.peak)/f.mean())
		beyond = max(beyond, f.goroutines-int(f.open))
		lateness = max(lateness, f.lateness)
		unknown = unknown || f.noLateness || f.mute
	}
	sum := together(all, r)
	name := fmt.Sprintf("%d %s at %v: ", r.checks, r.kind, r.interval)
	late := bench.Judgement{
		What:     name + "worst lateness, at up to 50 % of a core",
		Limit:    bench.Milliseconds(maxLateness),
		Measured: fmt.Sprintf("%s at %.0f %%", bench.Milliseconds(lateness), sum.core()*100),
		Judged:   sum.core() <= halfACore,
		Met:      lateness <= maxLateness,
	}
	if unknown {
		late.Measured, late.Judged = "n/a", false
	}
	return []bench.Judgement{
		{
			What:  name + "resident",
			Limit: fmt.Sprintf("%.0f B", float64(maxResident)), Measured: fmt.Sprintf("%.0f B", resident),
			Judged: r.checks >= fewest, Met: resident <= maxResident,
		},
		{
			What:  name + "peak of 100 ms, of the mean",
			Limit: fmt.Sprintf("%dx", maxPeakRatio), Measured: fmt.Sprintf("%.2fx", peak),
			Judged: true, Met: peak <= maxPeakRatio,
		},
		late,
		{
			What:  name + "goroutines beyond one a probe",
			Limit: strconv.Itoa(moreThanFlights), Measured: strconv.Itoa(beyond),
			Judged: r.checks <= fewest, Met: beyond <= moreThanFlights,
		},
	}
}
