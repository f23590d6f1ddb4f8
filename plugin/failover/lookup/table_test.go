package lookup

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/miekg/dns"
)

// What is known of a name stays as long as it has users, as over a reload, and no longer.
func TestO03_WhatIsKnownStaysWhileItIsUsed(t *testing.T) {
	b := newBench(t)
	b.look(writes(0, name+" 60 A 192.0.2.1"))
	next := b.Use(key, func() {})
	b.use.Leave()
	if got := text(next.Found()); got != "192.0.2.1" {
		t.Errorf("The next user knows %q", got)
	}
	b.look(writes(0, name+" 60 A 192.0.2.2"))
	if got := text(next.Found()); got != "192.0.2.2" || b.told != 1 {
		t.Errorf("The next user knows %q, the last one was told %d times", got, b.told)
	}
	next.Leave()
	if got := text(b.Use(key, func() {}).Found()); got != "" {
		t.Errorf("A new user knows %q", got)
	}
	other := b.Use(Key{Via: "example.com.", Name: name}, func() {})
	b.look(writes(0, name+" 60 A 192.0.2.3"))
	if got := text(other.Found()); got != "" {
		t.Errorf("Another server block knows %q", got)
	}
}

// Since says since when there are these addresses, whoever else was asked meanwhile.
func TestSinceIsThatOfTheAddresses(t *testing.T) {
	b := newBench(t)
	b.look(writes(0, name+" 60 A 192.0.2.1"))
	since := b.use.Found().Since
	b.look(writes(dns.RcodeRefused))
	b.look(writes(0, name+" 90 A 192.0.2.1"))
	if got := b.use.Found(); !got.Since.Equal(since) || got.Now[0].TTL != 90 {
		t.Errorf("Got %+v, want what was found at %s", got, since)
	}
	b.look(writes(0, name+" 90 A 192.0.2.2"))
	if got := b.use.Found(); !got.Since.After(since) {
		t.Errorf("Other addresses are known since %s", got.Since)
	}
}

// A Prober is told of other plugins, until it is not interested any more.
func TestProbersAreToldOfOtherPlugins(t *testing.T) {
	b := newBench(t)
	told := 0
	stop, err := b.prober.(probe.Watcher).Watch(func() { told++ })
	if err != nil {
		t.Fatal(err)
	}
	first := b.Serve(key.Via, &Chain{})
	b.Serve("example.com.", &Chain{}).Stop()
	second := b.Serve(key.Via, &Chain{})
	if told != 2 {
		t.Errorf("Told %d times, want twice", told)
	}
	stop()
	second.Stop()
	first.Stop()
	b.Serve(key.Via, &Chain{}).Stop()
	if told != 2 || len(b.watches) != 0 || len(b.chains) != 0 {
		t.Errorf("Told %d times; left %v and %v", told, b.watches, b.chains)
	}
}

// A cache on the way counts a TTL down, which is no change (D05).
func TestD05_TTLsThatCountDown(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		name  string
		every time.Duration
		seen  func(i int) uint32
		looks int
		want  func(i int) uint32
	}{
		{"counted down from 30, again and again", 5 * time.Second, func(i int) uint32 { return uint32(30 - 5*i%30) }, 500,
			func(int) uint32 { return 30 }},
		{"counted down from 61, which no look-up sees", 5 * time.Second, func(i int) uint32 { return uint32(60 - (5*i+1)%60) }, 500,
			func(int) uint32 { return 59 }},
		{"counted down from 3600", 5 * time.Second, func(i int) uint32 { return uint32(3600 - 5*i%3600) }, 5000,
			func(int) uint32 { return 3600 }},
		{"none", 5 * time.Second, func(int) uint32 { return 0 }, 10, func(int) uint32 { return leastTTL }},
		{"raised", 5 * time.Second, func(i int) uint32 { return uint32(30 + 30*(i/50)) }, 100,
			func(i int) uint32 { return uint32(30 + 30*(i/50)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l lifetime
			for i := range test.looks {
				if got := l.see(test.seen(i), now.Add(time.Duration(i)*test.every)); got != test.want(i) {
					t.Fatalf("Look-up %d: got %d, want %d", i, got, test.want(i))
				}
			}
		})
	}
	for _, lowered := range []struct{ from, to uint32 }{{3600, 60}, {60, 30}, {20, 5}} {
		var l lifetime
		l.see(lowered.from, now)
		var got uint32
		for i := 1; i < 1000; i++ {
			got = l.see(lowered.to, now.Add(time.Duration(i)*5*time.Second))
		}
		if got != lowered.to {
			t.Errorf("A TTL that was lowered for good from %d to %d is %d", lowered.from, lowered.to, got)
		}
	}
}

// Names are refreshed over and over, and not all at a time.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable()
		names := []string{"a.example.net.", "b.example.net.", "c.example.net."}
		var asked atomic.Int32
		use := table.Use(Key{Via: "v", Name: "b.example.net."}, func() {})
		defer use.Leave()
		s := table.Serve("v", &Chain{Next: rest(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			if r.Question[0].Qtype == dns.TypeA {
				asked.Add(1)
			}
			return writes(0, "b.example.net. 60 A 192.0.2.1")(ctx, w, r)
		})})
		defer s.Stop()
		stop := table.Refresh("v", names)
		synctest.Wait()
		if n := asked.Load(); n != 3 || text(use.Found()) != "192.0.2.1" {
			t.Errorf("Asked %d times at first, found %q", n, text(use.Found()))
		}
		time.Sleep(refreshEvery + refreshEvery/2)
		synctest.Wait()
		if n := asked.Load(); n != 5 {
			t.Errorf("Asked %d times after a round and a half", n)
		}
		time.Sleep(10 * refreshEvery)
		synctest.Wait()
		if n := asked.Load(); n != 35 {
			t.Errorf("Asked %d times after ten more rounds", n)
		}
		stop()
		time.Sleep(refreshEvery)
		if n := asked.Load(); n != 35 {
			t.Errorf("Asked %d times after the end", n)
		}
	})
}
