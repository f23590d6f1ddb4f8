package zone

import (
	"container/heap"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"
)

// Index is everything one server block answers. Its shape never changes after New.
type Index struct {
	// Panicked is told the value of a panic that Update survived, from within the panic. To be set before Start.
	Panicked func(value any)

	zones map[string]*Zone
	sets  []*Set  // every alias target before the sets that point at it
	users [][]int // by leaf: the sets that use the check, indexes in sets

	mu      sync.Mutex // guards Start, Update and Adopt, and with them all that is not for queries
	queue   setQueue
	waiting []int // the sets whose answer can change by time alone, indexes in sets
	status  func(leaf int) health.Status
	started bool
}

// Zone is one zone of an Index.
type Zone struct {
	Config *corefile.Zone
	// Tally counts the answers that belong to no record set.
	Tally *Tally

	nodes   map[string]*Node
	sets    []*Set
	classes []uint32 // the TTLs a negative answer can have
	apex    apexPointer
}

// Tallies gives the counters for the answers of a set for one family, or, with the empty name and type, of a zone
// beside its sets. The same key must give the same counters over reloads.
type Tallies func(zone, name, rrtype string) *Tally

// New builds the index of a configuration; nothing is answered before Start.
func New(config *corefile.Config, tallies Tallies) *Index {
	x := &Index{zones: make(map[string]*Zone, len(config.Zones)), users: make([][]int, len(config.Checks))}
	built := make(map[*corefile.Set]*Set)
	for _, zc := range config.Zones {
		z := &Zone{Config: zc, Tally: tallies(zc.Name, "", ""), nodes: make(map[string]*Node)}
		z.ensure(zc.Name)
		x.zones[zc.Name] = z
		for _, sc := range zc.Sets {
			s := newSet(sc, z, tallies)
			built[sc] = s
			z.sets = append(z.sets, s)
			z.add(s)
		}
		z.classes = ttlClasses(config, zc)
	}
	for _, zc := range config.Zones {
		for _, s := range x.zones[zc.Name].sets {
			x.place(s, built)
		}
	}
	for i, s := range x.sets {
		if s.shape.Kind == policy.Failover && s.shape.Failback.After > 0 {
			x.waiting = append(x.waiting, i)
		}
		s.forEachLeaf(func(leaf int) {
			if n := len(x.users[leaf]); n == 0 || x.users[leaf][n-1] != i {
				x.users[leaf] = append(x.users[leaf], i)
			}
		})
	}
	return x
}

// place appends the set to the order after all that it points at. The configuration has no loops (A07).
func (x *Index) place(s *Set, built map[*corefile.Set]*Set) {
	if s.order >= 0 {
		return
	}
	for i, record := range s.Config.Records {
		if record.Alias == nil {
			continue
		}
		for f, target := range record.Alias.Target {
			if target == nil {
				continue
			}
			t := built[target]
			x.place(t, built)
			s.targets[i][f] = t
		}
	}
	s.order = len(x.sets)
	x.sets = append(x.sets, s)
	for i := range s.targets {
		for _, t := range s.targets[i] {
			if t != nil && (len(t.parents) == 0 || t.parents[len(t.parents)-1] != s.order) {
				t.parents = append(t.parents, s.order)
			}
		}
	}
}

// Sets returns all record sets; the slice is shared and must not be changed.
func (x *Index) Sets() []*Set { return x.sets }

// Zones calls fn for every zone.
func (x *Index) Zones(fn func(*Zone)) {
	for _, z := range x.zones {
		fn(z)
	}
}

// Start makes the first answers of all sets from the last known states, which status gives, and keeps status for
// Update. It returns when to call Update though no check changed, zero for never.
func (x *Index) Start(status func(leaf int) health.Status, now time.Time) (wake time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status, x.started = status, true
	for _, s := range x.sets {
		s.evaluate(status, now)
	}
	for _, z := range x.zones {
		z.publishApex(now)
	}
	return x.wake()
}

// Update makes anew the answers that depend on the given leaves, whose status changed, or whose time has come, and
// raises the serials of the zones in which one changed. It returns when to call it again, as Start does.
func (x *Index) Update(leaves []int, now time.Time) (wake time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.started {
		return time.Time{}
	}
	for _, leaf := range leaves {
		for _, i := range x.users[leaf] {
			x.enqueue(i)
		}
	}
	for _, i := range x.waiting {
		if w := x.sets[i].memory.Wake; !w.IsZero() && !now.Before(w) {
			x.enqueue(i)
		}
	}
	changed := make(map[*Zone]bool)
	for x.queue.Len() > 0 {
		i := heap.Pop(&x.queue).(int)
		s := x.sets[i]
		s.queued = false
		answers, parentsToo := x.evaluate(s, now)
		if answers {
			changed[s.zone] = true
		}
		if parentsToo {
			for _, p := range s.parents {
				x.enqueue(p)
			}
		}
	}
	for z := range changed {
		z.publishApex(now)
	}
	return x.wake()
}

// evaluate survives a panic: the stale answer of one set is better than none of any. The set is evaluated anew when its
// health changes again.
func (x *Index) evaluate(s *Set, now time.Time) (changed, parentsToo bool) {
	defer func() {
		if p := recover(); p != nil {
			x.Panicked(p)
		}
	}()
	return s.evaluate(x.status, now)
}

func (x *Index) enqueue(i int) {
	if s := x.sets[i]; !s.queued {
		s.queued = true
		heap.Push(&x.queue, i)
	}
}

func (x *Index) wake() (earliest time.Time) {
	for _, i := range x.waiting {
		if w := x.sets[i].memory.Wake; !w.IsZero() && (earliest.IsZero() || w.Before(earliest)) {
			earliest = w
		}
	}
	return earliest
}

// setQueue is a heap of indexes in Index.sets, so that targets are made anew before what points at them.
type setQueue []int

func (q setQueue) Len() int           { return len(q) }
func (q setQueue) Less(i, j int) bool { return q[i] < q[j] }
func (q setQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *setQueue) Push(v any)        { *q = append(*q, v.(int)) }
func (q *setQueue) Pop() any {
	old := *q
	v := old[len(old)-1]
	*q = old[:len(old)-1]
	return v
}
