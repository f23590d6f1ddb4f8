package failover

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// keeper keeps the state of the process in a file (statement O02).
var keeper stateKeeper

var stateErrors = promauto.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace,
	Subsystem: name,
	Name:      "state_file_errors_total",
	Help:      "Counter of failures to read or write the state file, by operation.",
}, []string{"operation"})

// stateKeeper writes as long as a generation with the word state is live: the file of the newest one. A file is read by
// the generation that brings it; what it says of checks and record sets only by the first of the process, since later
// ones know better.
type stateKeeper struct {
	saver   atomic.Pointer[state.Saver] // nil while there is none
	refresh atomic.Int64                // a time.Duration

	mu    sync.Mutex
	users []stateUser // oldest first

	trouble stateTroubles
}

type stateUser struct {
	generation *running
	path       string
}

// touch tells that something has changed that is to be kept. It never waits.
func (k *stateKeeper) touch(urgent bool) {
	if s := k.saver.Load(); s != nil {
		s.Changed(urgent)
	}
}

// read gives what a file holds, nil for nothing. Nothing that is wrong with it stops the start.
func (k *stateKeeper) read(file *corefile.StateFile) *state.Saved {
	if file == nil {
		return nil
	}
	if s := k.saver.Load(); s != nil && s.Path == file.Path {
		return nil // a reload: nobody knows more than this process
	}
	state.Sweep(file.Path)
	saved, err := state.Load(file.Path)
	if err == nil {
		return saved
	}
	stateErrors.WithLabelValues("read").Inc()
	if _, damaged := errors.AsType[*state.DamagedError](err); !damaged {
		log.Warningf("the state file %s cannot be read, so this server starts without: %v", file.Path, err)
		return nil
	}
	if aside, failed := state.SetAside(file.Path); failed != nil {
		log.Warningf("the state file %s is damaged, so this server starts without: %v (it cannot be set aside: %v)",
			file.Path, err, failed)
	} else {
		log.Warningf("the state file %s is damaged, so this server starts without, and it is %s now: %v",
			file.Path, aside, err)
	}
	return nil
}

// begin keeps the state of a generation that has been started.
func (k *stateKeeper) begin(g *running, file *corefile.StateFile) {
	if file == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh.Store(int64(refreshOf(g)))
	k.users = append(k.users, stateUser{g, file.Path})
	k.follow()
	k.touch(false)
}

// end is to be called before a generation is released. Where no other keeps its state, that is written for the last
// time.
func (k *stateKeeper) end(g *running) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.IndexFunc(k.users, func(u stateUser) bool { return u.generation == g })
	if at < 0 {
		return
	}
	k.users = slices.Delete(k.users, at, at+1)
	if len(k.users) == 0 {
		for _, r := range g.runners {
			r.halt() // so that no serial is given out that is not kept
		}
	} else {
		k.refresh.Store(int64(refreshOf(k.users[len(k.users)-1].generation)))
	}
	k.follow()
}

// follow writes the file of the newest generation, and no other.
func (k *stateKeeper) follow() {
	path := ""
	if len(k.users) > 0 {
		path = k.users[len(k.users)-1].path
	}
	if s := k.saver.Load(); s != nil {
		if s.Path == path {
			return
		}
		k.saver.Store(nil)
		if !s.Close() {
			log.Warningf("the state file %s takes too long to be written: this server does not wait for it", s.Path)
		}
		k.trouble.clear()
	}
	if path == "" {
		return
	}
	k.saver.Store(state.NewSaver(path, state.Options{
		Write: func(to io.Writer, final bool) (err error) {
			defer func() {
				if p := recover(); p != nil {
					panicked(p)
					err = errors.New("it could not be made")
				}
			}()
			return state.Write(to, content(final))
		},
		Refresh: func() time.Duration { return time.Duration(k.refresh.Load()) },
		Saved:   func(at time.Time, err error) { k.trouble.saved(path, at, err) },
	}))
}

// refreshOf is how often the file is written though nothing has changed: a record is believed for ten intervals, and
// some of these have to be left when the process is killed.
func refreshOf(g *running) time.Duration {
	const most, intervals = time.Minute, 4
	refresh := most
	for _, r := range g.runners {
		for i := range r.config.Checks {
			refresh = min(refresh, intervals*r.config.Checks[i].Timing.Interval)
		}
	}
	return refresh
}

// stateTroubles is what is wrong with writing the file.
type stateTroubles struct {
	mu        sync.Mutex
	last      time.Time // of the last good write
	condition string    // empty: none
	since     time.Time
}

// saved is told of every write. Each change is logged once.
func (t *stateTroubles) saved(path string, at time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.condition
	t.condition = state.Condition(err)
	if err == nil {
		t.last = at
		if before != "" {
			log.Infof("the state file %s is written again", path)
		}
		return
	}
	stateErrors.WithLabelValues("write").Inc()
	if before == "" {
		t.since = at
	}
	if t.condition != before {
		log.Warningf("the state file %s cannot be written, so a restart would find %s; all else goes on: %v",
			path, t.found(), err)
	}
}

// found is what a restart would find.
func (t *stateTroubles) found() string {
	if t.last.IsZero() {
		return "nothing of this process"
	}
	return "the state of " + t.last.UTC().Format(time.RFC3339)
}

func (t *stateTroubles) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last, t.condition, t.since = time.Time{}, "", time.Time{}
}

// stateTrouble says what is wrong with the state file, and nothing where there is nothing wrong.
func stateTrouble() string {
	t := &keeper.trouble
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.condition == "" {
		return ""
	}
	return fmt.Sprintf("cannot be written since %s (%s); a restart would find %s",
		t.since.UTC().Format(time.RFC3339), t.condition, t.found())
}

var savedStamp = describe("state_file_saved_timestamp_seconds", "When the state file was last written.")

func init() { prometheus.MustRegister(stateCollector{}) }

// stateCollector tells when the state file was written, where there is one.
type stateCollector struct{}

// Describe implements prometheus.Collector.
func (stateCollector) Describe(ch chan<- *prometheus.Desc) { ch <- savedStamp }

// Collect implements prometheus.Collector.
func (stateCollector) Collect(ch chan<- prometheus.Metric) {
	t := &keeper.trouble
	t.mu.Lock()
	last := t.last
	t.mu.Unlock()
	if !last.IsZero() {
		ch <- prometheus.MustNewConstMetric(savedStamp, prometheus.GaugeValue, float64(last.UnixMilli())/1000)
	}
}
