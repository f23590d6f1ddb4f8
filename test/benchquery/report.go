//go:build linux

package main

import (
	"fmt"
	"io"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// report prints the figures of all contestants, those of the changes if there are any, and what all say of the budgets.
func report(out io.Writer, all []figures, change *changeFigures) {
	if len(all) > 0 {
		fmt.Fprintf(out, "\n| who | answers | sets | CPU us a query | of empty's | queries/s | p50, p99 us at %d/s "+
			"| lost | resident MiB |\n|---|---|---|---|---|---|---|---|---|\n", steady)
	}
	for i := range all {
		f := &all[i]
		if len(f.cpu) == 0 {
			continue // the run has failed before
		}
		who, ratio := f.who, "-"
		if f.prometheus {
			who += ", prometheus"
		}
		for j := range all {
			if g := &all[j]; g.who == empty && g.sets == f.sets && g.prometheus == f.prometheus {
				ratio = fmt.Sprintf("%.2fx", times(f.cpu, g.cpu))
			}
		}
		fmt.Fprintf(out, "| %s | %s | %d | %.2f | %s | %.0f | %.0f, %.0f | %.0f | %.1f |\n", who, f.answers, f.sets,
			median(f.cpu), ratio, median(f.rate), median(f.p50), median(f.p99), f.lost, f.resident/(1<<20))
	}
	if change != nil {
		fmt.Fprint(out, "\n| health changes | answers/s, each judged | p50 us | p99 us | noticed after, at most |\n"+
			"|---|---|---|---|---|\n")
		fmt.Fprintf(out, "| none | %.0f | %.0f | %.0f | - |\n",
			median(change.quiet.rate), median(change.quiet.p50), median(change.quiet.p99))
		fmt.Fprintf(out, "| %d a second | %.0f | %.0f | %.0f | %s |\n", changesPerSecond, median(change.changed.rate),
			median(change.changed.p50), median(change.changed.p99), bench.Milliseconds(change.behind))
	}
	if len(all) > 0 || change != nil {
		bench.PrintBudgets(out, judge(all, change))
	}
}
