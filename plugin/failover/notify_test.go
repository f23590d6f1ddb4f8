package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/coredns/coredns/plugin/transfer"
)

// told is when a fake secondary was told of which zone.
type told struct {
	zone string
	at   time.Duration
}

// secondary takes as long for NOTIFYs as it is told to.
type secondary struct {
	began time.Time
	told  chan told
	takes map[string]time.Duration
	away  atomic.Bool // nothing is accepted
}

func (s *secondary) send(zone string) error {
	s.told <- told{zone, time.Since(s.began)}
	time.Sleep(s.takes[zone])
	if s.away.Load() {
		return errors.New("nobody there")
	}
	return nil
}

// all returns what was told until now.
func (s *secondary) all() (all []told) {
	synctest.Wait()
	for {
		select {
		case one := <-s.told:
			all = append(all, one)
		default:
			return all
		}
	}
}

func notified(t *testing.T, zones ...string) (*notifier, *secondary) {
	t.Helper()
	s := &secondary{began: time.Now(), told: make(chan told, 1000), takes: make(map[string]time.Duration)}
	configs := make([]*corefile.Zone, len(zones))
	for i, z := range zones {
		configs[i] = &corefile.Zone{Name: z}
	}
	n := newNotifier(configs, s.send)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	n.start(ctx)
	return n, s
}

func wantTold(t *testing.T, s *secondary, want ...told) {
	t.Helper()
	if got := s.all(); !slices.Equal(got, want) {
		t.Errorf("Told %v, want %v", got, want)
	}
}

// TestD09_NotifyIsCoalesced changes a zone a hundred times a second for ten seconds.
func TestD09_NotifyIsCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := notified(t, "a.")
		n.changed("a.")
		time.Sleep(time.Second)
		wantTold(t, s) // nobody answers yet
		n.open()
		n.open()
		wantTold(t, s, told{"a.", time.Second})
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			n.changed("a.")
		}
		time.Sleep(time.Minute)
		all := s.all()
		if len(all) < 9 || len(all) > 11 {
			t.Errorf("1,000 changes in 10 s were told %d times", len(all))
		}
		for i := 1; i < len(all); i++ {
			if pause := all[i].at - all[i-1].at; pause < time.Second {
				t.Errorf("Told twice within %v", pause)
			}
		}
		if last := all[len(all)-1].at; last < 11*time.Second || last > 12*time.Second {
			t.Errorf("The last change, after 11 s, was told at %v", last)
		}
	})
}

// A secondary of one zone that does not answer delays neither changes nor the other zones.
func TestD09_ASilentSecondaryHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := notified(t, "hung.", "quick.")
		s.takes["hung."] = 6 * time.Second
		n.open()
		for _, zone := range []string{"hung.", "hung.", "quick.", "hung."} {
			n.changed(zone)
			synctest.Wait()
		}
		if at := time.Since(s.began); at != 0 {
			t.Errorf("Changes waited for %v", at)
		}
		time.Sleep(10 * time.Second)
		wantTold(t, s, told{"hung.", 0}, told{"quick.", 0}, told{"hung.", 7 * time.Second})
		time.Sleep(10 * time.Second)
	})
}

func TestD09_NotifyIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := notified(t, "a.")
		s.away.Store(true)
		n.open()
		n.changed("a.")
		time.Sleep(time.Hour)
		all := s.all()
		if len(all) != 1+notifyRetries {
			t.Errorf("Sent %d times, want once and %d retries", len(all), notifyRetries)
		}
		for i := range all {
			if want := time.Duration(i) * notifyRetry; all[i].at != want {
				t.Errorf("Attempt %d was at %v, want %v", i, all[i].at, want)
			}
		}
		// A new change is told at once and tried as often; once it is accepted there is no more.
		n.changed("a.")
		synctest.Wait()
		s.away.Store(false)
		time.Sleep(time.Hour)
		wantTold(t, s, told{"a.", time.Hour}, told{"a.", time.Hour + time.Minute})
	})
}

// Zones without number are told a few at a time.
func TestNotifyTakesFewSocketsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := make([]string, 3*notifyPlaces)
		for i := range zones {
			zones[i] = fmt.Sprintf("z%d.", i)
		}
		n, s := notified(t, zones...)
		for _, z := range zones {
			s.takes[z] = time.Minute
			n.changed(z)
		}
		n.open()
		for i := range 3 {
			if got := len(s.all()); got != notifyPlaces {
				t.Errorf("After %d minutes %d more were told, want %d", i, got, notifyPlaces)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestD09_AChangeOfHealthIsTold goes from a probe to the secondaries, over reloads. The configuration of before a
// reload is told of until it is released; the new one not before.
func TestD09_AChangeOfHealthIsTold(t *testing.T) {
	config := parsed(t, oneCheck)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		s := &secondary{began: time.Now(), told: make(chan told, 1000)}
		count := func() int { return len(s.all()) }
		begin := func() *generation {
			g := &generation{running: new(running)}
			b := blockOf(&Failover{config: config})
			b.notify = func() func(string) error { return s.send }
			g.add(b)
			mustStart(t, g)
			return g
		}
		old := begin()
		time.Sleep(time.Second)
		if got := count(); got != 0 {
			t.Errorf("Told %d times before anybody could ask", got)
		}
		old.running.runners[0].open() // as CoreDNS has it done
		if got := count(); got != 1 {
			t.Errorf("The start was told %d times", got)
		}
		time.Sleep(10 * time.Second) // the first pass changes the TTL
		count()
		fake.outcome.Store(int32(probe.Fail))
		time.Sleep(20 * time.Second)
		if got := count(); got != 2 {
			t.Errorf("A first failure, which changes the TTL, and the fall were told %d times", got)
		}
		next := begin()
		time.Sleep(5 * time.Second)
		if got := count(); got != 0 {
			t.Errorf("The new configuration was told %d times before it served", got)
		}
		old.running.release()
		if got := count(); got != 1 {
			t.Errorf("The reload was told %d times", got)
		}
		next.running.release()
		time.Sleep(time.Hour)
		if got := count(); got != 0 {
			t.Errorf("Told %d times after the end", got)
		}
		checks.Wait()
	})
}

func TestNotifyByTheTransferPluginOnly(t *testing.T) {
	if notifyBy(nil) != nil || notifyBy(&Failover{}) != nil || notifyBy(new(transfer.Transfer)) == nil {
		t.Error("NOTIFYs go by the transfer plugin, and by nothing else")
	}
}
