package main

import (
	"context"
	"os"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) man() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a folder",
		Long: `Write a manual page for each command into a folder, which is made if it is not there. The pages have the date of
today, or that of SOURCE_DATE_EPOCH.`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: a.do(func(_ context.Context, _ *term.Terminal, args []string) error {
			// Manual pages are for everybody.
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := (&app{world: a.world}).root()
			root.InitDefaultCompletionCmd()
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Manual: "failover", Source: "failover " + version()}, args[0])
		}),
	}
}
