package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"
)

// What a drill that was made can come to.
var (
	ErrNotMoved    = errors.New("the answers have not moved")
	ErrNotReturned = errors.New("the answers have not come back")
)

// Server is what is asked of the admin API.
type Server interface {
	Rehearse(context.Context, api.NewDrill) (api.Drill, error)
	Drill(context.Context, api.NewDrill) (api.Drill, error)
	EndDrill(ctx context.Context, id uint64, author string) (api.Drill, error)
	Drills(context.Context) ([]api.Drill, error)
	Manual(context.Context) ([]api.Manual, error)
	RestoreID(ctx context.Context, id uint64, author string) ([]api.Manual, error)
	Sets(context.Context, client.Find) ([]api.Set, bool, error)
}

// Drill is a drill to be made.
type Drill struct {
	Server   Server
	Terminal *term.Terminal
	Ask      Asker
	At       string // whom Ask asks, for messages
	Wanted   api.NewDrill
	Yes      bool          // do not ask
	Hold     time.Duration // how long to stay when the answers have moved
	Wait     time.Duration // how long to wait for them to come back
}

// Result is what was seen. A time is nil where the answers have not moved, or not come back.
type Result struct {
	Drill    api.Drill `json:"drill"`
	Moved    *float64  `json:"moved_ms"`
	Returned *float64  `json:"returned_ms"`
	TTL      uint32    `json:"ttl"` // of the answer before: for so long others may hold it
}

// pace is how often answers are asked for.
const pace = 100 * time.Millisecond

// patience is how long the server is asked to restore, whatever has happened.
const patience = 30 * time.Second

// Run makes the drill. The result is that of a drill that was begun, also with an error.
func (d *Drill) Run(ctx context.Context) (*Result, error) {
	plan, err := d.Server.Rehearse(ctx, d.Wanted)
	if err != nil {
		return nil, err
	}
	if err := d.rested(ctx, plan); err != nil {
		return nil, err
	}
	w, err := d.watchFor(ctx, plan)
	if err != nil {
		return nil, err
	}
	d.tell(plan, w)
	if !d.Yes {
		yes, err := d.Terminal.Confirm(ctx, "Start it?")
		switch {
		case errors.Is(err, term.ErrNobody):
			return nil, errors.New("nobody can be asked whether to start it: give --yes")
		case err != nil:
			return nil, err
		case !yes:
			return nil, errors.New("not started")
		}
	}
	return d.make(ctx, w)
}

// rested refuses a set that waits for its failback: it would go to the better record, and stay.
func (d *Drill) rested(ctx context.Context, plan api.Drill) error {
	set, err := d.set(ctx, plan)
	switch {
	case err != nil:
		return err
	case set.FailbackWaits == "":
		return nil
	case set.FailbackAt == nil:
		return fmt.Errorf("%s is on %s and goes back to %s when you say: failoverctl failback %s",
			plan.Name, plan.Record, set.FailbackWaits, plan.Name)
	}
	return fmt.Errorf("%s is on %s and goes back to %s at %s: wait for that, or say failoverctl failback %s",
		plan.Name, plan.Record, set.FailbackWaits, term.At(*set.FailbackAt, time.Now()), plan.Name)
}

// watch is what to look at.
type watch struct {
	name  string
	types []uint16
	sides sides
	first Answer
}

// watchFor asks before anything is changed whether the change will be seen.
func (d *Drill) watchFor(ctx context.Context, plan api.Drill) (*watch, error) {
	w := &watch{name: strings.Replace(plan.Name, "*", "drill", 1)}
	w.types = typesOf(plan.Type, slices.Concat(plan.Before, plan.After))
	var err error
	if w.first, err = d.Ask(ctx, w.name, w.types); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &client.Unreachable{Server: d.At, Err: err}
	}
	before := normal(plan.Before, plan.Type)
	if len(before) == 0 {
		before = w.first.Values
	}
	w.sides = newSides(before, normal(plan.After, plan.Type))
	switch {
	case len(w.sides.before) == 0:
		return nil, fmt.Errorf("nothing of it would be seen: %s answers the same before and after", plan.Name)
	case !w.sides.back(w.first):
		return nil, fmt.Errorf("%s answers %s with %s and not with %s: is it that server, asked without a cache in between? "+
			"give its address with --dns", d.At, w.name, w.first, strings.Join(before, " "))
	}
	return w, nil
}

