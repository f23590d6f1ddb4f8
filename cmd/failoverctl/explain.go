package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"

	"github.com/spf13/cobra"
)

func (a *app) explain() *cobra.Command {
	var q client.Question
	cmd := &cobra.Command{
		Use:   "explain NAME [TYPE]",
		Short: "Tell how the answer to a question comes about",
		Long: `Tell how the answer to a question comes about: the way through the tree of record sets, each candidate with its
checks, why it is chosen or not, the odds, the TTL, and what can be answered. Without a TYPE it is A, or
what the name has.

--assume tells what would be answered if a check, or those that a pattern is about, were up or down. Nothing is changed
by it.`,
		Example: "  failoverctl explain www.example.org\n" +
			"  failoverctl explain www.example.org AAAA --assume web@http://192.0.2.1:80/healthz=down",
		Args: cobra.RangeArgs(1, 2),
		RunE: a.do(func(ctx context.Context, t *term.Terminal, args []string) error {
			q.Name = args[0]
			if len(args) > 1 {
				q.Type = strings.ToUpper(args[1])
			}
			for _, assumed := range q.Assume {
				if id, state, ok := cutLast(assumed, "="); !ok || id == "" || state != "up" && state != "down" {
					return usageError{errors.New("assume: it is ID=up or ID=down, not " + assumed)}
				}
			}
			if _, err := netip.ParseAddr(q.Client); q.Client != "" && err != nil {
				return usageError{errors.New("client: it is an address, not " + q.Client)}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			raw, text, err := c.Explain(ctx, q)
			if err != nil {
				return err
			}
			if a.json() {
				return printJSON(t, raw)
			}
			for _, line := range text {
				t.Line("%s", term.Clean(line))
			}
			return nil
		}),
		ValidArgsFunction: a.names(true, false),
	}
	cmd.Flags().StringVar(&q.Client, "client", "", "address of who asks")
	cmd.Flags().StringArrayVar(&q.Assume, "assume", nil, "ID=down or ID=up of a check, or of a pattern; may be given several times")
	return cmd
}

// cutLast cuts at the last separator: the id of a check may hold one.
func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}
