package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestH01_StartUnhealthy has two checks that know nothing for as long as their target hangs.
func TestH01_StartUnhealthy(t *testing.T) {
	t.Parallel()
	hung := harness.Serve(t)
	hung.Set(harness.Hang)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check *     interval 2s timeout 2s fast 100ms fall 64
		check trust %[1]s
		check doubt %[1]s?2 start unhealthy
		primary   trust 192.0.2.1 check trust
		secondary trust 198.51.100.1
		primary   doubt 192.0.2.1 check doubt
		secondary doubt 198.51.100.1`, hung.URL())))
	for label, want := range map[string]string{"trust": "192.0.2.1", "doubt": "198.51.100.1"} {
		if got := s.A(t, label); got != want {
			t.Errorf("Expected %s to answer %s while nothing is known, got %q", label, want, got)
		}
		if got := s.TTL(t, label+".example.org.", dns.TypeA); got != 10 {
			t.Errorf("Expected %s to have the unsettled TTL, got %d", label, got)
		}
	}
	hung.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "doubt", "192.0.2.1") // the first pass decides
}

// TestH05_HoldKeepsItAway mends a target at once: it stays away for as long as hold says, and no longer.
func TestH05_HoldKeepsItAway(t *testing.T) {
	t.Parallel()
	const hold = 3 * time.Second
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check *    interval 1s timeout 5s fast 200ms fall 2
		check held %[1]s hold 3s 10s
		check free %[1]s
		primary   held 192.0.2.1 check held
		secondary held 198.51.100.1
		primary   free 192.0.2.1 check free
		secondary free 198.51.100.1`, e.URL())))
	for _, label := range []string{"held", "free"} {
		harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, label+".example.org.", dns.TypeA) == 60 })
	}
	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "held", "198.51.100.1")
	fell := time.Now() // at the latest
	s.AwaitA(t, harness.Soon, "free", "198.51.100.1")
	e.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "free", "192.0.2.1")
	s.AwaitA(t, hold+harness.Soon, "held", "192.0.2.1")
	if away := time.Since(fell); away < hold-200*time.Millisecond || away > hold+interval+slack {
		t.Errorf("Expected it to be away for %v, it was for %v", hold, away)
	}
}

// TestH03_FallNOfM has a target that fails every other time, which only fall N/M sees.
func TestH03_FallNOfM(t *testing.T) {
	t.Parallel()
	var flaps fault
	var mu sync.Mutex
	count := map[string]int{}
	l := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, l, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if count[r.URL.Path]++; flaps.Load() && count[r.URL.Path]%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}, nil)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check *      interval 300ms timeout 5s fast 100ms rise 3
		check window http://%[1]s/window fall 3/6
		check row    http://%[1]s/row fall 3
		primary   window 192.0.2.1 check window
		secondary window 198.51.100.1
		primary   row 192.0.2.1 check row
		secondary row 198.51.100.1`, l.Addr())))
	for _, label := range []string{"window", "row"} {
		harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, label+".example.org.", dns.TypeA) == 60 })
	}
	flaps.Store(true)
	s.AwaitA(t, harness.Soon, "window", "198.51.100.1")
	mu.Lock()
	seen := count["/row"]
	mu.Unlock()
	harness.Eventually(t, harness.Soon, "some more probes of the other check", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return count["/row"] > seen+6
	})
	if lines := s.Log.Lines("check row", "is unhealthy"); len(lines) > 0 {
		t.Errorf("Expected single failures not to take a check with fall 3 down, got %q", lines)
	}
	flaps.Store(false)
	s.AwaitA(t, harness.Soon, "window", "192.0.2.1")
}

// TestH11_HostWithAResolver probes a host by its name: also when the resolver fails, but not when it says that there is
// no such name.
func TestH11_HostWithAResolver(t *testing.T) {
	t.Parallel()
	fails := serveNames(t, address(t, "127.0.0.1"), moodServFail)
	denies := serveNames(t, address(t, "127.0.0.1"), moodNoSuch)
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check * interval 300ms timeout 5s fast 200ms fall 2
		check stale http://stale.example.com:%[1]d/ resolver %[2]s
		check gone  http://gone.example.com:%[1]d/ resolver %[3]s
		primary   stale 192.0.2.1 check stale
		secondary stale 198.51.100.1
		primary   gone 192.0.2.1 check gone
		secondary gone 198.51.100.1`, e.Port, fails.at, denies.at)))
	for _, label := range []string{"stale", "gone"} {
		harness.Eventually(t, harness.Soon, "the settled TTL", func() bool { return s.TTL(t, label+".example.org.", dns.TypeA) == 60 })
	}
	fails.Store(true)
	denies.Store(true)
	s.AwaitA(t, harness.Soon, "gone", "198.51.100.1")
	harness.Eventually(t, harness.Soon, "one line with the reason resolve", func() bool {
		return len(s.Log.Lines("check gone http://gone.example.com", " is unhealthy", "(resolve, ")) == 1
	})
	asked, probed := fails.asked.Load(), e.Count()
	harness.Eventually(t, harness.Soon, "the resolver to be asked in vain, and probes to go on", func() bool {
		return fails.asked.Load() >= asked+4 && e.Count() >= probed+4
	})
	if lines := s.Log.Lines("check stale", "is unhealthy"); len(lines) > 0 {
		t.Errorf("Expected the address from before to do, got %q", lines)
	}
	// It is that address that is probed, and not nothing.
	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "stale", "198.51.100.1")
	e.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "stale", "192.0.2.1")
	denies.Store(false)
	s.AwaitA(t, harness.Soon, "gone", "192.0.2.1")
}

