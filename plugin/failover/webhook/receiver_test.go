package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// fakeJournal remembers everything, or the last events only.
type fakeJournal struct {
	mu     sync.Mutex
	events []api.Event
	keeps  int

	standing []api.Event
	news     map[chan struct{}]bool
}

func (j *fakeJournal) After(seq uint64) ([]api.Event, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := uint64(len(j.events))
	if j.keeps > 0 && last > uint64(j.keeps) {
		seq = max(seq, last-uint64(j.keeps))
	}
	return append([]api.Event(nil), j.events[min(seq, last):]...), last
}

func (j *fakeJournal) Standing() ([]api.Event, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.standing, true
}

func (j *fakeJournal) Listen() (news <-chan struct{}, stop func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := make(chan struct{}, 1)
	if j.news == nil {
		j.news = make(map[chan struct{}]bool)
	}
	j.news[c] = true
	return c, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.news, c)
	}
}

func (j *fakeJournal) add(kind api.EventKind, set string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, api.Event{
		Seq: uint64(len(j.events) + 1), At: time.Now(), Kind: kind, Zone: "example.org.", Set: set, Type: "A", Text: string(kind),
	})
	for c := range j.news {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// fakeReceiver does what it is told, and notes what comes.
type fakeReceiver struct {
	mu      sync.Mutex
	does    outcome
	hangs   bool
	poison  string   // the record set of which it takes nothing
	letters []string // "SECONDS: KIND SET", of alerts how many
	configs []Config
	began   time.Time
}

func (f *fakeReceiver) post(ctx context.Context, c Config, l letter, _ string) outcome {
	f.mu.Lock()
	does, hangs := f.does, f.hangs
	f.configs = append(f.configs, c)
	var m message
	var alerts []alert
	what := ""
	if json.Unmarshal(l.body, &m) == nil {
		what = fmt.Sprintf("%s %s", m.Kind, m.Set)
	} else if json.Unmarshal(l.body, &alerts) == nil {
		what = fmt.Sprintf("%d alerts", len(alerts))
	}
	if f.poison != "" && m.Set == f.poison {
		does = outcome{result: retry, why: "status 500"}
	}
	f.letters = append(f.letters, fmt.Sprintf("%.0f: %s", time.Since(f.began).Seconds(), what))
	f.mu.Unlock()
	if hangs {
		ctx, stop := context.WithTimeout(ctx, attemptLasts)
		defer stop()
		<-ctx.Done()
		return outcome{result: retry, why: "no answer"}
	}
	return does
}

func (f *fakeReceiver) will(o outcome, hangs bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.does, f.hangs = o, hangs
}

// got gives what has come since it was last asked.
func (f *fakeReceiver) got() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	letters := f.letters
	f.letters = nil
	return letters
}

func (f *fakeReceiver) want(t *testing.T, want ...string) {
	t.Helper()
	if got := f.got(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Got\n%q, want\n%q", got, want)
	}
}

func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var d dto.Metric
	if err := m.Write(&d); err != nil {
		t.Fatal(err)
	}
	return d.GetCounter().GetValue() + d.GetGauge().GetValue()
}

func seriesOf(c prometheus.Collector) int {
	all := make(chan prometheus.Metric, 100)
	c.Collect(all)
	return len(all)
}

func rig() (*Receivers, *fakeJournal, *fakeReceiver) {
	j, f := &fakeJournal{}, &fakeReceiver{does: outcome{result: ok}, began: time.Now()}
	rs := New(j)
	rs.post = f.post
	return rs, j, f
}

func all(format Format) Config {
	return Config{URL: "http://hooks.example.org/canary", Format: format, Events: WithEnds(DefaultEvents)}
}

func TestAReceiverThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		j.add(api.EventFailover, "before.")
		l := rs.Acquire([]Config{all(JSON)})
		f.want(t) // what was before is history
		j.add(api.EventFailover, "a.")
		j.add(api.EventTransition, "a.") // not asked for
		f.want(t, "0: failover a.")

		f.will(outcome{result: retry, why: "status 500"}, false)
		j.add(api.EventFailback, "a.")
		time.Sleep(4 * time.Second)
		if got := f.got(); len(got) != 3 { // after 0, 1 and 2 seconds, less the jitter
			t.Errorf("Within 4 s: %q", got)
		}
		j.add(api.EventFailover, "b.") // does not get past the first
		f.will(outcome{result: retry, why: "status 503", after: time.Minute}, false)
		time.Sleep(5 * time.Second)
		if got := f.got(); len(got) != 1 || !strings.HasSuffix(got[0], "failback a.") {
			t.Errorf("Within 9 s: %q", got)
		}
		f.will(outcome{result: ok}, false)
		time.Sleep(50 * time.Second)
		f.want(t) // it asked to be left alone
		time.Sleep(10 * time.Second)
		got := f.got()
		if len(got) != 2 || !strings.HasSuffix(got[0], "failback a.") || !strings.HasSuffix(got[1], "failover b.") {
			t.Errorf("Afterwards: %q", got)
		}
		f.will(outcome{result: refused, why: "status 404"}, false)
		j.add(api.EventFailover, "c.")
		time.Sleep(time.Minute)
		if got := f.got(); len(got) != 1 {
			t.Errorf("What is refused was sent as %q", got)
		}
		for want, count := range map[string]float64{"ok": 3, "retry": 4, "refused": 1} {
			if got := valueOf(t, sent.WithLabelValues("hooks.example.org", want)); got != count {
				t.Errorf("%v were %s, want %v", got, want, count)
			}
		}
		if got := valueOf(t, lost.WithLabelValues("hooks.example.org")); got != 1 {
			t.Errorf("%v were lost, want 1", got)
		}
		l.Release()
		rs.Wait()
		if n := seriesOf(sent) + seriesOf(lost) + seriesOf(waiting); n != 0 {
			t.Errorf("%d series outlived the receiver", n)
		}
	})
}

// One message that a receiver cannot take does not keep the others from it for ever.
func TestTheOthersHaveTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		l := rs.Acquire([]Config{all(JSON)})
		f.poison = "poison."
		j.add(api.EventFailover, "poison.")
		j.add(api.EventFailover, "a.")
		time.Sleep(time.Hour)
		at := slices.IndexFunc(f.got(), func(letter string) bool { return strings.HasSuffix(letter, "failover a.") })
		if at != rotateAfter {
			t.Errorf("The other came as number %d, want %d", at, rotateAfter)
		}
		l.Release()
		rs.Wait()
	})
}

// A receiver that is away for hours is told at once how things are, and not how they came to be.
func TestAReceiverThatWasAwayIsToldHowThingsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		l := rs.Acquire([]Config{all(JSON)})
		j.add(api.EventAllDown, "a.")
		j.add(api.EventAllDown, "b.")
		f.want(t, "0: all_down a.", "0: all_down b.")
		f.will(outcome{}, true)
		j.add(api.EventRecovered, "a.")
		time.Sleep(time.Minute)
		j.add(api.EventAllDown, "a.")
		time.Sleep(time.Minute)
		j.add(api.EventRecovered, "a.")
		j.add(api.EventRecovered, "b.")
		j.add(api.EventResumed, "")
		time.Sleep(5 * time.Hour)
		f.will(outcome{result: ok}, false)
		f.got()
		time.Sleep(mostWait + attemptLasts)
		got := make([]string, 0, 2)
		for _, letter := range f.got() {
			_, what, _ := strings.Cut(letter, ": ")
			got = append(got, what)
		}
		slices.Sort(got) // those of different sets come in any order
		if strings.Join(got, ", ") != "recovered a., recovered b." {
			t.Errorf("It is told %q", got)
		}
		if got := valueOf(t, lost.WithLabelValues("hooks.example.org")); got != 2 {
			t.Errorf("%v were given up, want 2", got)
		}
		l.Release()
		rs.Wait()
	})
}

func TestFlappingIsDampedAndItsEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		l := rs.Acquire([]Config{all(JSON)})
		for range 50 {
			j.add(api.EventAllDown, "a.")
			time.Sleep(time.Second)
			j.add(api.EventRecovered, "a.")
			time.Sleep(time.Second)
		}
		got := f.got()
		if len(got) != 7 {
			t.Errorf("%d messages while it flaps: %q", len(got), got)
		}
		time.Sleep(time.Hour)
		f.want(t, "399: recovered a.")
		l.Release()
		rs.Wait()
	})
}

func TestAlertsAreToldAgainWhileTheyStand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		l := rs.Acquire([]Config{all(Alertmanager)})
		time.Sleep(time.Second)
		j.standing = []api.Event{of(0, 0, api.EventAllDown, "a.").Event, of(0, 0, api.EventFailover, "b.").Event}
		j.add(api.EventAllDown, "a.")
		j.add(api.EventFailover, "b.")
		f.want(t, "1: 1 alerts", "1: 1 alerts")
		time.Sleep(2 * time.Minute)
		f.want(t, "60: 2 alerts", "120: 2 alerts")
		f.will(outcome{result: retry, why: "status 500"}, false)
		time.Sleep(59500 * time.Millisecond) // it is 180.5 now
		f.will(outcome{result: ok}, false)
		if got := f.got(); len(got) != 1 {
			t.Errorf("Got %q", got)
		}
		time.Sleep(2 * time.Second) // what failed is told soon
		if got := f.got(); len(got) != 1 || !strings.HasSuffix(got[0], "2 alerts") {
			t.Errorf("Got %q", got)
		}
		j.mu.Lock()
		j.standing = nil
		j.mu.Unlock()
		j.add(api.EventRecovered, "a.")
		j.add(api.EventRecovered, "b.")
		f.got()
		time.Sleep(10 * time.Minute)
		f.want(t)
		j.mu.Lock() // as after a restart that kept the state
		j.standing = []api.Event{of(0, 0, api.EventFailover, "c.").Event}
		j.mu.Unlock()
		time.Sleep(time.Minute)
		if got := f.got(); len(got) == 0 || !strings.HasSuffix(got[0], ": 1 alerts") {
			t.Errorf("Of what stands without an event, it is told %q", got)
		}
		l.Release()
		rs.Wait()
	})
}

func TestAReloadKeepsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		old := rs.Acquire([]Config{all(JSON), all(JSON)})
		f.will(outcome{result: retry, why: "status 500"}, false)
		j.add(api.EventFailover, "a.")
		time.Sleep(5 * time.Second)
		tries := len(f.got())

		more := all(JSON)
		more.Events, more.KeyFile = WithEnds([]api.EventKind{api.EventAudit}), "key"
		next := rs.Acquire([]Config{more, {URL: "http://hooks.example.org/other", Format: JSON}})
		old.Release()
		if len(rs.running) != 2 || !rs.labels["hooks.example.org#2"] {
			t.Errorf("%d run with the labels %v", len(rs.running), rs.labels)
		}
		time.Sleep(time.Second)
		f.will(outcome{result: ok}, false)
		time.Sleep(mostWait)
		if got := f.got(); tries < 3 || len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "failover a.") {
			t.Errorf("After %d tries came %q", tries, got)
		}
		j.add(api.EventFailover, "b.") // is not asked for any more
		j.add(api.EventAudit, "c.")
		if got := f.got(); len(got) != 1 || !strings.HasSuffix(got[0], "audit c.") || f.configs[len(f.configs)-1].KeyFile != "key" {
			t.Errorf("Afterwards came %q", got)
		}
		next.Release()
		next.Release()
		rs.Wait()
		if len(rs.running)+len(rs.labels)+len(j.news) != 0 {
			t.Errorf("Left are %v, %v and %d listeners", rs.running, rs.labels, len(j.news))
		}
	})
}

func TestAReloadThatFailsLeavesTheOldWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		old := rs.Acquire([]Config{all(JSON)})
		failed := rs.Acquire([]Config{{URL: all(JSON).URL, Format: JSON, Events: WithEnds([]api.EventKind{api.EventAudit})}})
		failed.Release()
		j.add(api.EventFailover, "a.")
		f.want(t, "0: failover a.")
		old.Release()
		rs.Wait()
	})
}

func TestTheEndWaitsForAMomentOnly(t *testing.T) {
	for name, test := range map[string]struct {
		does  outcome
		hangs bool
		takes time.Duration
	}{
		"takes what is left": {outcome{result: ok}, false, 0},
		"fails":              {outcome{result: retry}, false, farewell},
		"hangs":              {outcome{}, true, farewell},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rs, j, f := rig()
				l := rs.Acquire([]Config{all(JSON)})
				f.will(outcome{result: retry, after: time.Hour}, false)
				j.add(api.EventFailover, "a.")
				synctest.Wait()
				f.will(test.does, test.hangs)
				before := time.Now()
				l.Release()
				rs.Wait()
				if took := time.Since(before); took != test.takes {
					t.Errorf("It took %s, want %s", took, test.takes)
				}
				if got := f.got(); len(got) < 2 {
					t.Errorf("At the end it was not tried: %q", got)
				}
			})
		})
	}
}

func TestEventsThatTheJournalForgotAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, j, f := rig()
		l := rs.Acquire([]Config{all(JSON)})
		j.add(api.EventAllDown, "gone.")
		j.add(api.EventAllDown, "stays.")
		f.want(t, "0: all_down gone.", "0: all_down stays.")
		j.keeps, j.standing = 2, []api.Event{of(0, 0, api.EventAllDown, "stays.").Event, of(0, 0, api.EventFailover, "new.").Event}
		j.mu.Lock()
		for range 4 {
			j.events = append(j.events, api.Event{Seq: uint64(len(j.events) + 1), At: time.Now(), Kind: api.EventTransition})
		}
		j.mu.Unlock()
		j.add(api.EventFailover, "a.")
		got := f.got() // what was missed is told from what stands
		slices.Sort(got)
		if strings.Join(got, ", ") != "0: failover a., 0: failover new., 0: recovered gone." {
			t.Errorf("Got %q", got)
		}
		if got := valueOf(t, lost.WithLabelValues("hooks.example.org")); got != 3 {
			t.Errorf("%v are counted, want 3", got)
		}
		l.Release()
		rs.Wait()
	})
}
