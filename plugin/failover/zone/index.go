package zone

import (
	"container/heap"
	"iter"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/policy"
)

// Index is everything one server block answers. Its shape never changes after New.
type Index struct {
	// Panicked is told the value of a panic that Update survived, from within the panic. To be set before Start.
	Panicked func(value any)
	// Changed is told each zone that has a new serial, before Start or Update returns; it must not wait for anything. To
	// be set before Start; nil tells nobody.
	Changed func(zone string)
	// Switched is told, after Changed, what an operator wants to hear of, and must not wait for anything either. To be set
	// before Start; nil tells nobody.
	Switched func(Switch)
	// Look gives what is known of a name outside the record sets, and never waits. To be set before Start; nil knows
	// nothing.
	Look func(name string) *lookup.Found
	// Withhold has Elsewhere give no records. To be set before Start.
	Withhold bool

	zones map[string]*Zone
	sets  []Set // those of outside first; then every alias target before the sets that point at it
	bare  []bareNode
	names names
	users users
	// outside has the sets that stand for names outside the record sets.
	outside map[string]*Set

	mu      sync.Mutex // guards Start, Update and Adopt, and with them all that is not for queries
	queue   setQueue
	waiting []int          // the sets whose answer can change by time alone, indexes in sets
	late    map[*Zone]bool // the zones with answers that have changed since their last serial
	status  func(leaf int) health.Status
	started bool
	view    view
	told    []Switch // what Switched is to be told

	news struct {
		sync.Mutex

		names []string // outside, of which there is something new
	}

	prints prints
}

// Zone is one zone of an Index.
type Zone struct {
	Config *corefile.Zone
	// Tally counts the answers that belong to no record set.
	Tally *Tally

	tallies *Tallies
	classes []uint32 // the TTLs a negative answer can have
	apex    apexPointer
	raised  time.Time // when the zone was given its serial

	transferOrder transferOrder
}

// New builds the index of a configuration; nothing is answered before Start.
func New(config *corefile.Config, attach Attach) *Index {
	x := &Index{zones: make(map[string]*Zone, len(config.Zones)), late: make(map[*Zone]bool)}
	count := len(config.Outside)
	for _, zc := range config.Zones {
		z := &Zone{Config: zc, tallies: new(Tallies), classes: ttlClasses(config, zc)}
		z.Tally = &z.tallies[0]
		attach(zc.Name, "", 0, z.tallies)
		x.zones[zc.Name] = z
		count += len(zc.Sets)
	}
	x.sets = make([]Set, 0, count) // in one piece, and nowhere else: they point at each other
	x.placeOutside(config)
	at, shapes := make(map[*corefile.Set]int, count), make(shapes)
	for _, zc := range config.Zones {
		for _, sc := range zc.Sets {
			x.place(sc, at, shapes, attach)
		}
	}
	for i := range x.sets {
		if s := &x.sets[i]; s.shape.Kind == policy.Failover && s.shape.Failback.After > 0 {
			x.waiting = append(x.waiting, i)
		}
	}
	x.connect()
	x.users = usersOf(x.sets, config.Leaves())
	return x
}

// place appends the set to the order after all that it points at, and notes where. The configuration has no loops (A07).
func (x *Index) place(config *corefile.Set, at map[*corefile.Set]int, shapes shapes, attach Attach) {
	if _, placed := at[config]; placed {
		return
	}
	for _, record := range config.Records {
		if record.Alias == nil {
			continue
		}
		for _, target := range record.Alias.Target {
			if target != nil {
				x.place(target, at, shapes, attach)
			}
		}
	}
	i := len(x.sets)
	at[config] = i
	x.sets = x.sets[:i+1]
	s := &x.sets[i]
	s.init(config, x.zones[config.Zone.Name], shapes.of(config), attach)
	for r, record := range config.Records {
		if record.Alias == nil {
			continue
		}
		for f := range s.shape.Families {
			t := x.outside[outsideName(record.Alias)]
			if target := record.Alias.Target[f]; target != nil {
				t = &x.sets[at[target]]
			}
			if t == nil {
				continue
			}
			if links := s.link(); links.targets == nil {
				links.targets = make([][policy.Families]*Set, len(config.Records))
			}
			s.links.targets[r][f] = t
			s.links.varies = s.links.varies || t.isOutside() || t.links != nil && t.links.varies
			if links := t.link(); len(links.parents) == 0 || links.parents[len(links.parents)-1] != i {
				links.parents = append(links.parents, i)
			}
		}
	}
}

