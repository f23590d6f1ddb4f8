//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
	"github.com/seed-a19ac2b6/failover/test/flood"
)

const (
	// changing is the number of record sets with a switch of their own, and changesPerSecond how often one is turned.
	changing         = 4000
	changesPerSecond = 1000
	// window is how long a change may go unnoticed; past it, an answer is wrong.
	window = 500 * time.Millisecond
)

// changeFigures compare a server that is left alone with the same one while its health changes.
type changeFigures struct {
	quiet, changed flow
	changes        int
	behind         time.Duration // the longest that a change went unnoticed
	wrong, lost    int
	first          error
}

// flow is one of the two, a figure for each round.
type flow struct{ rate, p50, p99 []float64 }

func (w *flow) add(r *flood.Result) {
	w.rate = append(w.rate, r.Rate())
	w.p50 = append(w.p50, microseconds(r.Quantile(0.5)))
	w.p99 = append(w.p99, microseconds(r.Quantile(0.99)))
}

// measureChange floods a server, by turns with and without changes. The flood judges each answer, and is as fast as the
// server; it replaces dnsperf, which does not look at what it gets.
func (b *runner) measureChange(ctx context.Context) (f changeFigures, err error) {
	s := &server{}
	if s.dir, err = os.MkdirTemp(b.dir, "change"); err != nil {
		return f, err
	}
	if s.port, err = bench.FreePort(); err != nil {
		return f, err
	}
	field, err := flood.NewField(s.dir, changing)
	if err != nil {
		return f, err
	}
	err = bench.WriteFile(filepath.Join(s.dir, "Corefile"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "%s:%d {\n bind 127.0.0.1\n failover {\n%s }\n}\n", zone, s.port, field.Stanza())
	})
	if err != nil {
		return f, err
	}
	s.Process, err = bench.Launch(ctx, b.measured, filepath.Join(s.dir, "log"), onOneCore, b.binary, "-conf", "Corefile")
	if err != nil {
		return f, err
	}
	defer s.End()
	settling, cancel := context.WithTimeout(ctx, loading)
	defer cancel()
	if err := field.Await(settling, s.addr()); err != nil {
		return f, errors.Join(err, s.Ended())
	}
	for range b.rounds {
		if err := b.flood(ctx, &f, &f.quiet, field, s, 0); err != nil {
			return f, err
		}
		if err := b.flood(ctx, &f, &f.changed, field, s, changesPerSecond); err != nil {
			return f, err
		}
	}
	return f, nil
}

// flood is one run, twice as long as the others, since its tail is what matters.
func (b *runner) flood(
	ctx context.Context, f *changeFigures, w *flow, field *flood.Field, s *server, perSecond int,
) error {
	running, cancel := context.WithTimeout(ctx, 2*b.duration)
	defer cancel()
	changed := make(chan error, 1)
	go func() {
		n, err := 0, error(nil)
		if perSecond > 0 {
			n, err = field.Change(running, perSecond)
		}
		f.changes += n
		changed <- err
	}()
	r, err := field.Run(running, s.addr(), window)
	if err = errors.Join(err, <-changed); err != nil {
		return err
	}
	w.add(&r)
	f.wrong += r.Wrong
	f.lost += r.Lost
	f.behind = max(f.behind, r.Behind)
	if f.first == nil {
		f.first = r.First
	}
	// What has changed last is to be noticed before the next run.
	settling, cancel := context.WithTimeout(ctx, loading)
	defer cancel()
	return field.Await(settling, s.addr())
}
