package health

import (
	"fmt"
	"hash/maphash"
	"iter"
	"net/netip"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Observer is told what happens, for logs and metrics. Its methods are called without any lock held, for one check in
// order and never two at a time, but for different checks at the same time. They should return soon: a check waits for
// its Observer before it goes on.
type Observer interface {
	// Probed is called after every attempt that counts; one that a release broke off does not.
	Probed(d Definition, r probe.Result)
	// Transition is called when the state has changed, after the Probed of the attempt that has changed it.
	Transition(d Definition, t Transition)
	// Happened is called for the events that are no transitions: they concern the process as a whole.
	Happened(e Event)
}

// Transition is a change of state.
type Transition struct {
	From, To State
	// Reason and Detail are those of the result that decided.
	Reason probe.Reason
	Detail string
	// Failures or Passes is how many results decided; the other one is 0.
	Failures, Passes int
	At               time.Time
}

// Options are those of a Registry. The zero value will do.
type Options struct {
	Observer Observer
	// Workers is how many attempts may be in flight. Default: 4096, or a quarter of the file descriptors if that is less.
	Workers int
	// PerTarget is how many attempts may be in flight to one host and port. Default: 64.
	PerTarget int
	// NewProber makes probers. default: probe.New.
	NewProber func(probe.Spec) (probe.Prober, error)
}

// Registry runs checks, each once however many leases name it. One Registry serves a process, over all reloads of its
// configuration.
type Registry struct {
	observer  Observer
	newProber func(probe.Spec) (probe.Prober, error)
	// seed makes the phases of this process differ from those of the next one with the same configuration.
	seed       maphash.Seed
	goroutines sync.WaitGroup

	mu sync.Mutex
	// monitors holds the running checks by the hash of their Probe; the Probe itself would be most of the map's memory.
	// Those with the same hash are linked by monitor.sibling, the ones with an equal Probe and another Timing among them.
	monitors map[uint64]*monitor
	// timings has the Timing of every running check, each once, and the number of those that have it.
	timings map[Timing]*sharedTiming
	// records are what checks may begin with, and restored those of the checks that have, until they have passed or failed.
	records  map[Definition]Record
	restored map[*monitor]Record
	gates    gates
	// watches has the ends of the watches of checks.
	watches map[*monitor]func()
	// due holds the monitors that wait for their time, and those in flight with the time at which they are stuck.
	due      dueHeap
	schedule *scheduler // nil while there is nothing to run
	vantage  vantage
	events   events
	outbox   []report // what deliver has still to tell
	posting  bool     // it is running
	running  int      // checks
	fresh    int      // those among them without a first result
	wakes    lateness // of the scheduler, behind what it planned
	starts   lateness // of attempts, behind the time at which they were due
	// wall tells the wall clock's time.
	wall func() time.Time
	// ownAddrs tells this machine's addresses, and own are those of the last Acquire.
	ownAddrs func() map[netip.Addr]bool
	own      map[netip.Addr]bool
}

// NewRegistry makes a Registry. It starts nothing.
func NewRegistry(o Options) *Registry {
	if o.Workers <= 0 {
		o.Workers = max(1, min(4096, descriptorLimit()/4))
	}
	if o.PerTarget <= 0 {
		o.PerTarget = 64
	}
	if o.NewProber == nil {
		o.NewProber = probe.New
	}
	return &Registry{
		observer:  o.Observer,
		newProber: o.NewProber,
		ownAddrs:  OwnAddrs,
		seed:      maphash.MakeSeed(),
		monitors:  map[uint64]*monitor{},
		timings:   map[Timing]*sharedTiming{},
		watches:   map[*monitor]func(){},
		gates:     newGates(o.Workers, o.PerTarget),
		wall:      func() time.Time { return time.Now().Round(0) },
	}
}

// Acquire makes the definitions run, and gives a Lease on them that counts them by their index in definitions. One
// that is running already is joined: its state, its schedule and an attempt in flight stay as they are. A new one whose
// Probe is running with another Timing takes over that one's state. If any definition cannot be run, none is acquired.
// Acquire reads certificate files but never waits for the network.
//
// The checks whose indexes are canaries tell whether this process is cut off (statement H14), as long as the lease is
// held.
func (r *Registry) Acquire(definitions []Definition, canaries ...int) (*Lease, error) {
	for i := range definitions {
		if err := definitions[i].Timing.Validate(); err != nil {
			return nil, fmt.Errorf("check of %s: %w", definitions[i].Probe.Target(), err)
		}
	}
	probers := make([]probe.Prober, len(definitions))
	addrs := r.ownAddrs()
	r.mu.Lock()
	r.own = addrs
	r.mu.Unlock()
	for {
		missing := r.missing(definitions, probers)
		if len(missing) == 0 {
			if lease, started := r.acquire(definitions, probers, canaries); lease != nil {
				r.watch(started)
				return lease, nil
			}
			continue // another lease has released one of them meanwhile
		}
		for _, i := range missing {
			prober, err := r.newProber(definitions[i].Probe.Spec())
			if err != nil {
				return nil, fmt.Errorf("check of %s: %w", definitions[i].Probe.Target(), err)
			}
			probers[i] = prober
		}
	}
}

// missing gives the indexes of the definitions that neither run nor have a prober yet.
func (r *Registry) missing(definitions []Definition, probers []probe.Prober) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var missing []int
	for i, d := range definitions {
		if probers[i] == nil && r.find(d) == nil {
			missing = append(missing, i)
		}
	}
	return missing
}

