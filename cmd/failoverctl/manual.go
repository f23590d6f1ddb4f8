package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"github.com/spf13/cobra"
)

// force is the command "down" or "up".
func (a *app) force(word string) *cobra.Command {
	state := api.Unhealthy
	if word == "up" {
		state = api.Healthy
	}
	var length time.Duration
	var reason string
	var open bool
	cmd := &cobra.Command{
		Use:   word + " GLOB",
		Short: "Have checks be " + state + " by hand",
		Long: `Have checks be ` + state + ` by hand, whatever their probes find; these go on all the same. GLOB is the name of a
check, or NAME@TARGET for one of its targets; "*" and "?" stand for anything. Quote it for the shell. One that no check
matches waits for such a check. Where several manual states are about a check, the last one counts.`,
		Example: "  failoverctl " + word + " web --for 30m --reason 'disks are being changed'\n" +
			"  failoverctl " + word + " 'web@http://192.0.2.1:*' --until-restored --reason 'moved out'",
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(ctx context.Context, t *term.Terminal, args []string) error {
			wanted := api.NewManual{Checks: args[0], State: state, Reason: reason}
			switch {
			case reason == "":
				return usageError{errors.New("reason: it is empty; those who come after you will want to know")}
			case !open && length <= 0:
				return usageError{errors.New("for: it must be more than nothing")}
			case !open:
				wanted.For = length.String()
			}
			var err error
			if wanted.Author, err = a.author(); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			m, err := c.Force(ctx, wanted)
			if err != nil {
				return err
			}
			if a.json() {
				return printJSON(t, m)
			}
			t.Line("%s is %s by hand, by %s (manual state %d)", term.Clean(m.Checks),
				t.Paint(ofState(m.State).Colour, m.State), term.Clean(m.Author), m.ID)
			t.Line("  ends    %s", ends(&m, m.Since))
			if m.Matches == 0 {
				t.Line("  checks  %s", t.Paint(term.Yellow, "none yet: it waits for one of that name"))
			} else {
				t.Line("  checks  %d", m.Matches)
			}
			return nil
		}),
		ValidArgsFunction: a.names(false, true),
	}
	cmd.Flags().DurationVar(&length, "for", 0, "how long, like 30m")
	cmd.Flags().BoolVar(&open, "until-restored", false, "until it is restored")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who come after you")
	cmd.MarkFlagsOneRequired("for", "until-restored")
	cmd.MarkFlagsMutuallyExclusive("for", "until-restored")
	_ = cmd.MarkFlagRequired("reason") // it fails for flags that are not there only
	return cmd
}

func (a *app) restore() *cobra.Command {
	var id uint64
	cmd := &cobra.Command{
		Use:   "restore GLOB | --id N",
		Short: "End manual states",
		Long: `End manual states: those with the same GLOB, and those of checks that GLOB matches. With --id, the one of that
number. What the probes have found counts again at once.`,
		Example: "  failoverctl restore web\n  failoverctl restore --id 3",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("id") && len(args) > 0 {
				return errors.New("it takes a GLOB or --id, not both")
			}
			if cmd.Flags().Changed("id") {
				return nil
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: a.do(func(ctx context.Context, t *term.Terminal, args []string) error {
			author, err := a.author()
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			var ended []api.Manual
			what := fmt.Sprintf("no manual state has the number %d", id)
			if len(args) == 0 {
				ended, err = c.RestoreID(ctx, id, author)
			} else {
				what = fmt.Sprintf("no manual state is about %q", args[0])
				ended, err = c.Restore(ctx, args[0], author)
			}
			switch {
			case err != nil:
				return err
			case len(ended) == 0:
				return errors.New(what)
			case a.json():
				return printJSON(t, api.Ended{Ended: ended})
			}
			for _, m := range ended {
				t.Line("%s is not %s by hand any more (manual state %d: %s)",
					term.Clean(m.Checks), m.State, m.ID, term.Clean(m.Reason))
			}
			return nil
		}),
		ValidArgsFunction: a.names(false, true),
	}
	cmd.Flags().Uint64Var(&id, "id", 0, "number of a manual state, as status shows it")
	return cmd
}

func (a *app) failback() *cobra.Command {
	return &cobra.Command{
		Use:   "failback NAME [TYPE]",
		Short: "Have a failover set take its best healthy record now",
		Long: `Have a failover set take its best healthy record now, whatever its failback says. The TYPE is needed where
several sets of the name have the policy failover.`,
		Example: "  failoverctl failback www.example.org",
		Args:    cobra.RangeArgs(1, 2),
		RunE: a.do(func(ctx context.Context, t *term.Terminal, args []string) error {
			wanted := api.NewFailback{Name: fqdn(args[0]), Type: typeArg(args)}
			var err error
			if wanted.Author, err = a.author(); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			f, err := c.Failback(ctx, wanted)
			switch {
			case err != nil:
				return err
			case a.json():
				return printJSON(t, f)
			case f.From == f.To:
				t.Line("%s %s is on %s already, the best that is healthy", f.Name, f.Type, f.To)
			default:
				t.Line("%s %s went from %s to %s", f.Name, f.Type, f.From, f.To)
			}
			return nil
		}),
		ValidArgsFunction: a.names(true, false),
	}
}
