//go:build linux

package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// report prints the figures of all runs, and what they say of the budgets.
func report(out io.Writer, all []figures) {
	if len(all) == 0 {
		return
	}
	fmt.Fprint(out, `
| who | checks | probes/s, of | CPU s / 1,000 probes | of a core (endpoint) | resident B/check | live heap B/check `+
		`| probes / 100 ms: peak, mean | worst lateness | goroutines | open at most |
|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, f := range all {
		memory, lateness, goroutines := "- | -", "-", "-"
		if f.who == failover {
			memory = fmt.Sprintf("%.0f | %.0f", f.perCheck.resident, f.perCheck.heap)
			goroutines = strconv.Itoa(f.goroutines)
			switch {
			case f.noLateness:
				lateness = "n/a"
			case f.mute:
				memory = fmt.Sprintf("%.0f | no answer", f.perCheck.resident)
				lateness = "no answer"
			default:
				lateness = bench.Milliseconds(f.lateness)
			}
		}
		fmt.Fprintf(out, "| %s | %d %s at %v | %.0f, %.0f | %.3f | %.1f %% (%.1f %%) | %s | %d, %.1f | %s | %s | %d |\n",
			f.who, f.checks, f.kind, f.interval, f.rate(), f.perSecond(), f.cpuPerProbe()*1000, f.core()*100, f.servingCore()*100,
			memory, f.peak, f.mean(), lateness, goroutines, f.open)
	}
	bench.PrintBudgets(out, judge(all))
}
