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

	binary            string
	dir               string // of temporary files
	measured, serving int    // cores
	endpoint          *bench.Remote
}

// figures are what came of all rounds of a contestant, one of each for each round.
type figures struct {
	contestant

	cpu      []float64 // us a query
	rate     []float64 // a second
	p50, p99 []float64 // us
	lost     float64
	resident float64 // bytes
}

// steady is how often a second a server is asked while it is measured how long answers take. All of them can do it, so
// what is compared is not how long their queues are.
const steady = 10_000

// measureField measures contestants beside each other: all of them run, and in each round each is loaded in its turn.
func (b *runner) measureField(ctx context.Context, list []contestant) ([]figures, error) {
	var (
		all     []figures
		servers []*server
	)
	defer func() {
		for _, s := range servers {
			s.End()
			os.RemoveAll(s.dir)
		}
	}()
	for _, c := range list {
		s, err := b.start(ctx, c)
		if errors.Is(err, errNotInstalled) {
			fmt.Fprintf(os.Stderr, "\n*** %v: NOT INSTALLED, so there is nothing to compare with "+
				"(Debian packages gdnsd, pdns-server and pdns-backend-bind) ***\n\n", c)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", c, err)
		}
		servers, all = append(servers, s), append(all, figures{contestant: c})
	}
	questions := filepath.Join(b.dir, "questions")
	if err := writeQuestions(questions, list[0].sets); err != nil {
		return nil, err
	}
	for round := range b.rounds + 1 {
		order := make([]int, len(all))
		for i := range order {
			order[i] = i
		}
		if round%2 == 1 {
			slices.Reverse(order) // what comes after what is no advantage then
		}
		for _, i := range order {
			if err := b.round(ctx, &all[i], servers[i], questions, round); err != nil {
				return all, fmt.Errorf("%v: %w", all[i].contestant, err)
			}
		}
	}
	return all, nil
}

// round is one turn of a contestant. The first round is to warm up.
func (b *runner) round(ctx context.Context, f *figures, s *server, questions string, round int) error {
	if round == 0 {
		_, err := b.load(ctx, questions, s.port, min(b.duration, time.Second)/2, 0)
		return err
	}
	before, err := bench.CPUTime(s.Pid())
	if err != nil {
		return err
	}
	p, err := b.load(ctx, questions, s.port, b.duration, 0)
	if err != nil {
		return err
	}
	after, err := bench.CPUTime(s.Pid())
	if err != nil {
		return err
	}
	if f.resident, err = bench.Resident(s.Pid()); err != nil {
		return err
	}
	f.cpu = append(f.cpu, float64((after-before).Microseconds())/p.answered)
	f.rate = append(f.rate, p.rate)
	f.lost += p.lost
	if round <= (b.rounds+1)/2 { // latencies say less, and take time
		if p, err = b.load(ctx, questions, s.port, b.duration/2, steady); err != nil {
			return err
		}
		f.p50 = append(f.p50, microseconds(p.p50))
		f.p99 = append(f.p99, microseconds(p.p99))
	}
	if round == b.rounds && s.pprof != "" {
		return b.profile(ctx, f.contestant, s, questions)
	}
	return nil
}

// profile takes one of the CPU under load. CoreDNS ends every answer of pprof after 5 s.
func (b *runner) profile(ctx context.Context, c contestant, s *server, questions string) error {
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	loaded := make(chan error, 1)
	go func() {
		_, err := b.load(ctx, questions, s.port, 5*time.Second, 0)
		loaded <- err
	}()
	path := filepath.Join(b.profiles, fmt.Sprintf("%s-%s-%d", c.who, c.answers, c.sets))
	if c.prometheus {
		path += "-prometheus"
	}
	path += ".cpu"
	return errors.Join(s.pprof.Profile(ctx, "profile?seconds=4", path), <-loaded)
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// median of what was measured in the rounds; 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if half := len(sorted) / 2; len(sorted)%2 == 0 {
		return (sorted[half-1] + sorted[half]) / 2
	}
	return sorted[len(sorted)/2]
}

// times is the median of the ratios of two contestants, each taken in one round, as the machine may be slower in
// another.
func times(ours, theirs []float64) float64 {
	ratios := make([]float64, min(len(ours), len(theirs)))
	for i := range ratios {
		ratios[i] = ours[i] / theirs[i]
	}
	return median(ratios)
}