// Tallies are the counters of which Tally is one.
func (z *Zone) Tallies() *Tallies { return z.tallies }

// outsideName is the name outside that an alias leads to, empty for none.
func outsideName(alias *corefile.Alias) string {
	if alias.Outside == nil {
		return ""
	}
	return alias.Outside.Name
}

// Sets gives all record sets.
func (x *Index) Sets() iter.Seq[*Set] {
	return func(yield func(*Set) bool) {
		for i := len(x.outside); i < len(x.sets); i++ {
			if !yield(&x.sets[i]) {
				return
			}
		}
	}
}

// Zones calls fn for every zone.
func (x *Index) Zones(fn func(*Zone)) {
	for _, z := range x.zones {
		fn(z)
	}
}

// near is how many sets have their records in the near caches of the processor. It is few, since what each query
// allocates goes through these caches too: with a thousand sets their records have left them before they are asked again.
const near = 64

// Far tells that there are so many sets that what one refers to is in no cache when it is asked for.
func (x *Index) Far() bool { return len(x.sets) > near }

// Start makes the first answers of all sets from the last known states, which status gives, and keeps status for
// Update. It returns when to call Update though no check changed, zero for never.
func (x *Index) Start(status func(leaf int) health.Status, now time.Time) (wake time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status, x.started = status, true
	for i := range x.sets {
		x.sets[i].evaluate(&x.view, status, now)
	}
	for _, z := range x.zones {
		x.raise(z, now)
	}
	return x.wake()
}

// Update makes anew the answers that depend on the given leaves, whose status changed, or whose time has come, and
// raises the serials of the zones in which one changed, at once if possible and else with a later Update. It returns
// when to call it again, as Start does.
func (x *Index) Update(leaves []int, now time.Time) (wake time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.started {
		return time.Time{}
	}
	for _, leaf := range leaves {
		for _, i := range x.users.of(leaf) {
			x.enqueue(int(i))
		}
	}
	x.enqueueNews()
	for _, i := range x.waiting {
		if w := x.sets[i].memory.Wake; !w.IsZero() && !now.Before(w) {
			x.enqueue(i)
		}
	}
	for x.queue.Len() > 0 {
		i := heap.Pop(&x.queue).(int)
		s := &x.sets[i]
		s.queued = false
		answers, parentsToo := x.evaluate(s, now)
		if answers && !s.isOutside() {
			x.late[s.node.zone] = true
		}
		if parentsToo && s.links != nil {
			for _, p := range s.links.parents {
				x.enqueue(p)
			}
		}
	}
	wake = earlier(x.raiseLate(now), x.wake())
	x.tell()
	return wake
}

// evaluate survives a panic: the stale answer of one set is better than none of any. The set is evaluated anew when its
// health changes again.
func (x *Index) evaluate(s *Set, now time.Time) (changed, parentsToo bool) {
	defer func() {
		if p := recover(); p != nil {
			changed = true // one of two families may be new
			x.Panicked(p)
		}
	}()
	before, pending := s.posture(), s.links != nil && s.links.pending
	changed, parentsToo = s.evaluate(&x.view, x.status, now)
	if !pending {
		x.note(s, before, s.posture(), now) // else the set comes from where it never meant to be
	}
	return changed, parentsToo
}

func (x *Index) enqueue(i int) {
	if s := &x.sets[i]; !s.queued {
		s.queued = true
		heap.Push(&x.queue, i)
	}
}

// enqueueNews has the sets made anew for whose names something new was found.
func (x *Index) enqueueNews() {
	x.news.Lock()
	names := x.news.names
	x.news.names = nil
	x.news.Unlock()
	for _, name := range names {
		if s := x.outside[name]; s != nil {
			x.enqueue(s.links.outside.index)
		}
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
