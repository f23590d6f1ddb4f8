//go:build linux

package bench

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// Judgement is what a budget has come to.
type Judgement struct {
	What, Limit, Measured string

	Judged, Met bool
}

// Verdict is the judgement in a word.
func (j Judgement) Verdict() string {
	switch {
	case !j.Judged:
		return "not judged"
	case j.Met:
		return "met"
	default:
		return "MISSED"
	}
}

// PrintBudgets prints the table of budgets.
func PrintBudgets(out io.Writer, all []Judgement) {
	fmt.Fprint(out, "\n| budget | limit | measured | |\n|---|---|---|---|\n")
	for _, j := range all {
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", j.What, j.Limit, j.Measured, j.Verdict())
	}
}

// Milliseconds renders a duration for a table.
func Milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}
