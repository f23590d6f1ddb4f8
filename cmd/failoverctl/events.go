package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"

	"github.com/spf13/cobra"
)

// lastEvents is how many events --follow begins with, unless it is told since when.
const lastEvents = 10

func (a *app) events() *cobra.Command {
	var following bool
	var since string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what has happened, and go on showing it",
		Long: `Show what has happened to checks, record sets and the server, as far back as the server remembers; the oldest
first. With -o json each event is a line.

--since takes the number of an event, and shows those after it, or a duration like 30m. --follow goes on with what
happens then, over restarts of the server too, until Ctrl-C; without --since it begins with the last ` +
			strconv.Itoa(lastEvents) + ` events.`,
		Example: "  failoverctl events --since 1h\n  failoverctl events --follow",
		Args:    cobra.NoArgs,
		RunE: a.do(func(ctx context.Context, t *term.Terminal, _ []string) error {
			after, back, err := parseSince(since)
			if err != nil {
				return usageError{err}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			j := &journal{app: a, client: c, terminal: t, last: after}
			if err := j.begin(ctx, back, following && since == ""); err != nil || !following {
				return err
			}
			return j.follow(ctx)
		}),
	}
	cmd.Flags().BoolVarP(&following, "follow", "f", false, "go on with what happens")
	cmd.Flags().StringVar(&since, "since", "", "the number of an event, or a duration")
	return cmd
}

// parseSince reads the number of an event or a duration.
func parseSince(text string) (after uint64, back time.Duration, err error) {
	if text == "" {
		return 0, 0, nil
	}
	if after, err = strconv.ParseUint(text, 10, 64); err == nil {
		return after, 0, nil
	}
	if back, err = time.ParseDuration(text); err != nil || back <= 0 {
		return 0, 0, errors.New("since: it is the number of an event or a duration like 30m, not " + text)
	}
	return 0, back, nil
}

// journal shows events.
type journal struct {
	app      *app
	client   *client.Client
	terminal *term.Terminal
	last     uint64    // the number of the last that was shown, or need not be
	started  time.Time // of the server
}

// begin shows what the server remembers.
func (j *journal) begin(ctx context.Context, back time.Duration, few bool) error {
	status, err := j.client.Status(ctx)
	if err != nil {
		return err
	}
	j.started = status.Started
	wanted := j.last
	if few && status.Event > lastEvents {
		j.last = status.Event - lastEvents
	}
	found, last, err := j.client.Events(ctx, j.last)
	switch {
	case err != nil:
		return err
	case wanted > last:
		return fmt.Errorf("since: the last event has the number %d; has the server been started anew?", last)
	}
	// The clock is the server's.
	from := status.Now.Add(-back)
	for i := range found {
		if back > 0 && found[i].At.Before(from) {
			continue
		}
		if wanted > 0 || few { // else it is no gap, but the end of the server's memory
			j.gap(found[i].Seq)
		}
		if err := j.show(&found[i]); err != nil {
			return err
		}
	}
	j.last = max(j.last, last)
	return nil
}

// errAnew ends a stream of a server that was started anew.
var errAnew = errors.New("the server was started anew")

// follow goes on with the stream. What it is broken by is told, and passes: this is what one watches a restart with.
func (j *journal) follow(ctx context.Context) error {
	for {
		err := j.client.Stream(ctx, j.last, j.hear)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errAnew) {
			continue
		}
		if _, ok := errors.AsType[*client.Unreachable](err); !ok {
			return err
		}
		j.terminal.Progress("%s, trying again", term.Clean(err.Error()))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// hear takes what a stream brings. A server that was started anew counts from 1.
func (j *journal) hear(n client.News) error {
	j.terminal.Done()
	if n.Status != nil && !n.Status.Started.Equal(j.started) {
		j.started, j.last = n.Status.Started, 0
		j.terminal.Note("the server was started anew at %s", term.At(n.Status.Started, n.Status.Now))
		return errAnew
	}
	if n.Event == nil || n.Event.Seq <= j.last {
		return nil
	}
	j.gap(n.Event.Seq)
	return j.show(n.Event)
}

// gap tells of events that the server has forgotten meanwhile.
func (j *journal) gap(seq uint64) {
	if lost := seq - j.last - 1; seq > j.last && lost > 0 {
		j.terminal.Note("the server has forgotten the events %d to %d", j.last+1, seq-1)
	}
}

func (j *journal) show(e *api.Event) error {
	j.last = e.Seq
	t := j.terminal
	if j.app.json() {
		return printLine(t, e)
	}
	t.Line("%s  %5d  %s  %s", e.At.Local().Format("2006-01-02 15:04:05.000"), e.Seq,
		t.Paint(eventColour(e), fmt.Sprintf("%-10s", e.Kind)), term.Clean(e.Text))
	return nil
}

// eventColour says how bad it is.
func eventColour(e *api.Event) term.Colour {
	switch e.Kind {
	case api.EventAllDown, api.EventIsolated, api.EventUnwatched:
		return term.Red
	case api.EventFailover, api.EventManual, api.EventDrill, api.EventResumed, api.EventStale:
		return term.Yellow
	case api.EventFailback, api.EventRecovered, api.EventConnected, api.EventFresh, api.EventRestored, api.EventDrillEnd:
		return term.Green
	case api.EventTransition:
		return ofState(e.To).Colour
	case api.EventAudit:
	}
	return term.Plain
}
