package failover

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
)

// checks runs all checks of the process: a reload must find what runs already.
var checks = health.NewRegistry(health.Options{Observer: observer{}, NewProber: newProber})

// runner keeps the answers of one server block in step with its checks, from OnStartup until it is stopped. Its
// goroutine, the evaluator, is the only one that changes answers. It outlives the configuration it was made for: after
// a SIGTERM answers go on through lameduck.
type runner struct {
	key    string // the keys of the server block
	config *corefile.Config
	index  *zone.Index
	lease  *health.Lease
	finder *finder
	// notifier is nil where there are no secondaries.
	notifier *notifier
	nudged   chan struct{} // holds a signal while the evaluator is to look when to wake
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// newRunner starts the checks of a server block that do not run yet. Its answers are made by start.
func newRunner(key string, config *corefile.Config) (*runner, error) {
	definitions := make([]health.Definition, len(config.Checks))
	for i := range config.Checks {
		definitions[i] = config.Checks[i].Definition()
	}
	r := &runner{key: key, config: config, stop: func() {}, index: zone.New(config, tallies.attach)}
	r.nudged = make(chan struct{}, 1)
	r.finder = newFinder(config, r.index, r.nudge)
	names.add(config) // first, since the checks report under their names
	lease, err := checks.Acquire(definitions, config.Canaries...)
	if err != nil {
		names.remove(config)
		r.forget()
		return nil, fmt.Errorf("starting the checks: %w", err)
	}
	r.lease = lease
	r.index.Panicked = panicked
	r.index.Switched = switched
	r.index.Changed = func(string) { keeper.touch(false) }
	manuals.join(r)
	return r, nil
}

// notify has the secondaries of the server block told of each new serial. It is to be called before start.
func (r *runner) notify(send func(zone string) error) {
	r.notifier = newNotifier(r.config.Zones, send)
	r.index.Changed = func(zone string) {
		keeper.touch(false)
		r.notifier.changed(zone)
	}
}

// open is to be called when questions come to the server block.
func (r *runner) open() {
	r.finder.open()
	if r.notifier != nil {
		r.notifier.open()
	}
}

// start makes the first answers and starts the evaluator.
func (r *runner) start() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	wake := r.index.Start(r.lease.Status, time.Now())
	r.done.Go(func() { r.evaluate(ctx, wake) })
	if r.notifier != nil {
		r.notifier.start(ctx)
	}
}

// panicked makes a panic known that was survived while answers were made.
func panicked(value any) {
	panics.Inc()
	log.Errorf("Recovered from a panic: %v\n%s", value, debug.Stack())
}

// evaluate is the evaluator. Changes that come while one update is made are taken together by the next.
func (r *runner) evaluate(ctx context.Context, wake time.Time) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		select {
		case <-ctx.Done():
			return
		case <-r.lease.Changes():
		case <-r.nudged:
		case <-timer.C:
		}
		wake = r.index.Update(r.lease.Drain(), time.Now())
	}
}

// halt ends the evaluator.
func (r *runner) halt() {
	r.stop()
	r.done.Wait()
}

// nudge has the evaluator look at the answers, which somebody else has changed.
func (r *runner) nudge() {
	select {
	case r.nudged <- struct{}{}:
	default:
	}
}

// release ends the evaluator and gives the checks back. The answers stay as they are, for queries still under way. It
// is to be called once.
func (r *runner) release() {
	r.halt()
	manuals.leave(r)
	r.lease.Release()
	names.remove(r.config)
	r.forget()
}

// forget ends the use of what is known of names outside, and that of the counters.
func (r *runner) forget() {
	r.finder.leave()
	for s := range r.index.Sets() {
		tallies.release(s)
	}
	r.index.Zones(tallies.releaseZone)
}
