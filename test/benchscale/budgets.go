//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// The budgets.
const (
	judgedSets  = 100_000
	maxLoad     = 10 * time.Second
	maxResident = 6 << 10 // bytes, with the two check instances of a set
	maxChange   = 50 * time.Millisecond

	// Ten times as many sets may take a set so many times as long to load and to change; what is more than linear
	// would be far beyond. Smaller ones than least say nothing: most of their time is the start of CoreDNS itself.
	maxGrowth = 1.5
	least     = 10_000
)

func judge(all []figures) []bench.Judgement {
	var list []bench.Judgement
	for _, f := range all {
		list = append(list, judgeRun(f)...)
	}
	for i := 1; i < len(all); i++ {
		if all[i-1].sets >= least && all[i].sets > all[i-1].sets {
			list = append(list, judgeGrowth(all[i-1], all[i])...)
		}
	}
	return list
}

// judgeRun judges a run by itself.
func judgeRun(f figures) []bench.Judgement {
	name := fmt.Sprintf("%d sets: ", f.sets)
	judged := f.sets == judgedSets
	change := func(what string, c changes) bench.Judgement {
		worst := c.quantile(0.95)
		j := bench.Judgement{
			What: name + what, Limit: ms(maxChange), Measured: ms(worst), Judged: f.sets <= judgedSets, Met: worst <= maxChange,
		}
		if f.unseen {
			j.Measured, j.Judged, j.Met = "not seen after "+patience.String(), true, false
		}
		return j
	}
	return []bench.Judgement{
		{
			What: name + "load", Limit: fmt.Sprintf("%.0f s", maxLoad.Seconds()),
			Measured: fmt.Sprintf("%.1f s", f.load.Seconds()), Judged: judged, Met: f.load <= maxLoad,
		},
		{
			What: name + "resident a set with its two checks", Limit: fmt.Sprintf("%d B", maxResident),
			Measured: fmt.Sprintf("%.0f B", f.perSet.resident), Judged: judged && f.known == 1 && f.checked == f.sets,
			Met: f.perSet.resident <= maxResident,
		},
		change("change of 1 set to the first answer, in 95 %", f.first),
		change(fmt.Sprintf("change of %d sets to the first answer, in 95 %%", f.plan.many), f.many),
	}
}

// judgeGrowth compares two runs, of which the second is larger.
func judgeGrowth(small, large figures) []bench.Judgement {
	name := fmt.Sprintf("%d sets, of %d: ", large.sets, small.sets)
	growth := func(what string, a, b float64, judged bool) bench.Judgement {
		j := bench.Judgement{What: name + what, Limit: fmt.Sprintf("%.1fx", maxGrowth), Measured: "nothing to compare with"}
		if a > 0 {
			j.Measured = fmt.Sprintf("%.2fx", b/a)
			j.Judged, j.Met = judged, b/a <= maxGrowth
		}
		return j
	}
	seen := !small.unseen && !large.unseen
	same := small.checked == small.sets && large.checked == large.sets
	return []bench.Judgement{
		growth("load, a set", small.load.Seconds()/float64(small.sets), large.load.Seconds()/float64(large.sets), same),
		growth("resident, a set", small.perSet.resident, large.perSet.resident, same),
		growth("change of 1 set, median", small.first.quantile(0.5).Seconds(), large.first.quantile(0.5).Seconds(), seen),
		growth(fmt.Sprintf("CPU of a change of %d sets, a set", large.plan.many), small.last.cpu.Seconds()/float64(small.plan.many),
			large.last.cpu.Seconds()/float64(large.plan.many), seen),
	}
}
