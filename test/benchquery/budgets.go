//go:build linux

package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// The budgets.
const (
	maxOfEmpty  = 1.05 // CPU a query, of the empty plugin's
	maxOfOthers = 1.0  // CPU a query, of that of a plugin that is to be slower, or of PowerDNS
	maxCounting = 0.03 // of the CPU of a query, for the metrics of answers
	maxTail     = 1.2  // p99 while health changes, of that while it does not
)

// judge compares failover with the others.
func judge(all []figures, change *changeFigures) []bench.Judgement {
	var list []bench.Judgement
	for i := range all {
		f := &all[i]
		if f.who != failover {
			continue
		}
		for j := range all {
			g := &all[j]
			// The empty plugin is the measure of weighted answers, too.
			if g.who == empty && g.sets == f.sets && g.prometheus == f.prometheus {
				list = append(list, against(f, g, maxOfEmpty))
			}
		}
		for j := range all {
			g := &all[j]
			// gdnsd is a server of its own and no measure for what runs in CoreDNS; lookup is a plugin that nobody has.
			if g.peers(f.contestant) && !slices.Contains([]string{failover, empty, lookup, gdnsd}, g.who) {
				list = append(list, against(f, g, maxOfOthers))
			}
		}
	}
	list = append(list, counting(all))
	if change != nil {
		list = append(list, change.judge()...)
	}
	return list
}

// against compares the CPU time of a query.
func against(ours, theirs *figures, limit float64) bench.Judgement {
	ratio := times(ours.cpu, theirs.cpu)
	with := ""
	if ours.prometheus {
		with = " with prometheus"
	}
	j := bench.Judgement{
		What:     fmt.Sprintf("%s%s, %d sets: CPU, of %s's", ours.answers, with, ours.sets, theirs.who),
		Limit:    fmt.Sprintf("%.2fx", limit),
		Measured: fmt.Sprintf("%.2fx (%.2f us, %.2f us)", ratio, median(ours.cpu), median(theirs.cpu)),
		Judged:   ratio > 0,
		Met:      ratio <= limit,
	}
	if limit == maxOfOthers {
		j.Limit, j.Met = "below", ratio < limit
	}
	return j
}

// counting compares what it takes to count an answer with all that an answer takes. There is no server that does not
// count to compare with: it is one atomic addition.
func counting(all []figures) bench.Judgement {
	j := bench.Judgement{
		What: "counting an answer, of the CPU of a query", Limit: fmt.Sprintf("%.0f %%", maxCounting*100),
		Measured: "it has not run",
	}
	i := slices.IndexFunc(all, func(f figures) bool { return f.who == failover })
	if i < 0 || len(all[i].cpu) == 0 {
		return j
	}
	const additions = 10_000_000
	var counter atomic.Uint64
	began := time.Now()
	for range additions {
		counter.Add(1)
	}
	each := time.Since(began).Seconds() / additions * 1e6
	share := each / median(all[i].cpu)
	j.Measured = fmt.Sprintf("%.2f %% (%.1f ns for an atomic addition)", share*100, each*1e3)
	j.Judged, j.Met = true, share <= maxCounting
	return j
}

// judge compares the two, and counts what was wrong.
func (f *changeFigures) judge() []bench.Judgement {
	ratio := times(f.changed.p99, f.quiet.p99)
	wrong := bench.Judgement{
		What:     fmt.Sprintf("%d changes a second: answers that were wrong or lost", changesPerSecond),
		Limit:    "0",
		Measured: fmt.Sprintf("%d wrong, %d lost", f.wrong, f.lost),
		Judged:   f.changes > 0,
		Met:      f.wrong+f.lost == 0,
	}
	if f.first != nil {
		wrong.Measured += ": " + f.first.Error()
	}
	return []bench.Judgement{wrong, {
		What:     fmt.Sprintf("%d changes a second: p99 at full load, of the quiet run's", changesPerSecond),
		Limit:    fmt.Sprintf("%.1fx", maxTail),
		Measured: fmt.Sprintf("%.2fx (%.0f us, %.0f us)", ratio, median(f.changed.p99), median(f.quiet.p99)),
		Judged:   ratio > 0,
		Met:      ratio <= maxTail,
	}}
}
