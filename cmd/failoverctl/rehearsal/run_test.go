package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"
)

const never = time.Hour

// fake is a server and its DNS answers. Its drill works after a while, and so does the end of it.
type fake struct {
	moves, returns time.Duration
	failback       *api.Set // what it says of the set after the drill
	waits          *api.Set // the same, before
	refused        error    // of the dry run
	lost           error    // the answer to the drill, which begins all the same
	endFails       []error  // of the attempts to end it, in turn
	left           []api.Manual
	before, after  []string
	answers        []string // instead of before
	deaf           bool     // no DNS answer while the drill is on

	begun, ended, expires time.Time
	events                []string
	during                func() // called when the drill begins
}

func (f *fake) plan(n api.NewDrill) api.Drill {
	length, _ := time.ParseDuration(n.For)
	return api.Drill{
		ID: 7, Zone: "example.org.", Name: n.Name, Type: "A/AAAA", Author: n.Author, Record: "primary", Next: "us",
		Since: time.Now(), Until: time.Now().Add(length), Before: f.before, After: f.after,
		Manual: []api.Manual{{ID: 3, Checks: "web@http://192.0.2.1:80/", Matches: 1}}, Also: []string{"shop.example.org. A/AAAA"},
	}
}

func (f *fake) Rehearse(_ context.Context, n api.NewDrill) (api.Drill, error) {
	return f.plan(n), f.refused
}

func (f *fake) Drill(ctx context.Context, n api.NewDrill) (api.Drill, error) {
	f.events = append(f.events, "begin")
	f.begun, f.expires = time.Now(), f.plan(n).Until
	if f.during != nil {
		f.during()
	}
	if ctx.Err() != nil {
		return api.Drill{}, ctx.Err()
	}
	return f.plan(n), f.lost
}

func (f *fake) EndDrill(ctx context.Context, id uint64, author string) (api.Drill, error) {
	if ctx.Err() != nil {
		return api.Drill{}, ctx.Err()
	}
	f.events = append(f.events, "end")
	if len(f.endFails) > 0 {
		err := f.endFails[0]
		f.endFails = f.endFails[1:]
		return api.Drill{}, err
	}
	if id != 7 || author != "ann" || f.begun.IsZero() {
		return api.Drill{}, &client.Refused{Code: 404, Text: "no such drill"}
	}
	f.ended = time.Now()
	return api.Drill{}, nil
}

func (f *fake) Drills(ctx context.Context) ([]api.Drill, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return []api.Drill{
		{ID: 6, Author: "bob", Name: "www.example.org."}, {ID: 7, Author: "ann", Name: "www.example.org."},
	}, nil
}

func (f *fake) Manual(ctx context.Context) ([]api.Manual, error) { return f.left, ctx.Err() }

func (f *fake) RestoreID(ctx context.Context, id uint64, author string) ([]api.Manual, error) {
	if id != 3 || author != "ann" {
		return nil, errors.New("that is another one")
	}
	f.events = append(f.events, "restore")
	f.ended = time.Now()
	return nil, ctx.Err()
}

func (f *fake) Sets(context.Context, client.Find) ([]api.Set, bool, error) {
	s := api.Set{}
	if f.waits != nil && f.begun.IsZero() {
		s = *f.waits
	}
	if f.failback != nil && !f.begun.IsZero() {
		s = *f.failback
	}
	s.Zone, s.Name, s.Type = "example.org.", "www.example.org.", "A/AAAA"
	return []api.Set{{Name: "other."}, s}, false, nil
}

// ask answers as the server would.
func (f *fake) ask(ctx context.Context, _ string, types []uint16) (Answer, error) {
	now := time.Now()
	moved := !f.begun.IsZero() && now.Sub(f.begun) >= f.moves
	if moved && !f.ended.IsZero() && now.Sub(f.ended) >= f.returns {
		moved = false
	}
	switch {
	case ctx.Err() != nil:
		return Answer{}, ctx.Err()
	case f.deaf && !f.begun.IsZero() && f.ended.IsZero():
		return Answer{}, errors.New("no answer")
	case len(types) != 1 || types[0] != 1:
		return Answer{}, errors.New("only A was to be asked for")
	case moved:
		return Answer{Values: f.after, TTL: 10}, nil
	case f.answers != nil:
		return Answer{Values: f.answers, TTL: 60}, nil
	}
	return Answer{Values: f.before, TTL: 60}, nil
}

