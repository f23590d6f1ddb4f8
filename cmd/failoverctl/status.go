package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"

	"github.com/spf13/cobra"
)

func (a *app) status() *cobra.Command {
	var watch bool
	var limit int
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show record sets, checks and manual states as they are now",
		Long: `Show the server, its record sets with what they answer, its checks with their states, and the manual states.
With a NAME, only the record sets and the checks of that name, in detail; "*" and "?" stand for anything.

--watch shows it anew whenever something changes; with -o json that is a line each time. It ends with Ctrl-C.`,
		Example: "  failoverctl status\n  failoverctl status www.example.org\n  failoverctl status --watch 'www*'",
		Args:    cobra.MaximumNArgs(1),
		RunE: a.do(func(ctx context.Context, t *term.Terminal, args []string) error {
			if limit < 0 {
				return usageError{errors.New("limit: it cannot be negative")}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			view := &view{client: c, name: name, limit: limit}
			if watch {
				return a.watch(ctx, t, view)
			}
			o, err := view.read(ctx)
			if err != nil {
				return err
			}
			if a.json() {
				return printJSON(t, o)
			}
			o.show(t)
			return nil
		}),
		ValidArgsFunction: a.names(true, true),
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it anew whenever something changes")
	cmd.Flags().IntVar(&limit, "limit", 200, "how many record sets, and how many checks, at most; 0 for all")
	return cmd
}

// view is what of a server is to be shown.
type view struct {
	client *client.Client
	name   string
	limit  int
}

// overview is what there was to show.
type overview struct {
	Status api.Status   `json:"status"`
	Sets   []api.Set    `json:"sets"`
	Checks []api.Check  `json:"checks"`
	Manual []api.Manual `json:"manual"`
	// MoreSets and MoreChecks tell that the limit left some out.
	MoreSets   bool `json:"more_sets,omitempty"`
	MoreChecks bool `json:"more_checks,omitempty"`

	detailed bool // a name was given
}

func (v *view) read(ctx context.Context) (o *overview, err error) {
	o = &overview{detailed: v.name != ""}
	if o.Status, err = v.client.Status(ctx); err != nil {
		return nil, err
	}
	find := client.Find{Most: v.limit}
	if v.name != "" {
		find.Match = fqdn(v.name)
	}
	if o.Sets, o.MoreSets, err = v.client.Sets(ctx, find); err != nil {
		return nil, err
	}
	if v.name == "" {
		err = v.checks(ctx, o)
	} else {
		err = v.named(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if o.Manual, err = v.client.Manual(ctx); err != nil {
		return nil, err
	}
	// Programs want lists, also empty ones.
	o.Sets, o.Checks, o.Manual = list(o.Sets), list(o.Checks), list(o.Manual)
	if v.name != "" && len(o.Sets)+len(o.Checks) == 0 {
		return nil, fmt.Errorf("no record set and no check is called %q", v.name)
	}
	return o, nil
}

// list is a list that is not nil.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// checks reads all checks, or those in trouble where there are too many.
func (v *view) checks(ctx context.Context, o *overview) (err error) {
	n := &o.Status.Checks
	if v.limit == 0 || n.Healthy+n.Unhealthy+n.Unknown <= v.limit {
		o.Checks, o.MoreChecks, err = v.client.Checks(ctx, client.Find{Most: v.limit})
		return err
	}
	o.MoreChecks = true
	for _, state := range []string{api.Unhealthy, api.Unknown} {
		if left := v.limit - len(o.Checks); left > 0 {
			some, _, err := v.client.Checks(ctx, client.Find{State: state, Most: left})
			if err != nil {
				return err
			}
			o.Checks = append(o.Checks, some...)
		}
	}
	return nil
}

// fewChecks is how many checks are asked for one by one, which tells of the record sets that depend on them.
const fewChecks = 20

// named reads the checks of the name, and those that the record sets of the name depend on.
func (v *view) named(ctx context.Context, o *overview) (err error) {
	o.Checks, o.MoreChecks, err = v.client.Checks(ctx, client.Find{Match: v.name, Most: v.limit})
	if refused, ok := errors.AsType[*client.Refused](err); ok && refused.Field == "match" && len(o.Sets) > 0 {
		err = nil // a name that no check can have
	}
	if err != nil {
		return err
	}
	known := make(map[string]bool)
	for i := range o.Checks {
		known[o.Checks[i].ID] = true
		if len(o.Checks) <= fewChecks {
			if err := v.one(ctx, o.Checks[i].ID, func(c api.Check) { o.Checks[i] = c }); err != nil {
				return err
			}
		}
	}
	for _, id := range checksOf(o.Sets) {
		if known[id] {
			continue
		}
		if v.limit > 0 && len(o.Checks) >= v.limit {
			o.MoreChecks = true
			return nil
		}
		if err := v.one(ctx, id, func(c api.Check) { o.Checks = append(o.Checks, c) }); err != nil {
			return err
		}
	}
	return nil
}

// one reads a check, unless it has gone meanwhile.
func (v *view) one(ctx context.Context, id string, use func(api.Check)) error {
	c, err := v.client.Check(ctx, id)
	if refused, ok := errors.AsType[*client.Refused](err); ok && refused.Code == http.StatusNotFound {
		return nil
	}
	if err == nil {
		use(c)
	}
	return err
}

// checksOf are the ids of the checks of record sets, in their order.
func checksOf(sets []api.Set) (ids []string) {
	known := make(map[string]bool)
	add := func(some []string) {
		for _, id := range some {
			if !known[id] {
				known[id] = true
				ids = append(ids, id)
			}
		}
	}
	for i := range sets {
		for _, r := range sets[i].Records {
			add(r.Checks)
			for _, value := range r.Values {
				add(value.Checks)
			}
		}
	}
	return ids
}

// watchPace is how often a view is read at most: changes come in swarms.
const watchPace = 500 * time.Millisecond

// watch shows the view anew whenever the server tells of a change. Ctrl-C is how one ends it.
func (a *app) watch(ctx context.Context, t *term.Terminal, v *view) error {
	o, err := v.read(ctx)
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	broken := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go follow(ctx, v.client, o.Status.Event, changed, broken)
	trouble := ""
	for {
		if a.json() {
			err = printLine(t, o)
		} else {
			t.Redraw()
			o.show(t)
			if trouble != "" {
				t.Line("%s", t.Paint(term.Red, trouble))
			}
		}
		if err != nil {
			return err
		}
		trouble = ""
		select {
		case <-ctx.Done():
			return nil
		case err := <-broken:
			trouble = err.Error() + " (trying again)"
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPace):
		}
		if next, err := v.read(ctx); err == nil {
			o = next
		} else if trouble == "" {
			trouble = err.Error()
		}
	}
}

// follow signals whatever the stream brings, until the context ends, and tells when it is broken.
func follow(ctx context.Context, c *client.Client, after uint64, changed chan<- struct{}, broken chan<- error) {
	for {
		err := c.Stream(ctx, after, func(n client.News) error {
			if n.Event != nil {
				after = n.Event.Seq
			} else if n.Status != nil {
				after = n.Status.Event // a server that was started anew counts anew
			}
			select {
			case changed <- struct{}{}:
			default:
			}
			return nil
		})
		select {
		case <-ctx.Done():
			return
		case broken <- err:
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}
