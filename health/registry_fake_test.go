package health

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

var errFake = errors.New("no such certificate")

// answer makes the n-th (from 0) attempt on a probe.
type answer func(ctx context.Context, p Probe, n int) Result

func pass(context.Context, Probe, int) Result { return Result{Outcome: Pass, Reason: ReasonOK} }

func fail(context.Context, Probe, int) Result { return Result{Outcome: Fail, Reason: ReasonRefused} }

// hang ends with its context, as a probe of a black hole does.
func hang(ctx context.Context, _ Probe, _ int) Result {
	<-ctx.Done()
	return classify(ctx, "connect", ctx.Err(), ReasonInternal).result()
}

// world stands for all targets, and is the Observer too.
type world struct {
	t      *testing.T
	answer answer

	mu          sync.Mutex
	begin       time.Time
	starts      map[Probe][]time.Duration
	inFlight    map[Probe]int
	busy, peak  int
	results     map[Definition][]Result
	transitions map[Definition][]Transition
}

func newWorld(t *testing.T, a answer) *world {
	t.Helper()
	return &world{
		t: t, answer: a, begin: time.Now(),
		starts: map[Probe][]time.Duration{}, inFlight: map[Probe]int{},
		results: map[Definition][]Result{}, transitions: map[Definition][]Transition{},
	}
}

func (w *world) registry(o Options) *Registry {
	o.Observer = w
	o.NewProber = func(p Probe) (Prober, error) {
		if p.CAFile == "missing" {
			return nil, errFake
		}
		return &fakeProber{w, p}, nil
	}
	return NewRegistry(o)
}

type fakeProber struct {
	world *world
	probe Probe
}

func (f *fakeProber) Probe(ctx context.Context) Result {
	w := f.world
	w.mu.Lock()
	n := len(w.starts[f.probe])
	w.starts[f.probe] = append(w.starts[f.probe], time.Since(w.begin))
	w.inFlight[f.probe]++
	w.busy++
	w.peak = max(w.peak, w.busy)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.inFlight[f.probe]--
		w.busy--
		w.mu.Unlock()
	}()
	return w.answer(ctx, f.probe, n)
}

func (w *world) Probed(d *Definition, r Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[*d] = append(w.results[*d], r)
}

func (w *world) Transition(d *Definition, t Transition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.transitions[*d] = append(w.transitions[*d], t)
}

func (w *world) startsOf(p Probe) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.starts[p])
}

func (w *world) resultsOf(d Definition) []Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.results[d])
}

func (w *world) transitionsOf(d Definition) []Transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.transitions[d])
}

// check is a definition for a host with the default timing.
func check(host string) Definition {
	return Definition{Probe: Probe{Scheme: TCP, Host: host, Port: 80}, Timing: timing}
}

func acquire(t *testing.T, r *Registry, definitions ...Definition) *Lease {
	t.Helper()
	l, err := r.Acquire(definitions)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
