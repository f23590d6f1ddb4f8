//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// bench is what the runs have in common.
type bench struct {
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
func (f figures) mean() float64        { return f.rate() * window.Seconds() }
func (f figures) core() float64        { return f.cpu.Seconds() / f.over.Seconds() }
func (f figures) servingCore() float64 { return f.serving.Seconds() / f.over.Seconds() }

// run makes one run.
func (b *bench) run(ctx context.Context, r run) (figures, error) {
	e, err := b.startEndpoint(ctx, r.kind)
	if err != nil {
		return figures{}, err
	}
	defer e.end()
	switch r.who {
	case gdnsd:
		p, err := b.startGdnsd(ctx, r, e.port)
		if err != nil {
			return figures{}, err
		}
		defer p.end()
		return b.watch(ctx, r, e, p, nil)
	case bare:
		p, err := b.startClient(ctx, r, e.port)
		if err != nil {
			return figures{}, err
		}
		defer p.end()
		return b.watch(ctx, r, e, p, nil)
	}
	without, err := b.withoutChecks(ctx, r)
	if err != nil {
		return figures{}, fmt.Errorf("without checks: %w", err)
	}
	c, err := b.startCoreDNS(ctx, r, e.port, true)
	if err != nil {
		return figures{}, err
	}
	defer c.end()
	f, err := b.watch(ctx, r, e, c.process, c)
	if err != nil {
		return f, err
	}
	return f, b.ask(ctx, &f, c, without)
}

// watch measures a process that probes an endpoint; c is that process if it is failover.
func (b *bench) watch(ctx context.Context, r run, e *remote, p *process, c *coredns) (figures, error) {
	f := figures{run: r}
	if err := b.warmUp(ctx, &f, p, c); err != nil {
		return f, err
	}
	began := time.Now()
	cpuBefore, err1 := cpuTime(p.pid())
	servingBefore, err2 := cpuTime(e.pid())
	before, err3 := e.tally()
	if err := errors.Join(err1, err2, err3, p.pause(ctx, r.measured(b.duration))); err != nil {
		return f, err
	}
	f.over = time.Since(began)
	cpuAfter, err1 := cpuTime(p.pid())
	servingAfter, err2 := cpuTime(e.pid())
	after, err3 := e.tally()
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
func (b *bench) warmUp(ctx context.Context, f *figures, p *process, c *coredns) error {
	if c == nil {
		return p.pause(ctx, f.warmUp())
	}
	for end := time.Now().Add(f.warmUp()); time.Now().Before(end); {
		// A busy server may fail to answer in time, which is the affair of later.
		if n, err := c.goroutines(ctx); err == nil {
			f.goroutines = max(f.goroutines, n)
		}
		if err := p.pause(ctx, sampling); err != nil {
			return err
		}
	}
	return nil
}

// ask adds what only the server itself can tell. The resident memory is what it has while it runs, with what the
// garbage collector leaves lying about, so it is read first: the questions make garbage too.
func (b *bench) ask(ctx context.Context, f *figures, c *coredns, without memory) error {
	rss, err := resident(c.pid())
	if err != nil {
		return err
	}
	f.perCheck.resident = (rss - without.resident) / float64(f.checks)
	n, err := c.goroutines(ctx)
	if err == nil {
		f.goroutines = max(f.goroutines, n)
		f.lateness, err = c.lateness(ctx)
	}
	if errors.Is(err, errNoMetric) && !b.insist {
		f.noLateness, err = true, nil
	}
	var heap float64
	if err == nil {
		heap, err = c.heap(ctx)
		f.perCheck.heap = (heap - without.heap) / float64(f.checks)
	}
	if errors.Is(err, errNoAnswer) && f.checks > answering {
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
func (b *bench) profile(ctx context.Context, r run, c *coredns) error {
	if b.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	name := filepath.Join(b.profiles, fmt.Sprintf("%s-%d-%v", r.kind, r.checks, r.interval))
	return errors.Join(c.profile(ctx, "heap", name+".heap"), c.profile(ctx, "profile?seconds=4", name+".cpu"))
}

// fill has the server make garbage until that has been collected twice. One that has nothing to do would not use the room
// that the collector gives it, and what the rest of the server needs would be taken for that of the checks.
func (c *coredns) fill(ctx context.Context) error {
	first := -1.0
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		body, err := get(ctx, "http://"+c.pprof+"/debug/pprof/heap?debug=1")
		if err != nil {
			return err
		}
		count, err := value(string(body), "# NumGC = ")
		switch {
		case err != nil:
			return err
		case first < 0:
			first = count
		case count >= first+2:
			return nil
		}
	}
	return nil // it has had its time, and needs little more than that
}

// withoutChecks measures the memory of the server that has the records of a run and no checks.
func (b *bench) withoutChecks(ctx context.Context, r run) (memory, error) {
	if m, ok := b.bare[r.checks]; ok {
		return m, nil
	}
	c, err := b.startCoreDNS(ctx, r, 0, false)
	if err != nil {
		return memory{}, err
	}
	defer c.end()
	if err := c.fill(ctx); err != nil {
		return memory{}, err
	}
	var m memory
	if m.resident, err = resident(c.pid()); err != nil {
		return m, err
	}
	if m.heap, err = c.heap(ctx); err != nil {
		return m, err
	}
	if b.bare == nil {
		b.bare = map[int]memory{}
	}
	b.bare[r.checks] = m
	return m, nil
}
