package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/lint"
	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"

	"github.com/spf13/cobra"
)

// shownChecks is how many checks are listed unless all are wanted.
const shownChecks = 100

func (a *app) check() *cobra.Command {
	var strict, elsewhere, all bool
	cmd := &cobra.Command{
		Use:   "check COREFILE",
		Short: "Judge a Corefile: errors, warnings, and what would be probed",
		Long: `Judge the stanzas of failover in a Corefile as the server would, with its imports, snippets and environment
variables. Errors are told on standard error as FILE:LINE - MESSAGE, the first of each server block, and warnings as
FILE:LINE - warning: MESSAGE. What would be probed is listed on standard output. No server is needed and nothing is probed.

Files and programs that checks name must be there, as for the server; a relative path begins where *root* says, else
in the folder that the command is run in. --elsewhere leaves them out, for the Corefile of another machine. What other
plugins have in the file is not judged. Nor is what belongs to a running process: the permission to ping, and a
resolver that is the server itself.

Exit codes: 0 no errors, 1 errors or no such file, 2 usage, 5 warnings with --strict`,
		Example: "  failoverctl check --strict /etc/coredns/Corefile",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(_ context.Context, t *term.Terminal, args []string) error {
			report, err := lint.File(args[0], elsewhere)
			if err != nil {
				return err
			}
			if err := a.showReport(t, report, all); err != nil {
				return err
			}
			switch {
			case len(report.Errors) > 0:
				return quiet{errors.New("there are errors")}
			case strict && len(report.Warnings) > 0:
				return quiet{errWarned}
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings fail, with exit code 5")
	cmd.Flags().BoolVar(&elsewhere, "elsewhere", false, "the server is on another machine: do not look for files and programs")
	cmd.Flags().BoolVar(&all, "all", false, fmt.Sprintf("list all checks, not only the first %d", shownChecks))
	return cmd
}

func (a *app) showReport(t *term.Terminal, r *lint.Report, all bool) error {
	if a.json() {
		return printJSON(t, r)
	}
	for _, e := range r.Errors {
		t.Note("%s", t.Paint(term.Red, e.String()))
	}
	for _, w := range r.Warnings {
		w.Text = "warning: " + w.Text
		t.Note("%s", t.Paint(term.Yellow, w.String()))
	}
	if len(r.Errors) > 0 {
		return nil // the rest would be but a part of it
	}
	checks := r.Checks
	if !all && len(checks) > shownChecks {
		checks = checks[:shownChecks]
	}
	table := term.NewTable("CHECK", "INTERVAL", "TIMEOUT", "TARGET")
	for _, c := range checks {
		table.Row(strings.Join(c.Names, " "), c.Interval.String(), c.Timeout.String(), c.Target)
	}
	if !table.Empty() {
		t.Table(table)
	}
	if more := len(r.Checks) - len(checks); more > 0 {
		t.Line("and %d more: --all lists them", more)
	}
	t.Line("%s, %s, %s, %s a second", plural(r.Zones, "zone"), plural(r.Sets, "record set"),
		plural(len(r.Checks), "check"), rate(r.Probes))
	return nil
}

// rate is a number of probes.
func rate(probes float64) string {
	text := fmt.Sprintf("%.3g", probes)
	if probes >= 1000 {
		text = fmt.Sprintf("%.0f", probes)
	}
	if text == "1" {
		return "1 probe"
	}
	return text + " probes"
}
