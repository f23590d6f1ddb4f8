package main

import (
	"context"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"

	"github.com/spf13/cobra"
)

// names completes the first argument with what the server has: the names of record sets, of checks, or both. A shell
// that waits for an answer is worse than one that has none.
func (a *app) names(sets, checks bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		if len(args) > 0 {
			return nil, none
		}
		if a.flags.timeout <= 0 || a.flags.timeout > time.Second {
			a.flags.timeout = time.Second
		}
		c, err := a.client()
		if err != nil {
			return nil, none
		}
		defer c.Close()
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		const most = 200
		find := client.Find{Match: typed + "*", Most: most}
		known := make(map[string]bool)
		var names []cobra.Completion
		add := func(name string) {
			if !known[name] {
				known[name] = true
				names = append(names, name)
			}
		}
		if sets {
			found, _, _ := c.Sets(ctx, find)
			for i := range found {
				add(found[i].Name)
			}
		}
		if checks {
			found, _, _ := c.Checks(ctx, find)
			for i := range found {
				add(found[i].Name)
			}
		}
		return names, none
	}
}
