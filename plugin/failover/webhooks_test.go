package failover

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
)

func TestWhatStandsIsToldWithoutAnEvent(t *testing.T) {
	config := parsed(t, `failover {
		check web http://:80/ interval 10s fast 1s
		check api http://:81/ interval 10s fast 1s
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2 check web
		primary   app 192.0.2.3 check api
		secondary app 192.0.2.4
	}`)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		if _, known := (journalOf{&events}).Standing(); known {
			t.Error("It is told what stands, though nothing is served")
		}
		g, _ := generated(config)
		mustStart(t, g)
		time.Sleep(time.Minute)
		want := func(want ...string) {
			t.Helper()
			synctest.Wait()
			found, known := journalOf{&events}.Standing()
			got := make([]string, 0, len(found))
			for _, e := range found {
				got = append(got, e.Text)
			}
			if !known || strings.Join(got, "; ") != strings.Join(want, "; ") {
				t.Errorf("What stands is %q (%v), want %q", got, known, want)
			}
		}
		want()
		byHand(t, "api", health.Unhealthy, time.Time{})
		want("app.example.org. A/AAAA is on secondary, not on primary", "api is unhealthy by hand: maintenance (ops)")
		manuals.end("ops", func(*health.Manual) bool { return true })
		fake.outcome.Store(int32(probe.Fail))
		time.Sleep(time.Minute)
		want("no record of www.example.org. A/AAAA is healthy", "app.example.org. A/AAAA is on secondary, not on primary")
		g.running.release()
		checks.Wait()
	})
}