// tell says what would happen.
func (d *Drill) tell(plan api.Drill, w *watch) {
	t := d.Terminal
	t.Note("Drill of %s %s", t.Paint(term.Bold, plan.Name), term.Clean(plan.Type))
	t.Note("  now      %s: %s", term.Clean(plan.Record), term.Clean(w.first.String()))
	then := Answer{Values: plan.After}.String()
	if plan.Next != "" {
		then = plan.Next + ": " + then
	}
	t.Note("  then     %s", term.Clean(then))
	for _, m := range plan.Manual {
		t.Note("  forced   %s is unhealthy by hand (checks: %d)", term.Clean(m.Checks), m.Matches)
	}
	if len(plan.Also) == 0 {
		t.Note("  also     no other record set answers otherwise")
	}
	for _, set := range plan.Also {
		t.Note("  also     %s answers otherwise", term.Clean(set))
	}
	for _, set := range plan.Down {
		t.Note("  down     %s", t.Paint(term.Red, set+" has nothing healthy then"))
	}
	t.Note("  ends     when the answers have moved, after %s at the latest", term.Short(plan.Until.Sub(plan.Since)))
	t.Note("  clients  may hold the old answer for %d s, its TTL", w.first.TTL)
}

// make begins the drill, and ends it whatever happens.
func (d *Drill) make(ctx context.Context, w *watch) (*Result, error) {
	begun := time.Now()
	drill, err := d.begin(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{Drill: drill, TTL: w.first.TTL}
	d.stamp("started (drill %d)", drill.ID)
	after, err := d.until(ctx, w.sides.moved, w, begun, drill.Until.Sub(drill.Since), "moved")
	if err == nil {
		r.Moved = milliseconds(after)
		d.stamp("moved after %s", term.Short(after))
		err = d.hold(ctx)
	}
	restored := time.Now()
	if ended := d.end(ctx, drill); ended != nil {
		return r, ended
	}
	d.stamp("restored")
	if err != nil {
		if errors.Is(err, errLate) {
			err = ErrNotMoved
		}
		return r, err
	}
	if after, err = d.comeBack(ctx, w, drill, restored); err != nil {
		return r, err
	}
	r.Returned = milliseconds(after)
	d.stamp("back after %s", term.Short(after))
	return r, nil
}

// begin asks for the drill without heed of the context, or it could begin without our knowing.
func (d *Drill) begin(ctx context.Context) (api.Drill, error) {
	if err := ctx.Err(); err != nil {
		return api.Drill{}, err
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	drill, err := d.Server.Drill(bounded, d.Wanted)
	if err == nil {
		return drill, nil
	}
	if _, said := errors.AsType[*client.Refused](err); said {
		return api.Drill{}, err
	}
	drills, unknown := d.Server.Drills(bounded)
	for _, other := range drills {
		if other.Author == d.Wanted.Author && strings.EqualFold(other.Name, d.Wanted.Name) {
			_, unknown = d.Server.EndDrill(bounded, other.ID, d.Wanted.Author)
		}
	}
	if unknown != nil {
		d.Terminal.Note("the drill may have begun; then the server ends it by itself")
	}
	return api.Drill{}, err
}

// end restores, and goes on trying for a while.
func (d *Drill) end(ctx context.Context, drill api.Drill) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for {
		err := d.restore(bounded, drill)
		if err == nil {
			return nil
		}
		if _, said := errors.AsType[*client.Refused](err); !said && pause(bounded, time.Second) == nil {
			d.Terminal.Progress("restoring: %s", term.Clean(err.Error()))
			continue
		}
		return fmt.Errorf("the drill could not be ended, the server does so at %s: %w",
			term.At(drill.Until, time.Now()), err)
	}
}

// restore ends the drill. A server that knows of none may have been started anew meanwhile: its state file has the
// manual states of the drill, and not the drill.
func (d *Drill) restore(ctx context.Context, drill api.Drill) error {
	if _, err := d.Server.EndDrill(ctx, drill.ID, d.Wanted.Author); !gone(err) {
		return err
	}
	left, err := d.Server.Manual(ctx)
	if err != nil {
		return err
	}
	for _, m := range left {
		if !slices.ContainsFunc(drill.Manual, func(own api.Manual) bool { return same(own, m) }) {
			continue
		}
		if _, err := d.Server.RestoreID(ctx, m.ID, d.Wanted.Author); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// gone tells that the server knows of no such thing.
func gone(err error) bool {
	refused, said := errors.AsType[*client.Refused](err)
	return said && refused.Code == http.StatusNotFound
}

// same tells that two are one manual state, since a server without a state file gives out its ids anew.
func same(a, b api.Manual) bool {
	return a.ID == b.ID && a.Checks == b.Checks && a.Since.Equal(b.Since)
}

// hold leaves things as they are for a while.
func (d *Drill) hold(ctx context.Context) error {
	for end := time.Now().Add(d.Hold); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		d.Terminal.Progress("holding for %s more", term.Short(left.Round(time.Second)))
		if err := pause(ctx, min(left, time.Second)); err != nil {
			return err
		}
	}
}

// errLate tells that the time is over.
var errLate = errors.New("the time is over")

// until asks until the answers are as wanted, and tells how long after a point in time they were.
func (d *Drill) until(
	ctx context.Context, is func(Answer) bool, w *watch, from time.Time, within time.Duration, what string,
) (time.Duration, error) {
	for {
		a, err := d.Ask(ctx, w.name, w.types)
		after := time.Since(from)
		if err == nil && is(a) {
			return after, nil
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if after > within {
			d.Terminal.Done()
			return 0, errLate
		}
		said := a.String()
		if err != nil {
			said = err.Error()
		}
		d.Terminal.Progress("not %s yet after %s: %s", what, term.Short(after), term.Clean(said))
		if err := pause(ctx, pace); err != nil {
			return 0, err
		}
	}
}

// comeBack waits for the way back. A set with failback waits on purpose, and says until when.
func (d *Drill) comeBack(ctx context.Context, w *watch, drill api.Drill, from time.Time) (time.Duration, error) {
	// What moves back at once does so before the server is asked why it does not.
	const look = 2 * time.Second
	within := d.Wait
	after, err := d.until(ctx, w.sides.back, w, from, min(look, within), "back")
	if !errors.Is(err, errLate) {
		return after, err
	}
	set, err := d.set(ctx, drill)
	switch {
	case err != nil:
		d.Terminal.Note("the server does not say why: %s", term.Clean(err.Error()))
	case set.FailbackWaits != "" && set.FailbackAt == nil:
		return 0, fmt.Errorf("%w: its failback is manual, so it stays until you say: failoverctl failback %s",
			ErrNotReturned, drill.Name)
	case set.FailbackAt != nil:
		d.stamp("its failback waits until %s", term.At(*set.FailbackAt, time.Now()))
		within += set.FailbackAt.Sub(from)
	}
	if after, err = d.until(ctx, w.sides.back, w, from, within, "back"); errors.Is(err, errLate) {
		err = ErrNotReturned
	}
	return after, err
}

// set is the record set of the drill as it is now.
func (d *Drill) set(ctx context.Context, drill api.Drill) (api.Set, error) {
	sets, _, err := d.Server.Sets(ctx, client.Find{Match: drill.Name})
	if err != nil {
		return api.Set{}, err
	}
	for _, s := range sets {
		if s.Zone == drill.Zone && s.Name == drill.Name && s.Type == drill.Type {
			return s, nil
		}
	}
	return api.Set{}, fmt.Errorf("it has no record set %s %s any more", drill.Name, drill.Type)
}

// stamp writes a line with the time.
func (d *Drill) stamp(format string, args ...any) {
	d.Terminal.Note("%s  %s", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d.Microseconds()) / 1000
	return &ms
}