func TestRun(t *testing.T) {
	soon := errors.New("connection reset")
	for _, tc := range []struct {
		name           string
		fake           fake
		typed          string        // at the question; empty: --yes
		cancel         time.Duration // after the drill has begun
		want           error
		text           string // in the error
		moved, back    time.Duration
		events, output string
	}{
		{
			name: "moves and comes back", fake: fake{moves: 250 * time.Millisecond, returns: 40 * time.Millisecond},
			moved: 300 * time.Millisecond, back: 100 * time.Millisecond, events: "begin end",
			output: "may hold the old answer for 60 s",
		},
		{
			name: "asked", fake: fake{}, typed: "y\n", events: "begin end", output: "shop.example.org. A/AAAA answers otherwise",
			moved: 0, back: 0,
		},
		{name: "not wanted", typed: "n\n", text: "not started"},
		{name: "refused", fake: fake{refused: &client.Refused{Code: 409, Text: "nothing is healthy behind it"}}, text: "nothing is healthy"},
		{
			name: "another server answers", fake: fake{answers: []string{"203.0.113.9"}},
			text: "answers www.example.org. with 203.0.113.9 and not with 192.0.2.1",
		},
		{name: "nothing to see", fake: fake{before: []string{"192.0.2.1"}, after: []string{"192.0.2.1"}}, text: "nothing of it would be seen"},
		{
			name: "waits for its failback already", fake: fake{waits: &api.Set{FailbackWaits: "primary"}},
			text: "goes back to primary when you say: failoverctl failback www.example.org.",
		},
		{name: "does not move", fake: fake{moves: never}, want: ErrNotMoved, events: "begin end"},
		{name: "no DNS answer any more", fake: fake{deaf: true}, want: ErrNotMoved, events: "begin end"},
		{name: "does not come back", fake: fake{returns: never}, want: ErrNotReturned, events: "begin end"},
		{
			name: "failback by hand", fake: fake{returns: never, failback: &api.Set{FailbackWaits: "primary"}},
			want: ErrNotReturned, text: "failoverctl failback www.example.org.", events: "begin end",
		},
		{name: "interrupted", fake: fake{moves: never}, cancel: time.Second, want: context.Canceled, events: "begin end"},
		{name: "interrupted while it began", fake: fake{moves: never}, cancel: -1, want: context.Canceled, events: "begin end"},
		{name: "the answer was lost", fake: fake{lost: &client.Unreachable{Err: soon}}, want: soon, events: "begin end"},
		{
			name: "restored at the third attempt", fake: fake{endFails: []error{&client.Unreachable{Err: soon}, &client.Unreachable{Err: soon}}},
			events: "begin end end end",
		},
		{
			name: "ended by somebody else", fake: fake{returns: never, endFails: []error{&client.Refused{Code: 404}}},
			want: ErrNotReturned, events: "begin end",
		},
		{
			name: "the server was started anew and still has the manual state",
			fake: fake{
				endFails: []error{&client.Refused{Code: 404}},
				left:     []api.Manual{{ID: 2, Checks: "web"}, {ID: 3, Checks: "web@http://192.0.2.1:80/"}},
			},
			events: "begin end restore",
		},
		{
			name: "the server was started anew and has given the number to another manual state",
			fake: fake{returns: never, endFails: []error{&client.Refused{Code: 404}}, left: []api.Manual{{ID: 3, Checks: "web"}}},
			want: ErrNotReturned, events: "begin end",
		},
		{
			name: "may not be ended", fake: fake{endFails: []error{&client.Refused{Code: 403, Text: "no"}}},
			text: "the drill could not be ended, the server does so at", events: "begin end",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := tc.fake
				if f.before == nil {
					f.before, f.after = []string{"192.0.2.1"}, []string{"198.51.100.1"}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				f.during = func() {
					switch {
					case tc.cancel < 0:
						cancel()
					case tc.cancel > 0:
						time.AfterFunc(tc.cancel, cancel)
					}
				}
				var errs bytes.Buffer
				tm := term.Fake(strings.NewReader(tc.typed), io.Discard, &errs)
				tm.Asks = tc.typed != ""
				d := &Drill{
					Server: &f, Terminal: tm, Ask: f.ask, At: "127.0.0.1:53", Yes: tc.typed == "", Wait: time.Minute,
					Wanted: api.NewDrill{Name: "www.example.org.", Author: "ann", For: "5m0s"},
				}
				r, err := d.Run(ctx)
				fails := tc.want != nil || tc.text != ""
				if fails != (err != nil) || tc.want != nil && !errors.Is(err, tc.want) ||
					err != nil && !strings.Contains(err.Error(), tc.text) {
					t.Fatalf("Expected the error %v %q, got %v", tc.want, tc.text, err)
				}
				if got := strings.Join(f.events, " "); got != tc.events {
					t.Errorf("Expected the calls %q, got %q", tc.events, got)
				}
				if !f.begun.IsZero() && f.ended.IsZero() && len(tc.fake.endFails) == 0 {
					t.Error("Expected the drill to have ended")
				}
				if !strings.Contains(errs.String(), tc.output) {
					t.Errorf("Expected %q, got\n%s", tc.output, &errs)
				}
				if err == nil {
					span(t, "moved", r.Moved, tc.moved)
					if tc.name != "restored at the third attempt" {
						span(t, "returned", r.Returned, tc.back)
					}
				}
			})
		})
	}
}

func span(t *testing.T, what string, ms *float64, want time.Duration) {
	t.Helper()
	if ms == nil || *ms != float64(want.Milliseconds()) {
		t.Errorf("Expected %s after %v, got %v", what, want, ms)
	}
}

// TestFailbackWaits wants the wait for the way back to last as long as the set's failback.
func TestFailbackWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(10 * time.Minute)
		f := fake{
			before: []string{"192.0.2.1"}, after: []string{"198.51.100.1"}, returns: 10 * time.Minute,
			failback: &api.Set{FailbackWaits: "primary", FailbackAt: &at},
		}
		d := &Drill{
			Server: &f, Terminal: term.Fake(nil, io.Discard, io.Discard), Ask: f.ask, Yes: true, Wait: time.Minute,
			Hold: 30 * time.Second, Wanted: api.NewDrill{Name: "www.example.org.", Author: "ann", For: "5m0s"},
		}
		r, err := d.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		span(t, "returned", r.Returned, 10*time.Minute)
		if held := f.ended.Sub(f.begun); held != 30*time.Second {
			t.Errorf("Expected it to be held for 30s, got %v", held)
		}
	})
}
