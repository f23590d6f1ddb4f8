package flood

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Result is what came of a flood.
type Result struct {
	Answered, Lost, Wrong int
	First                 error         // what was wrong first
	Over                  time.Duration // how long it took
	// Behind is how long before the question the staleest answer was last right: how long a change took to be noticed.
	Behind time.Duration

	times []time.Duration
}

func (r *Result) took(d time.Duration) { r.times = append(r.times, d) }

// Quantile gives the time that a share of the answers took at most. Answers that were lost are not in it.
func (r *Result) Quantile(share float64) time.Duration {
	if len(r.times) == 0 {
		return 0
	}
	return r.times[min(int(share*float64(len(r.times))), len(r.times)-1)]
}

// Rate is how many answers there were in a second.
func (r *Result) Rate() float64 { return float64(r.Answered) / r.Over.Seconds() }

// Check says what is wrong with it.
func (r *Result) Check() error {
	switch {
	case r.Wrong > 0:
		return fmt.Errorf("%d of %d answers are wrong, the first: %w", r.Wrong, r.Answered, r.First)
	case r.Lost > 0:
		return fmt.Errorf("%d questions were not answered, and %d were", r.Lost, r.Answered)
	case r.Answered == 0:
		return errors.New("nothing was answered")
	}
	return nil
}

// Run floods the server at addr until ctx ends. An answer may be as stale as window says.
func (f *Field) Run(ctx context.Context, addr string, window time.Duration) (Result, error) {
	clients := make([]*client, sockets)
	for i := range clients {
		clients[i] = &client{field: f, window: window, sets: rand.Perm(len(f.timelines))}
	}
	return together(ctx, addr, clients)
}

// Await asks for all record sets until each is answered as its switch says, to begin with what is known.
func (f *Field) Await(ctx context.Context, addr string) error {
	for {
		all := &client{field: f, sets: rand.Perm(len(f.timelines)), once: true}
		result, err := together(ctx, addr, []*client{all})
		if err = errors.Join(err, result.Check()); err == nil && result.Answered == len(f.timelines) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the record sets do not settle: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// together runs clients and adds up what came of them.
func together(ctx context.Context, addr string, clients []*client) (Result, error) {
	for _, c := range clients {
		if err := c.open(addr); err != nil {
			return Result{}, err
		}
		defer c.conn.Close()
	}
	var group sync.WaitGroup
	errs := make([]error, len(clients))
	began := time.Now()
	for i, c := range clients {
		group.Go(func() { errs[i] = c.run(ctx) })
	}
	group.Wait()
	total := Result{Over: time.Since(began)}
	for _, c := range clients {
		total.Answered += c.result.Answered
		total.Lost += c.result.Lost
		total.Wrong += c.result.Wrong
		total.Behind = max(total.Behind, c.result.Behind)
		total.times = append(total.times, c.result.times...)
		if total.First == nil {
			total.First = c.result.First
		}
	}
	slices.Sort(total.times)
	return total, errors.Join(errs...)
}
