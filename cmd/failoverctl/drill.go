package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/rehearsal"
	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"github.com/spf13/cobra"
)

func (a *app) drill() *cobra.Command {
	var length, hold, wait time.Duration
	var address string
	var yes, force bool
	cmd := &cobra.Command{
		Use:   "drill NAME [TYPE]",
		Short: "Rehearse a failover, and watch the answers move and come back",
		Long: `Rehearse a failover: have the checks of the record that a failover set is on be unhealthy by hand, ask a name server
until its answers have moved, restore, and ask until they are back. It says what would be answered, and which other
record sets would change, and asks before it begins. Clients are sent to the other record while it lasts. The server
refuses a drill that would move nothing, or leave a record set without anything healthy, unless there is --force.

It always restores, also on Ctrl-C and when the terminal goes away. If it cannot, the server ends the drill by itself
after the time of --for.

Exit codes: 0 the answers moved and came back, 1 refused or failed, 2 usage, 3 the server or the name server cannot be
reached, 4 the answers did not move or did not come back, 130 ended by a signal, and restored.`,
		Example: "  failoverctl drill www.example.org\n  failoverctl drill www.example.org --for 2m --dns 192.0.2.53 --yes",
		Args:    cobra.RangeArgs(1, 2),
		RunE: a.do(func(ctx context.Context, t *term.Terminal, args []string) error {
			wanted := api.NewDrill{Name: fqdn(args[0]), Type: typeArg(args), For: length.String(), Force: force}
			if length <= 0 || hold < 0 || wait < 0 || hold >= length {
				return usageError{errors.New("for: it must be more than nothing, and more than hold")}
			}
			at, err := rehearsal.Address(a.or(address, "FAILOVERCTL_DNS", "127.0.0.1:53"))
			if err != nil {
				return usageError{errors.New("dns: " + err.Error())}
			}
			if wanted.Author, err = a.author(); err != nil {
				return err
			}
			if !yes && !t.Asks {
				return usageError{errors.New("nobody can be asked whether to start it: give --yes")}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			d := &rehearsal.Drill{
				Server: c, Terminal: t, Ask: rehearsal.Ask(at), At: at, Wanted: wanted, Yes: yes, Hold: hold, Wait: wait,
			}
			result, err := d.Run(ctx)
			t.Done()
			if result != nil && a.json() {
				if failed := printJSON(t, result); err == nil {
					err = failed
				}
			} else if err == nil {
				t.Line("%s %s moved after %s and was back after %s", result.Drill.Name, result.Drill.Type,
					took(result.Moved), took(result.Returned))
			}
			return err
		}),
		ValidArgsFunction: a.names(true, false),
	}
	cmd.Flags().DurationVar(&length, "for", 5*time.Minute, "how long it may last at the most")
	cmd.Flags().DurationVar(&hold, "hold", 0, "how long to stay when the answers have moved")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the way back, beside the set's failback")
	cmd.Flags().StringVar(&address, "dns", "", "the name server whose answers are watched (FAILOVERCTL_DNS; 127.0.0.1:53)")
	cmd.Flags().BoolVar(&force, "force", false, "also where a record set would have nothing healthy left")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// typeArg is the TYPE after a NAME.
func typeArg(args []string) string {
	if len(args) < 2 {
		return ""
	}
	return strings.ToUpper(args[1])
}

// took is a time that was taken.
func took(ms *float64) string { return term.Short(time.Duration(*ms * float64(time.Millisecond))) }
