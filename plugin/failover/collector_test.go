package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
)

// fourHosts are as many, in as many networks, as have to fail together for this server to be the suspect.
const fourHosts = `failover {
	check web http://:80/ interval 10s fast 1s fall 3
	answer www 203.0.113.1    check web
	answer www 203.0.113.2    check web
	answer www 198.51.100.1 check web
	answer www 198.51.100.2 check web
}`

// wantSeries wants a metric to have so many series, all of one value, and as labels, joined, those given among others.
func wantSeries(t *testing.T, metric string, count int, value float64, labels ...string) {
	t.Helper()
	found := series(t, metric)
	if len(found) != count {
		t.Errorf("Got %d series of %s, want %d: %v", len(found), metric, count, found)
	}
	for key, got := range found {
		if got != value {
			t.Errorf("%s{%s} is %v, want %v", metric, key, got, value)
		}
	}
	for _, want := range labels {
		if _, ok := found[want]; !ok {
			t.Errorf("Got %v, want %s{%s}", found, metric, want)
		}
	}
}

func TestTheCollectorShowsWhatIsHeldBack(t *testing.T) {
	config := parsed(t, fourHosts)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		g, _ := generated(config)
		mustStart(t, g)
		time.Sleep(time.Second)
		wantSeries(t, "checks", 1, 4)
		wantSeries(t, "isolated", 1, 0)
		wantSeries(t, "probes_in_flight", 1, 0)
		wantSeries(t, "probes_waiting", 1, 0)
		wantSeries(t, "probe_lateness_max_seconds", 1, 0)
		wantSeries(t, "check_state", 4, 1, "web http://203.0.113.1:80/", "web http://198.51.100.2:80/")
		wantSeries(t, "check_held", 0, 0)
		wantSeries(t, "check_last_probe_timestamp_seconds", 4, float64(time.Now().Unix()-1),
			"web pass refused http://203.0.113.1:80/")

		fake.outcome.Store(int32(probe.Fail))
		time.Sleep(15 * time.Second)
		wantSeries(t, "isolated", 1, 1)
		wantSeries(t, "check_held", 4, 1, "web http://203.0.113.1:80/")
		wantSeries(t, "check_state", 4, 1)
		last := series(t, "check_last_probe_timestamp_seconds")
		if at, ok := last["web fail refused http://203.0.113.1:80/"]; !ok || len(last) != 4 || float64(time.Now().Unix())-at > 2 {
			t.Errorf("Got %v at %d, want one series for each check, with the last failure", last, time.Now().Unix())
		}

		time.Sleep(2 * time.Minute) // nothing is held for longer than one
		wantSeries(t, "isolated", 1, 0)
		wantSeries(t, "check_held", 0, 0)
		wantSeries(t, "check_state", 4, 0)

		g.running.release()
		checks.Wait()
		wantSeries(t, "checks", 1, 0)
		wantSeries(t, "check_state", 0, 0)
		wantSeries(t, "check_last_probe_timestamp_seconds", 0, 0)
	})
}

// hanging takes all the time that there is.
type hanging struct{}

func (hanging) Probe(ctx context.Context) probe.Result {
	<-ctx.Done()
	return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout}
}

func TestTheCollectorShowsWhoWaits(t *testing.T) {
	config := parsed(t, fourHosts)
	synctest.Test(t, func(t *testing.T) {
		pretend(t)
		checks = health.NewRegistry(health.Options{
			Observer:  observer{},
			Workers:   1,
			NewProber: func(probe.Spec) (probe.Prober, error) { return hanging{}, nil },
		})
		g, _ := generated(config)
		mustStart(t, g)
		time.Sleep(time.Second)
		wantSeries(t, "probes_in_flight", 1, 1)
		wantSeries(t, "probes_waiting", 1, 3)
		wantSeries(t, "check_state", 4, -1)
		wantSeries(t, "check_last_probe_timestamp_seconds", 0, 0)
		// Each takes its timeout of 4 s. That the second one came late is known when it has ended.
		time.Sleep(8 * time.Second)
		wantSeries(t, "probe_lateness_max_seconds", 1, 4)
		g.running.release()
		checks.Wait()
		wantSeries(t, "probes_in_flight", 1, 0)
		wantSeries(t, "probes_waiting", 1, 0)
	})
}

// Two server blocks can have different checks of one name and target, which is all that their series have.
func TestTheCollectorShowsTheWorse(t *testing.T) {
	const stanza = "failover {\ncheck web http://192.0.2.1/ %s\nprimary www 192.0.2.1 check web\nsecondary www 192.0.2.2\n}"
	well, ill := parsed(t, fmt.Sprintf(stanza, "")), parsed(t, fmt.Sprintf(stanza, "match ok"))
	for _, order := range []string{"well first", "ill first"} {
		synctest.Test(t, func(t *testing.T) {
			pretend(t)
			checks = health.NewRegistry(health.Options{
				Observer: observer{},
				NewProber: func(s probe.Spec) (probe.Prober, error) {
					fake := fakeProber{outcome: new(atomic.Int32), probes: new(atomic.Int32)}
					fake.outcome.Store(int32(probe.Pass))
					if s.Match != "" {
						fake.outcome.Store(int32(probe.Fail))
					}
					return fake, nil
				},
			})
			first, _ := generated(well)
			second, _ := generated(ill)
			both := []*generation{first, second}
			if order == "ill first" {
				slices.Reverse(both)
			}
			for _, g := range both {
				mustStart(t, g)
			}
			time.Sleep(time.Minute)
			wantSeries(t, "checks", 1, 2)
			wantSeries(t, "check_state", 1, 0, "web http://192.0.2.1:80/")
			for key := range series(t, "check_last_probe_timestamp_seconds") {
				if !strings.HasPrefix(key, "web fail ") {
					t.Errorf("%s: the last probe is %q, want that of the worse check", order, key)
				}
			}
			for _, g := range both {
				g.running.release()
			}
			checks.Wait()
		})
	}
}

// What a scrape does is done under no lock that answers need, and it may come at any time.
func TestTheCollectorIsScrapedWhileThingsChange(t *testing.T) {
	i := boot(t, quick(0, ""))
	defer i.end(t)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				series(t, "check_state")
			}
		}
	}()
	for n := range 3 {
		i.follows(t)
		i.restart(t, quick(n+1, ""), "<nil>")
	}
	close(stop)
	<-done
}
