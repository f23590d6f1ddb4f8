package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

var log = clog.NewWithPlugin("failover")

const (
	// firstWait and mostWait bound the time between attempts, which doubles with each that fails.
	firstWait = time.Second
	mostWait  = 5 * time.Minute
	// rotateAfter is how many attempts in a row fail before another message has its turn.
	rotateAfter = 15
	// farewell is how long what is waiting may still be sent when a receiver is not wanted any more, or the process ends.
	farewell = 2 * time.Second
	// logEvery is how often the same trouble is logged.
	logEvery = 10 * time.Minute
)

// Journal is where events come from.
type Journal interface {
	// After gives the events with a higher number that are remembered, and the number of the last.
	After(seq uint64) ([]api.Event, uint64)
	// Standing gives an event for every record set that something is wrong with now, as if that had just happened, and for
	// every manual state. It tells whether that can be told: not while nothing is served.
	Standing() ([]api.Event, bool)
	// Listen gives a channel that holds a signal while there is news, until stop is called.
	Listen() (news <-chan struct{}, stop func())
}

// receiver tells one receiver. All but the part under mu is its goroutine's.
type receiver struct {
	key      key
	label    string
	origin   string // makes the ids of messages unique over processes
	instance string
	journal  Journal
	post     func(context.Context, Config, letter, string) outcome

	mu      sync.Mutex
	configs []*Config // of those who hold it, the newest last, which counts
	stop    context.CancelFunc

	seq      uint64 // of the last event that was taken from the journal
	damper   damper
	queue    queue
	believed believed

	failures  int       // attempts that have failed in a row
	retryAt   time.Time // when the next may be made
	refreshed time.Time // when alerts were last told
	compared  time.Time // when it was last seen whether they are right
	complaint string    // what was last logged, and when
	complied  time.Time
}

// attempt is one that is under way. A refresh of alerts is of no message.
type attempt struct {
	message *message
	done    chan outcome
}

func (r *receiver) config() Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.configs[len(r.configs)-1]
}

// run tells what happens until ctx ends, and then for the time of a farewell what is waiting.
func (r *receiver) run(ctx context.Context, news <-chan struct{}) {
	all, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.believed = make(believed)
	r.queue.owed = r.believed.wrong
	r.queue.dropped = r.drop
	r.refreshed, r.compared = time.Now(), time.Now()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var now *attempt
	var ends time.Time // zero until the farewell
	stopping := ctx.Done()
	for {
		r.pull(time.Now())
		if now == nil {
			now = r.begin(all, time.Now())
		}
		waiting.WithLabelValues(r.label).Set(float64(len(r.queue.waiting)))
		if !ends.IsZero() && (now == nil && len(r.queue.waiting) == 0 || !time.Now().Before(ends)) {
			break
		}
		timer.Reset(time.Until(r.wake(now != nil, ends)))
		var done chan outcome
		if now != nil {
			done = now.done
		}
		select {
		case <-news:
		case <-timer.C:
		case o := <-done:
			r.finish(now.message, o, time.Now())
			now = nil
		case <-stopping:
			stopping, ends = nil, time.Now().Add(farewell)
			r.retryAt = time.Time{}
			r.pull(time.Now())
			r.hold(r.damper.flush(), time.Now())
		}
	}
	cancel()
	if now != nil {
		if o := <-now.done; o.result == ok {
			r.finish(now.message, o, time.Now())
		}
	}
	if n := len(r.queue.waiting); n > 0 {
		r.drop(n, "nothing waits for them any more")
	}
}

// pull takes what is new in the journal.
func (r *receiver) pull(now time.Time) {
	found, last := r.journal.After(r.seq)
	missed := last-r.seq > uint64(len(found))
	if missed {
		r.drop(int(last-r.seq)-len(found), "there were too many events at a time")
	}
	r.seq = last
	c := r.config()
	for i := range found {
		if !c.tells(found[i].Kind) {
			continue
		}
		m := message{Event: found[i], id: r.origin + "-" + strconv.FormatUint(found[i].Seq, 10), subject: subjectOf(&found[i])}
		if m, told := r.damper.take(m); told {
			r.hold([]message{m}, now)
		}
	}
	r.hold(r.damper.due(now), now)
	// What was missed is made up for; and alerts must stand as long as what they are about, though no event of this
	// process may have told of that, as when the state of health was kept over a restart.
	if missed || r.key.format == Alertmanager && now.Sub(r.compared) >= alertEvery {
		r.compared = now
		r.compare(now, c)
	}
	r.queue.expire(now)
}