// TestH16_WhatSaysNothingOfTheTarget breaks what is between: nothing moves, and the metrics say why.
func TestH16_WhatSaysNothingOfTheTarget(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	path, mood := program(t)
	proxy := harness.Serve(t)
	query := &prometheusAPI{well: "1"}
	api := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, api, query.ServeHTTP, nil)
	names := serveNames(t, address(t, "127.0.0.1"), moodServFail)
	names.Store(true)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		allow_exec
		check * interval 300ms timeout 5s fast 200ms fall 2
		check program exec %s --max 30s interval
		check proxied http://192.0.2.8/ proxy http://127.0.0.1:%d
		check word    file word
		check data    prometheus http://%s/prom "sum(up{job=\"web\"}) > bool 2"
		answer program 192.0.2.1 check program
		answer proxied 192.0.2.1 check proxied
		answer word    192.0.2.1 check word
		answer data    192.0.2.1 check data
		# This one has never known anything else.
		check  names http://nowhere.example.net:%d/ resolver %s
		answer names 192.0.2.1 check names`, path, proxy.Port, api.Addr(), e.Port, names.at),
		"prometheus 127.0.0.1:@METRICS@"), "word", "up\n")
	state := func(check string) float64 { return s.Metric(t, "coredns_failover_check_state", "check", check) }
	known := []string{"program", "proxied", "word", "data"}
	for _, check := range known {
		harness.Eventually(t, harness.Soon, check+" to be healthy", func() bool { return state(check) == 1 })
	}
	rewrite(t, mood, "2\n")
	proxy.Kill()
	if err := os.Remove(filepath.Join(s.Dir, "word")); err != nil {
		t.Fatal(err)
	}
	query.Store(true)
	for check, reason := range map[string]string{
		"program": "exec", "proxied": "proxy", "word": "file", "data": "no_data", "names": "resolver",
	} {
		harness.Eventually(t, harness.Soon, check+" to be indeterminate for the reason "+reason, func() bool {
			return s.Metric(t, "coredns_failover_probes_total", "check", check, "outcome", "indeterminate", "reason", reason) >= 4
		})
	}
	for _, check := range known {
		if got := state(check); got != 1 {
			t.Errorf("Expected %s to stay healthy, got %v", check, got)
		}
	}
	if got := state("names"); got != -1 {
		t.Errorf("Expected a host that was never resolved to stay unknown, got %v", got)
	}
	if lines := s.Log.Lines("is unhealthy"); len(lines) > 0 {
		t.Errorf("Expected no state to move, got %q", lines)
	}
	// Once it can be told again, it is told.
	rewrite(t, mood, "1\n")
	s.Write(t, "word", "down\n")
	for _, check := range []string{"program", "word"} {
		harness.Eventually(t, harness.Soon, check+" to be unhealthy", func() bool { return state(check) == 0 })
	}
}
