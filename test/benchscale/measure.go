//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// runner is what the runs have in common.
type runner struct {
	options

	binary  string
	dir     string // of temporary files
	serving int    // core of the endpoint
	bare    memory // of a server with next to nothing in it
}

// memory of a process in bytes; the heap is 0 if the server was too busy to tell.
type memory struct{ resident, heap float64 }

// figures are what came of a run.
type figures struct {
	plan

	load, loadCPU time.Duration
	known         float64 // share of the checks that have been probed when the memory is measured
	perSet        memory
	first         changes // a change of one set
	many          changes // one of many, until the first of them shows it
	last          changes // the same until the last of them does
	unseen        bool    // one of the changes was not shown for as long as is waited
}

// changes are the times from a change of health to the first answer that shows it, sorted, and the CPU time that a
// change took beyond what is used anyway.
type changes struct {
	took []time.Duration
	cpu  time.Duration
}

func (c changes) quantile(share float64) time.Duration {
	if len(c.took) == 0 {
		return 0
	}
	return c.took[min(int(share*float64(len(c.took))), len(c.took)-1)]
}

// empty measures the memory of a server with one set.
func (b *runner) empty(ctx context.Context) (memory, error) {
	c, _, err := b.start(ctx, plan{sets: 1, interval: time.Minute}, 1)
	if err != nil {
		return memory{}, err
	}
	defer c.end()
	if err := c.Pause(ctx, time.Second); err != nil {
		return memory{}, err
	}
	return c.memory(ctx)
}

func (c *server) memory(ctx context.Context) (m memory, err error) {
	// What the collector leaves lying about counts, so this comes first: the question for the heap collects.
	if m.resident, err = bench.Resident(c.Pid()); err != nil {
		return m, err
	}
	if m.heap, err = c.pprof.Heap(ctx); errors.Is(err, bench.ErrNoAnswer) {
		err = nil // CoreDNS gives itself 5 s for an answer, in which a very large heap is not collected
	}
	return m, err
}

// run measures one configuration.
func (b *runner) run(ctx context.Context, s plan) (f figures, err error) {
	e, err := bench.StartEndpoint(ctx, b.serving, b.dir, bench.KindTCP)
	if err != nil {
		return f, err
	}
	defer e.End()
	f.plan = s
	c, took, err := b.start(ctx, s, e.Port)
	if err != nil {
		return f, err
	}
	defer c.end()
	f.load = took
	fmt.Fprintf(os.Stderr, "loaded in %.1f s\n", took.Seconds())
	if f.loadCPU, err = bench.CPUTime(c.Pid()); err != nil {
		return f, err
	}
	if f.known, err = b.settle(ctx, c, e, s); err != nil {
		return f, err
	}
	if f.first, err = b.changeOne(ctx, c); err == nil {
		f.many, f.last, err = b.changeMany(ctx, c, s)
	}
	if f.unseen = errors.Is(err, errUnseen); f.unseen {
		fmt.Fprintln(os.Stderr, err) // the other figures are right all the same
	} else if err != nil {
		return f, err
	}
	m, err := c.memory(ctx)
	if err != nil {
		return f, err
	}
	f.perSet.resident = (m.resident - b.bare.resident) / float64(s.sets)
	if m.heap > 0 {
		f.perSet.heap = (m.heap - b.bare.heap) / float64(s.sets)
	}
	if b.profiles != "" {
		err = errors.Join(
			os.MkdirAll(b.profiles, 0o755),
			c.pprof.Profile(ctx, "heap", filepath.Join(b.profiles, fmt.Sprintf("%d.heap", s.sets))),
		)
	}
	return f, err
}

// settle waits until every check has been probed, or it has been long enough, and gives the share of those that have.
func (b *runner) settle(ctx context.Context, c *server, e *bench.Remote, s plan) (known float64, err error) {
	if s.checks() == 0 {
		return 1, nil
	}
	for deadline := time.Now().Add(b.settling); ; {
		t, err := e.Tally()
		if err != nil {
			return 0, err
		}
		known = min(1, float64(t.Total)/float64(s.checks()))
		if known == 1 || time.Now().After(deadline) || s.interval > b.settling && known > 0.05 {
			// And some time more, for garbage to be collected and given back as it is in a server that runs on.
			return known, c.Pause(ctx, min(b.settling, 3*time.Second))
		}
		if err := c.Pause(ctx, 100*time.Millisecond); err != nil {
			return known, err
		}
	}
}

// pause is the rest between two changes: longer than one is on its way.
const pause = 30 * time.Millisecond

// changeOne times changes that touch one set.
func (b *runner) changeOne(ctx context.Context, c *server) (f changes, err error) {
	for i := range b.toggles {
		began := time.Now()
		if err := turn(c.dir, switchOne, i%2 == 1); err != nil {
			return f, err
		}
		if err := c.await(ctx, 0, i%2 == 1); err != nil {
			return f, err
		}
		f.took = append(f.took, time.Since(began))
		if err := c.Pause(ctx, pause); err != nil {
			return f, err
		}
	}
	slices.Sort(f.took)
	// Nobody asks while the CPU time is taken, since questions would cost more than the changes.
	f.cpu, err = c.cost(ctx, 2*b.toggles, 2*pause, func(up bool) error { return turn(c.dir, switchOne, up) })
	return f, err
}

// changeMany times changes that touch many sets, until the first and until the last of them shows it.
func (b *runner) changeMany(ctx context.Context, c *server, s plan) (first, last changes, err error) {
	count := max(2, b.toggles/4)
	for i := range count {
		began := time.Now()
		if err := turn(c.dir, switchMany, i%2 == 1); err != nil {
			return first, last, err
		}
		if err := c.await(ctx, 1, i%2 == 1); err != nil {
			return first, last, err
		}
		first.took = append(first.took, time.Since(began))
		if err := c.await(ctx, s.many, i%2 == 1); err != nil {
			return first, last, err
		}
		last.took = append(last.took, time.Since(began))
		if err := c.Pause(ctx, pause); err != nil {
			return first, last, err
		}
	}
	slices.Sort(first.took)
	slices.Sort(last.took)
	gap := max(2*pause, 2*last.quantile(1))
	last.cpu, err = c.cost(ctx, count, gap, func(up bool) error { return turn(c.dir, switchMany, up) })
	return first, last, errors.Join(err, c.await(ctx, s.many, count%2 == 0))
}

// cost is the CPU time that a change takes: that of a time with changes less that of equal times before and after it,
// in which the checks are probed all the same.
func (c *server) cost(ctx context.Context, count int, gap time.Duration, change func(up bool) error) (time.Duration, error) {
	spend := func(each func(i int) error) (time.Duration, error) {
		before, err1 := bench.CPUTime(c.Pid())
		for i := range count {
			if err := errors.Join(each(i), c.Pause(ctx, gap)); err != nil {
				return 0, err
			}
		}
		after, err2 := bench.CPUTime(c.Pid())
		return after - before, errors.Join(err1, err2)
	}
	rest := func(int) error { return nil }
	before, err1 := spend(rest)
	during, err2 := spend(func(i int) error { return change(i%2 == 1) })
	after, err3 := spend(rest)
	// They end as they began, up, if the number is even.
	return max(0, during-(before+after)/2) / time.Duration(count), errors.Join(err1, err2, err3)
}