// acquire makes the lease, or nil if a definition neither runs nor has a prober. It also gives the checks that it has
// started.
func (r *Registry) acquire(definitions []Definition, probers []probe.Prober, canaries []int) (*Lease, []*monitor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, d := range definitions {
		if probers[i] == nil && r.find(d) == nil {
			return nil, nil
		}
	}
	if r.schedule != nil {
		r.checkClocks(r.schedule.now())
	}
	lease := newLease(r, len(definitions))
	var started []*monitor
	for i, d := range definitions {
		m := r.find(d)
		if m == nil {
			m = r.add(d, probers[i])
			started = append(started, m)
		}
		lease.monitors[i] = m
		lease.entries[i] = user{lease: lease, index: i}
		m.join(&lease.entries[i])
		if m.machine.State() == Unknown {
			lease.unknown.Add(1)
		}
	}
	lease.schedule = r.schedule
	for _, i := range canaries {
		m := lease.monitors[i]
		if m.canary++; m.canary == 1 {
			r.vantage.canaries = append(r.vantage.canaries, m)
		}
		lease.canaries = append(lease.canaries, m)
	}
	for _, m := range started {
		r.start(m, r.fresh)
	}
	if r.schedule != nil {
		r.schedule.look(r.wall()) // to start millions takes seconds, which are no stop of the machine
	}
	return lease, started
}

// find gives the running check of a definition, or nil.
func (r *Registry) find(d Definition) *monitor {
	for m := r.monitors[r.hash(d.Probe)]; m != nil; m = m.sibling {
		if m.probe == d.Probe && *m.timing == d.Timing {
			return m
		}
	}
	return nil
}

func (r *Registry) hash(p probe.ID) uint64 { return maphash.Comparable(r.seed, p) }

// add makes a check, which takes over the state of one that measures the same by another Timing.
func (r *Registry) add(d Definition, prober probe.Prober) *monitor {
	if r.schedule == nil {
		s := newScheduler(r.wall())
		r.schedule = s
		r.goroutines.Go(func() { r.run(s) })
	}
	m := newMonitor(d.Probe, r.share(d.Timing), prober, placeOf(d.Probe.Host(), r.own))
	if m.place == remote {
		r.vantage.remotes++
	}
	m.epoch = r.vantage.epoch
	m.phase = time.Duration(maphash.Comparable(r.seed, d) % uint64(d.Timing.Interval))
	hash := r.hash(d.Probe)
	for s := r.monitors[hash]; s != nil; s = s.sibling {
		if s.probe == d.Probe && s.machine.State() != Unknown {
			m.seed(s)
			if record, ok := r.restored[s]; ok {
				r.restored[m] = record
			}
			break
		}
	}
	if m.machine.State() == Unknown {
		r.restore(m)
	}
	m.sibling, r.monitors[hash] = r.monitors[hash], m
	r.running++
	if m.ended < 0 {
		r.fresh++
	}
	return m
}

// start makes a check run that is one of n without a first result: soon if nothing is known of it, else when its turn
// comes.
func (r *Registry) start(m *monitor, n int) {
	now := r.schedule.now()
	delay := m.spread(n, now)
	switch {
	case m.machine.State() != Unknown:
		r.wait(m, m.slot(now))
	case delay > 0:
		r.wait(m, now+delay)
	default:
		r.admit(m, now)
	}
}

// all gives every check.
func (r *Registry) all() iter.Seq[*monitor] {
	return func(yield func(*monitor) bool) {
		for _, m := range r.monitors {
			for ; m != nil; m = m.sibling {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// release ends a lease's use of its checks and stops those that nobody uses any more.
func (r *Registry) release(l *Lease) {
	for _, stop := range r.drop(l) {
		stop()
	}
}

// drop is release but for what is not to be done under the lock: it gives the ends of the watches that have no check
// any more.
func (r *Registry) drop(l *Lease) (watches []func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var unused []*monitor
	for _, m := range l.canaries {
		if m.canary--; m.canary == 0 {
			r.vantage.dismissCanary(m)
		}
	}
	for _, m := range l.monitors {
		if m.leave(l) && !m.stopped {
			r.stop(m)
			unused = append(unused, m)
			if unwatch := r.watches[m]; unwatch != nil {
				watches = append(watches, unwatch)
				delete(r.watches, m)
			}
		}
	}
	// Only when all of them have left their queues may their places go to others.
	for _, m := range unused {
		r.dismiss(m)
	}
	if len(r.monitors) == 0 && r.schedule != nil {
		r.schedule.stop()
		r.schedule = nil
		r.vantage = vantage{}
		r.wakes, r.starts = lateness{}, lateness{}
	}
	return watches
}

// stop ends a check, except that it keeps its place at the gates. An attempt in flight is broken off and counts as
// nothing.
func (r *Registry) stop(m *monitor) {
	m.stopped = true
	r.running--
	if m.ended < 0 {
		r.fresh--
	}
	r.vantage.forget(m)
	delete(r.restored, m)
	if m.place == remote {
		r.vantage.remotes--
	}
	r.unshare(m.timing)
	hash := r.hash(m.probe)
	link := r.monitors[hash]
	if link == m {
		if r.monitors[hash] = m.sibling; m.sibling == nil {
			delete(r.monitors, hash)
		}
	} else {
		for link.sibling != m {
			link = link.sibling
		}
		link.sibling = m.sibling
	}
	m.sibling = nil
	r.due.remove(m)
	r.gates.giveUpWaiting(m)
	if m.context != nil {
		m.context.Cancel()
	}
}

// Wait returns when no goroutine of the Registry runs any more, which comes to pass after the last Release. It is meant
// for tests and for the end of a process.
func (r *Registry) Wait() { r.goroutines.Wait() }
