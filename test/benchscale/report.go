//go:build linux

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// report prints the figures of all runs, and what they say of the budgets.
func report(out io.Writer, all []figures) {
	if len(all) == 0 {
		return
	}
	fmt.Fprint(out, `
| sets | checks (known) | load, CPU | resident a set | live heap a set | change of 1 set: median, 95 %, max `+
		`| CPU | change of many sets | first answer | last answer | CPU |
|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, f := range all {
		heap := "no answer"
		if f.perSet.heap > 0 {
			heap = fmt.Sprintf("%.0f B", f.perSet.heap)
		}
		fmt.Fprintf(out, "| %d | %d (%.0f %%) | %.1f s, %.1f s | %.0f B | %s | %s, %s, %s | %s | %d | %s | %s | %s |\n",
			f.sets, f.checks(), f.known*100, f.load.Seconds(), f.loadCPU.Seconds(), f.perSet.resident, heap,
			ms(f.first.quantile(0.5)), ms(f.first.quantile(0.95)), ms(f.first.quantile(1)), ms(f.first.cpu),
			f.plan.many, ms(f.many.quantile(0.5)), ms(f.last.quantile(0.5)), ms(f.last.cpu))
	}
	bench.PrintBudgets(out, judge(all))
}

func ms(d time.Duration) string { return bench.Milliseconds(d) }
