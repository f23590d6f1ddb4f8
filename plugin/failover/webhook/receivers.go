package webhook

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"slices"
	"strconv"
	"sync"
)

// Receivers are those of a process. They outlive reloads: a receiver that the new configuration has too goes on, with
// what is waiting for it, though its other words may be new.
type Receivers struct {
	journal  Journal
	instance string
	origin   string
	post     func(context.Context, Config, letter, string) outcome // nil but in tests

	mu      sync.Mutex
	running map[key]*receiver
	labels  map[string]bool
	done    sync.WaitGroup
}

// key tells receivers from each other.
type key struct {
	url    string
	format Format
}

// New gives receivers of what is in a journal. Nothing runs until something is acquired.
func New(journal Journal) *Receivers {
	var origin [8]byte
	_, _ = rand.Read(origin[:]) // never fails
	instance, err := os.Hostname()
	if err != nil || instance == "" {
		instance = "coredns"
	}
	return &Receivers{journal: journal, instance: instance, origin: hex.EncodeToString(origin[:])}
}

// Lease holds receivers.
type Lease struct {
	of   *Receivers
	held map[key]*Config
	once sync.Once
}

// Acquire starts the receivers that do not run yet, and has the others follow these configurations, which must be valid.
// What is configured several times is told once, of all that any of them names.
func (rs *Receivers) Acquire(configs []Config) *Lease {
	l := &Lease{of: rs, held: make(map[key]*Config)}
	for _, c := range configs {
		k := key{c.URL, c.Format}
		have := l.held[k]
		if have == nil {
			l.held[k] = &c
			continue
		}
		have.Events = WithEnds(slices.Concat(have.Events, c.Events))
		if have.KeyFile == "" {
			have.KeyFile = c.KeyFile
		}
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for k, c := range l.held {
		r := rs.running[k]
		if r == nil {
			rs.start(k, c)
			continue
		}
		r.mu.Lock()
		r.configs = append(r.configs, c)
		r.mu.Unlock()
	}
	return l
}

// start starts a receiver; the lock is held. It is told what happens from now on.
func (rs *Receivers) start(k key, c *Config) {
	if rs.running == nil {
		rs.running, rs.labels = make(map[key]*receiver), make(map[string]bool)
	}
	r := &receiver{
		key: k, label: rs.free(c.host()), origin: rs.origin, instance: rs.instance, journal: rs.journal, post: rs.post,
		configs: []*Config{c},
	}
	if r.post == nil {
		r.post = newPoster().post
	}
	show(r.label)
	rs.running[k] = r
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	news, deaf := rs.journal.Listen()
	_, r.seq = rs.journal.After(0)
	rs.done.Go(func() {
		defer deaf()
		r.run(ctx, news)
		rs.mu.Lock()
		defer rs.mu.Unlock()
		delete(rs.labels, r.label)
		hide(r.label)
	})
}

// free gives a label that nobody has.
func (rs *Receivers) free(host string) string {
	label := host
	for n := 2; rs.labels[label]; n++ {
		label = host + "#" + strconv.Itoa(n)
	}
	rs.labels[label] = true
	return label
}

// Release gives the receivers back. Those that nobody holds any more end, when they have sent what is waiting or the
// time for that is over; nobody waits for that here.
func (l *Lease) Release() {
	l.once.Do(func() {
		l.of.mu.Lock()
		defer l.of.mu.Unlock()
		for k, c := range l.held {
			r := l.of.running[k]
			r.mu.Lock()
			if len(r.configs) > 1 {
				r.configs = slices.DeleteFunc(r.configs, func(other *Config) bool { return other == c })
			} else {
				delete(l.of.running, k) // it keeps its configuration for the farewell
				r.stop()
			}
			r.mu.Unlock()
		}
	})
}

// Wait waits until all receivers have ended that nobody holds.
func (rs *Receivers) Wait() { rs.done.Wait() }
