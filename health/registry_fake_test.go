package health

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

var errFake = errors.New("no such certificate")

// answer makes the n-th (from 0) attempt on a probe.
type answer func(ctx context.Context, p probe.Spec, n int) probe.Result

func pass(context.Context, probe.Spec, int) probe.Result {
	return probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK}
}

func fail(context.Context, probe.Spec, int) probe.Result {
	return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonRefused}
}

// hang ends with its context, as a probe of a black hole does.
func hang(ctx context.Context, _ probe.Spec, _ int) probe.Result {
	<-ctx.Done()
	if errors.Is(ctx.Err(), context.Canceled) {
		return probe.Result{Reason: probe.ReasonCanceled}
	}
	return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout}
}

// world stands for all targets, and is the Observer too.
type world struct {
	t      *testing.T
	answer answer

	mu          sync.Mutex
	begin       time.Time
	starts      map[probe.ID][]time.Duration
	inFlight    map[probe.ID]int
	busy, peak  int
	results     map[Definition][]probe.Result
	transitions map[Definition][]Transition
	events      []Event // that are no transitions
}

func newWorld(t *testing.T, a answer) *world {
	t.Helper()
	return &world{
		t: t, answer: a, begin: time.Now(),
		starts: map[probe.ID][]time.Duration{}, inFlight: map[probe.ID]int{},
		results: map[Definition][]probe.Result{}, transitions: map[Definition][]Transition{},
	}
}

func (w *world) registry(o Options) *Registry {
	o.Observer = w
	o.NewProber = func(p probe.Spec) (probe.Prober, error) {
		if p.CAFile == "missing" {
			return nil, errFake
		}
		return &fakeProber{w, p}, nil
	}
	r := NewRegistry(o)
	r.ownAddrs = func() map[netip.Addr]bool { return nil } // the tests' hosts are nobody's
	return r
}

type fakeProber struct {
	world *world
	spec  probe.Spec
}

func (f *fakeProber) Probe(ctx context.Context) probe.Result {
	w, id := f.world, f.spec.ID()
	w.mu.Lock()
	n := len(w.starts[id])
	w.starts[id] = append(w.starts[id], time.Since(w.begin))
	w.inFlight[id]++
	w.busy++
	w.peak = max(w.peak, w.busy)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.inFlight[id]--
		w.busy--
		w.mu.Unlock()
	}()
	return w.answer(ctx, f.spec, n)
}

func (w *world) Probed(d Definition, r probe.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[d] = append(w.results[d], r)
}

func (w *world) Transition(d Definition, t Transition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.transitions[d] = append(w.transitions[d], t)
}

func (w *world) Happened(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *world) startsOf(p probe.ID) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.starts[p])
}

func (w *world) resultsOf(d Definition) []probe.Result {
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
	return Definition{Probe: probe.Spec{Scheme: probe.TCP, Host: host, Port: 80}.ID(), Timing: timing}
}

// newTestMonitor makes a monitor that nothing runs.
func newTestMonitor(d Definition, where place) *monitor {
	return newMonitor(d.Probe, &d.Timing, nil, where)
}

func acquire(t *testing.T, r *Registry, definitions ...Definition) *Lease {
	t.Helper()
	l, err := r.Acquire(definitions)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// network is what lies between this process and its targets: it can be cut, and targets can be down.
type network struct {
	mu   sync.Mutex
	cut  bool            // nothing off this machine answers
	hang bool            // what does not answer is silent, else it refuses
	down map[string]bool // hosts
}

func (n *network) set(change func(*network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down == nil {
		n.down = map[string]bool{}
	}
	change(n)
}

func (n *network) answer(ctx context.Context, p probe.Spec, i int) probe.Result {
	n.mu.Lock()
	broken, silent := n.cut && placeOf(p.Host, nil) == remote || n.down[p.Host], n.hang
	n.mu.Unlock()
	switch {
	case !broken:
		return pass(ctx, p, i)
	case silent:
		return hang(ctx, p, i)
	default:
		return fail(ctx, p, i)
	}
}

// hosts gives checks of so many hosts, each in a network of its own.
func hosts(n int) []Definition {
	definitions := make([]Definition, 0, n)
	for i := range n {
		definitions = append(definitions, check(fmt.Sprintf("10.%d.%d.1", i/256, i%256)))
	}
	return definitions
}

// eventsOf gives the kinds of what has happened to the process as a whole.
func (w *world) eventsOf() []EventKind {
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := make([]EventKind, 0, len(w.events))
	for _, e := range w.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// falls counts the transitions to unhealthy.
func (w *world) falls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, transitions := range w.transitions {
		for _, t := range transitions {
			if t.To == Unhealthy {
				n++
			}
		}
	}
	return n
}
