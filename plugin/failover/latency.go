package failover

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
)

const (
	// latencyKept is how many of the last probes of a check are remembered, latencyChecks of how many checks.
	latencyKept, latencyChecks = 60, 2000
)

// latencies is how long the last probes took, for whoever looks at a check in the admin API. Without that nothing is kept,
// and of very many checks only some are: those that were probed first.
var latencies latencyTable

type latencyTable struct {
	kept atomic.Bool // there is an admin API

	mu      sync.Mutex
	byCheck map[uint64]*latencyRing // by definition, as nameTable has it
}

// latencyRing holds milliseconds, the n-th at n modulo its length.
type latencyRing struct {
	took [latencyKept]float32
	n    int
}

// keep begins to remember, or forgets.
func (t *latencyTable) keep(yes bool) {
	if t.kept.Swap(yes) && !yes {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.byCheck = nil
	}
}

func (t *latencyTable) add(d *health.Definition, took time.Duration) {
	if !t.kept.Load() {
		return
	}
	key := names.definition(d)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.byCheck[key]
	if r == nil {
		if len(t.byCheck) >= latencyChecks {
			return
		}
		if t.byCheck == nil {
			t.byCheck = make(map[uint64]*latencyRing)
		}
		r = new(latencyRing)
		t.byCheck[key] = r
	}
	r.took[r.n%latencyKept] = float32(milliseconds(took))
	r.n++
}

// of gives what is remembered of a check, the oldest first.
func (t *latencyTable) of(d *health.Definition) []float64 {
	key := names.definition(d)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.byCheck[key]
	if r == nil {
		return nil
	}
	took := make([]float64, 0, latencyKept)
	for n := max(0, r.n-latencyKept); n < r.n; n++ {
		took = append(took, float64(r.took[n%latencyKept]))
	}
	return took
}

// tidy forgets the checks that are configured no more, so that others have their places.
func (t *latencyTable) tidy(runners []*runner) {
	if !t.kept.Load() {
		return
	}
	used := make(map[uint64]bool)
	for _, r := range runners {
		for i := range r.config.Checks {
			d := r.config.Checks[i].Definition()
			used[names.definition(&d)] = true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.byCheck {
		if !used[key] {
			delete(t.byCheck, key)
		}
	}
}