// compare has the receiver told of record sets that are not as it will believe when it has been told all that waits.
func (r *receiver) compare(now time.Time, c Config) {
	stands := make(map[string]*message)
	standing, known := r.journal.Standing()
	if !known {
		return
	}
	for _, e := range standing {
		m := &message{Event: e, subject: subjectOf(&e), id: fmt.Sprintf("%s-now-%d-%d", r.origin, now.UnixNano(), len(stands))}
		if before := stands[m.subject]; before == nil || e.Kind == api.EventAllDown { // of sets of one name, the worse
			stands[m.subject] = m
		}
	}
	differs := func(subject string) bool {
		_, waits := r.queue.last[subject]
		return !waits && r.damper.flapping[subject] == nil
	}
	var news []message
	for subject, m := range stands {
		if c.tells(m.Kind) && differs(subject) && !r.believed.agrees(m) {
			news = append(news, *m)
		}
	}
	for subject, conditions := range r.believed {
		for _, s := range conditions {
			if m := s.by; stands[subject] == nil && m.Set != "" && flaps(m.Kind) && differs(subject) {
				m.Event = api.Event{
					Seq: m.Seq, At: now, Kind: api.EventRecovered, Zone: m.Zone, Set: m.Set, Type: m.Type,
					Text: "nothing is wrong with " + m.Set + " " + m.Type + " any more",
				}
				m.id, m.Flapping = fmt.Sprintf("%s-now-%d-%d", r.origin, now.UnixNano(), len(stands)+len(news)), nil
				news = append(news, m)
				break
			}
		}
	}
	sortBySeq(news)
	r.hold(news, now)
}

func (r *receiver) hold(all []message, now time.Time) {
	for _, m := range all {
		m.queued = now
		r.queue.add(&m)
	}
}

// begin begins an attempt if it is time for one.
func (r *receiver) begin(ctx context.Context, now time.Time) *attempt {
	if now.Before(r.retryAt) {
		return nil
	}
	c := r.config()
	a := &attempt{done: make(chan outcome, 1)}
	var l letter
	var err error
	if m := r.queue.next(); m != nil {
		a.message, r.queue.busy = m, m.id
		l, err = letterOf(c.Format, m, r.believed, r.instance, now)
	} else {
		if !r.refreshes() || now.Sub(r.refreshed) < alertEvery {
			return nil
		}
		r.refreshed = now
		l = letter{id: fmt.Sprintf("%s-alerts-%d", r.origin, now.Unix()), contentType: plainJSON}
		l.body, err = json.Marshal(r.believed.alerts(r.instance, now))
	}
	if err != nil {
		a.done <- outcome{result: refused, why: err.Error()}
		return a
	}
	go func() { a.done <- r.post(ctx, c, l, r.instance) }()
	return a
}

// refreshes tells that there are alerts that would end if they were not told again.
func (r *receiver) refreshes() bool { return r.key.format == Alertmanager && len(r.believed) > 0 }

// finish takes what came of an attempt.
func (r *receiver) finish(m *message, o outcome, now time.Time) {
	r.queue.busy = ""
	sent.WithLabelValues(r.label, string(o.result)).Inc()
	if o.result == retry {
		if m == nil {
			r.refreshed = now.Add(-alertEvery) // what failed is still to be done
		}
		r.failures++
		r.retryAt = now.Add(max(backoff(r.failures, rand.Float64()), o.after))
		r.complain(now, o.why, "and is tried again")
		if r.failures%rotateAfter == 0 {
			r.queue.rotate()
		}
		return
	}
	if r.failures > 0 && o.result == ok {
		log.Infof("webhook %s takes messages again, after %d attempts that failed", r.label, r.failures)
	}
	r.failures = 0
	if m == nil {
		return
	}
	r.queue.pop(m.id)
	if o.result == ok {
		r.complaint = ""
		r.believed.told(m)
		return
	}
	r.complain(now, o.why, "and is given up")
	lost.WithLabelValues(r.label).Inc()
}

// backoff is how long to wait after so many failures in a row; random, from 0 to 1, keeps many servers from coming back
// at the same time.
func backoff(failures int, random float64) time.Duration {
	wait := mostWait
	if failures < 20 { // more would overflow
		wait = min(firstWait<<(failures-1), mostWait)
	}
	return wait - time.Duration(random*0.25*float64(wait))
}

// wake is when there is something to do without news.
func (r *receiver) wake(busy bool, ends time.Time) time.Time {
	first := ends
	sooner := func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	sooner(r.damper.wake())
	if r.key.format == Alertmanager {
		sooner(r.compared.Add(alertEvery))
	}
	if !busy && len(r.queue.waiting) > 0 {
		sooner(r.retryAt)
	}
	if !busy && r.refreshes() {
		at := r.refreshed.Add(alertEvery)
		if at.Before(r.retryAt) {
			at = r.retryAt
		}
		sooner(at)
	}
	if first.IsZero() {
		return time.Now().Add(time.Hour)
	}
	return first
}

// drop counts messages that are given up.
func (r *receiver) drop(n int, why string) {
	lost.WithLabelValues(r.label).Add(float64(n))
	r.complain(time.Now(), why, "so messages are given up")
}

// complain logs trouble, and the same again only now and then.
func (r *receiver) complain(now time.Time, why, what string) {
	if r.complaint == why && now.Sub(r.complied) < logEvery {
		return
	}
	r.complaint, r.complied = why, now
	log.Warningf("webhook %s: %s, %s", r.label, why, what)
}
