package probe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// heartbeatProber passes while somebody has posted within a time (statement C03). Until that time is over after the
// start nothing is known: who posts may not have had a reason to yet.
type heartbeatProber struct {
	name  string
	every time.Duration
	since time.Time
}

// fieldsHeartbeat are the fields of a heartbeat's check.
var fieldsHeartbeat = group{[]string{"Name", "Every"}, Spec.checkHeartbeat}

func (s Spec) checkHeartbeat() error {
	switch {
	case s.Name == "":
		return errors.New("heartbeat: it has no name")
	case s.Every < time.Second:
		return fmt.Errorf("heartbeat: %s is less than a second", s.Every)
	}
	return nil
}

func newHeartbeatProber(s Spec, _ *network) (Prober, error) {
	return &heartbeatProber{name: s.Name, every: s.Every, since: time.Now()}, nil
}

func (p *heartbeatProber) Probe(context.Context) Result {
	now := time.Now()
	last := hearts.last(p.name)
	switch {
	case !last.IsZero() && now.Sub(last) < p.every:
		return (&probeError{outcome: Pass, reason: ReasonOK, detail: "there was a heartbeat"}).result()
	case last.IsZero() && now.Sub(p.since) < p.every:
		return indeterminate(ReasonHeartbeat, "there was no heartbeat yet").result()
	default:
		return failure(ReasonHeartbeat, fmt.Sprintf("there was no heartbeat for %s", p.every)).result()
	}
}

// Watch implements Watcher.
func (p *heartbeatProber) Watch(changed func()) (stop func(), err error) {
	return hearts.watch(p, changed), nil
}

// Beat notes that somebody has posted for the checks of the name, and has those probed at once for which that is news.
func Beat(name string) { hearts.beat(name) }

// hearts are the posts of the process. They outlive reloads, as long as there is a check of the name.
var hearts heartTable

type heartTable struct {
	mu     sync.Mutex
	byName map[string]*heart
}

// heart is a name that is posted for.
type heart struct {
	last    time.Time
	watches map[*heartWatch]bool
}

type heartWatch struct {
	every   time.Duration
	since   time.Time
	timer   *time.Timer // for when the time is over
	changed func()

	// telling is held while changed is called, which for one Watch is never two at a time.
	telling sync.Mutex
}

// last is when somebody has posted, zero for never.
func (t *heartTable) last(name string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.byName[name]; h != nil {
		return h.last
	}
	return time.Time{}
}

func (t *heartTable) watch(p *heartbeatProber, changed func()) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.byName[p.name]
	if h == nil {
		h = &heart{watches: make(map[*heartWatch]bool)}
		if t.byName == nil {
			t.byName = make(map[string]*heart)
		}
		t.byName[p.name] = h
	}
	w := &heartWatch{every: p.every, since: p.since, changed: changed}
	h.watches[w] = true
	w.timer = time.AfterFunc(w.rest(h, time.Now()), func() { t.over(h, w) })
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(h.watches, w)
		w.timer.Stop()
		if len(h.watches) == 0 && t.byName[p.name] == h {
			delete(t.byName, p.name)
		}
	}
}

// rest is how long it is until the time is over.
func (w *heartWatch) rest(h *heart, now time.Time) time.Duration {
	from := w.since
	if h.last.After(from) {
		from = h.last
	}
	return w.every - now.Sub(from)
}

// over tells that there was no post in time. One that came meanwhile puts it off.
func (t *heartTable) over(h *heart, w *heartWatch) {
	t.mu.Lock()
	rest := w.rest(h, time.Now())
	watched := h.watches[w]
	if watched && rest > 0 {
		w.timer.Reset(rest)
	}
	t.mu.Unlock()
	if watched && rest <= 0 {
		w.tell()
	}
}

func (w *heartWatch) tell() {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.changed()
}

func (t *heartTable) beat(name string) {
	t.mu.Lock()
	now := time.Now()
	h := t.byName[name]
	if h == nil {
		t.mu.Unlock()
		return // its check has just gone
	}
	var late []*heartWatch
	for w := range h.watches {
		if h.last.IsZero() || w.rest(h, now) <= 0 {
			late = append(late, w)
			w.timer.Reset(w.every)
		}
	}
	h.last = now
	t.mu.Unlock()
	for _, w := range late {
		w.tell()
	}
}
