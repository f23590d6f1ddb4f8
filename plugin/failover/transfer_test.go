package failover

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"
)

// xfr returns the records of a transfer.
func xfr(t *testing.T, f *Failover, serial uint32) []dns.RR {
	t.Helper()
	ch, err := f.Transfer("example.org.", serial)
	if err != nil {
		t.Fatal(err)
	}
	var all []dns.RR
	for rrs := range ch {
		all = append(all, rrs...)
	}
	return all
}

// TestD09_Transfer asks with serials of before and after the present one, also beyond the wrap of 32 bits.
func TestD09_Transfer(t *testing.T) {
	fx := load(t, oneCheck)
	whole := xfr(t, fx.f, 0)
	serial := whole[0].(*dns.SOA).Serial
	if len(whole) != 4 { // SOA, NS, A, SOA
		t.Fatalf("A transfer has %v", whole)
	}
	for asked, want := range map[uint32]int{
		0: len(whole), serial - 1: len(whole), serial - 1<<31 + 1: len(whole), serial: 1, serial + 1: 1, serial + 1<<31 - 1: 1,
	} {
		if got := xfr(t, fx.f, asked); len(got) != want || got[0].Header().Rrtype != dns.TypeSOA {
			t.Errorf("Serial %d, ours is %d: got %v, want %d records", asked, serial, got, want)
		}
	}
	fx.down(":80")
	after := xfr(t, fx.f, serial)
	if len(after) != 4 || after[0].(*dns.SOA).Serial == serial || after[2].(*dns.A).A.String() != "192.0.2.2" {
		t.Errorf("After a change of health a transfer has %v", after)
	}
	for _, zone := range []string{"org.", "www.example.org.", "example.net.", "."} {
		if ch, err := fx.f.Transfer(zone, 0); !errors.Is(err, transfer.ErrNotAuthoritative) || ch != nil {
			t.Errorf("A transfer of %s returned %v, %v", zone, ch, err)
		}
	}
}

// TestD05_TheSerialRisesOverAReloadAmidChanges has health change while the configurations of before and after a reload
// both run: either can be the last to see it.
func TestD05_TheSerialRisesOverAReloadAmidChanges(t *testing.T) {
	config := parsed(t, oneCheck)
	synctest.Test(t, func(t *testing.T) {
		fake := pretend(t)
		serial := func(f *Failover) uint32 { return xfr(t, f, 0)[0].(*dns.SOA).Serial }
		old, before := generated(config)
		mustStart(t, old)
		for i := range 50 {
			next, after := generated(config)
			mustStart(t, next)
			last := serial(before)
			fake.outcome.Store(int32([]probe.Outcome{probe.Fail, probe.Pass}[i%2]))
			time.Sleep(time.Minute)
			if serial(before) == last {
				t.Fatal("Nothing changed in the old configuration")
			}
			old.running.release()
			if serial(after) <= serial(before) {
				t.Errorf("Reload %d: the serial fell from %d to %d", i, serial(before), serial(after))
			}
			old, before = next, after
		}
		old.running.release()
		checks.Wait()
	})
}
