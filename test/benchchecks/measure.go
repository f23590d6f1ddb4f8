//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// runner is what the runs have in common.
type runner struct {
	options

	binary            string
	dir               string // of temporary files
	measured, serving int    // cores

	// bare holds the memory of the server without checks by the number of addresses in its records.
	bare map[int]memory
}

// memory of a process, in bytes.
type memory struct{ resident, heap float64 }

// figures are what came of a run.
type figures struct {
	run

	over    time.Duration // the time that was measured
	cpu     time.Duration // user and system, in that time
	serving time.Duration // CPU time of the endpoint, in that time
	arrived int64         // probes, in that time
	peak    int32         // probes in a window, at most, from the first probe on
	open    int64         // connections that the endpoint held at a time, at most, from the first probe on

	// These are failover's only.
	perCheck   memory
	goroutines int
	lateness   time.Duration
	noLateness bool // the binary has no such metric
	mute       bool // the server was too busy to tell all of this
}

func (f figures) cpuPerProbe() float64 { return f.cpu.Seconds() / float64(max(1, f.arrived)) }
func (f figures) rate() float64        { return float64(f.arrived) / f.over.Seconds() }
func (f figures) mean() float64        { return f.rate() * bench.Window.Seconds() }
func (f figures) core() float64        { return f.cpu.Seconds() / f.over.Seconds() }
func (f figures) servingCore() float64 { return f.serving.Seconds() / f.over.Seconds() }

// run makes one run.
func (b *runner) run(ctx context.Context, r run) (figures, error) {
	e, err := bench.StartEndpoint(ctx, b.serving, b.dir, r.kind)
	if err != nil {
		return figures{}, err
	}
	defer e.End()
	switch r.who {
	case gdnsd:
		p, err := b.startGdnsd(ctx, r, e.Port)
		if err != nil {
			return figures{}, err
		}
		defer p.End()
		return b.watch(ctx, r, e, p, nil)
	case bare:
		p, err := b.startClient(ctx, r, e.Port)
		if err != nil {
			return figures{}, err
		}
		defer p.End()
		return b.watch(ctx, r, e, p, nil)
	}
	without, err := b.withoutChecks(ctx, r)
	if err != nil {
		return figures{}, fmt.Errorf("without checks: %w", err)
	}
	c, err := b.startCoreDNS(ctx, r, e.Port, true)
	if err != nil {
		return figures{}, err
	}
	defer c.End()
	f, err := b.watch(ctx, r, e, c.Process, c)
	if err != nil {
		return f, err
	}
	return f, b.ask(ctx, &f, c, without)
}

// watch measures a process that probes an endpoint; c is that process if it is failover.
func (b *runner) watch(ctx context.Context, r run, e *bench.Remote, p *bench.Process, c *coredns) (figures, error) {
	f := figures{run: r}
	if err := b.warmUp(ctx, &f, p, c); err != nil {
		return f, err
	}
	began := time.Now()
	cpuBefore, err1 := bench.CPUTime(p.Pid())
	servingBefore, err2 := bench.CPUTime(e.Pid())
	before, err3 := e.Tally()
	if err := errors.Join(err1, err2, err3, p.Pause(ctx, r.measured(b.duration))); err != nil {
		return f, err
	}
	f.over = time.Since(began)
	cpuAfter, err1 := bench.CPUTime(p.Pid())
	servingAfter, err2 := bench.CPUTime(e.Pid())
	after, err3 := e.Tally()
	if err := errors.Join(err1, err2, err3); err != nil {
		return f, err
	}
	f.cpu = cpuAfter - cpuBefore
	f.serving = servingAfter - servingBefore
	f.arrived = after.Total - before.Total
	f.open = after.MaxOpen
	for _, n := range after.Windows {
		f.peak = max(f.peak, n)
	}
	if f.arrived == 0 {
		return f, errors.New("no probe has arrived")
	}
	return f, nil
}

// sampling is how often goroutines are counted.
const sampling = 250 * time.Millisecond

// warmUp lets a process come into its rhythm. Meanwhile it counts goroutines, which costs milliseconds each time and
// so is not done while the CPU time is measured.
func (b *runner) warmUp(ctx context.Context, f *figures, p *bench.Process, c *coredns) error {
	if c == nil {
		return p.Pause(ctx, f.warmUp())
	}
	for end := time.Now().Add(f.warmUp()); time.Now().Before(end); {
		// A busy server may fail to answer in time, which is the affair of later.
		if n, err := c.pprof.Goroutines(ctx); err == nil {
			f.goroutines = max(f.goroutines, n)
		}
		if err := p.Pause(ctx, sampling); err != nil {
			return err
		}
	}
	return nil
}

// ask adds what only the server itself can tell. The resident memory is what it has while it runs, with what the
// garbage collector leaves lying about, so it is read first: the questions make garbage too.
func (b *runner) ask(ctx context.Context, f *figures, c *coredns, without memory) error {
	rss, err := bench.Resident(c.Pid())
	if err != nil {
		return err
	}
	f.perCheck.resident = (rss - without.resident) / float64(f.checks)
	n, err := c.pprof.Goroutines(ctx)
	if err == nil {
		f.goroutines = max(f.goroutines, n)
		f.lateness, err = c.lateness(ctx)
	}
	if errors.Is(err, bench.ErrNoValue) && !b.insist {
		f.noLateness, err = true, nil
	}
	var heap float64
	if err == nil {
		heap, err = c.pprof.Heap(ctx)
		f.perCheck.heap = (heap - without.heap) / float64(f.checks)
	}
	if errors.Is(err, bench.ErrNoAnswer) && f.checks > answering {
		// CoreDNS gives itself 5 s for an answer. That this may not do for hundreds of thousands of series on a busy
		// core is worth a word in the table, and what was measured from outside is right all the same.
		f.mute = true
		return nil
	}
	if err != nil {
		return err
	}
	return b.profile(ctx, f.run, c)
}

// answering is up to how many checks the server must answer what it is asked.
const answering = 10_000

// profile writes the profiles, if there are to be any. It comes last, when all has been measured; the heap is
// as of the collection that was asked for just before. CoreDNS ends every answer of pprof after 5 s.
func (b *runner) profile(ctx context.Context, r run, c *coredns) error {
	if b.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	name := filepath.Join(b.profiles, fmt.Sprintf("%s-%d-%v", r.kind, r.checks, r.interval))
	return errors.Join(c.pprof.Profile(ctx, "heap", name+".heap"), c.pprof.Profile(ctx, "profile?seconds=4", name+".cpu"))
}

// withoutChecks measures the memory of the server that has the records of a run and no checks.
func (b *runner) withoutChecks(ctx context.Context, r run) (memory, error) {
	if m, ok := b.bare[r.checks]; ok {
		return m, nil
	}
	c, err := b.startCoreDNS(ctx, r, 0, false)
	if err != nil {
		return memory{}, err
	}
	defer c.End()
	if err := c.pprof.Fill(ctx); err != nil {
		return memory{}, err
	}
	var m memory
	if m.resident, err = bench.Resident(c.Pid()); err != nil {
		return m, err
	}
	if m.heap, err = c.pprof.Heap(ctx); err != nil {
		return m, err
	}
	if b.bare == nil {
		b.bare = map[int]memory{}
	}
	b.bare[r.checks] = m
	return m, nil
}
