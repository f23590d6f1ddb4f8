//go:build linux

package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestF18_NoHerd counts the connections of a start: thousands of checks must not fall on their targets at once.
func TestF18_NoHerd(t *testing.T) {
	const (
		checks   = 3000
		interval = 10 * time.Second
		window   = 100 * time.Millisecond
		mean     = float64(checks) * float64(window) / float64(interval)
		// A start is slowed down to 100 in a window. Which of them falls where is a hash's choice, so the standard
		// deviation is 10, and the busiest of all windows is a few of those above: once in a hundred starts it is more
		// than this.
		paced = 140
	)
	machine := stalls(t)
	// What a stall of the machine holds up comes in one go after it.
	most := func() int { return int(max(3*mean, paced) * (1 + float64(machine())/float64(window))) }
	var peak int
	var web *target
	var s *harness.Server
	for range 2 {
		web = serve(t, nil, false)
		s = start(t, fmt.Sprintf("check web tcp://:%d interval %v timeout 4s\n%s", web.port, interval, loopbacks(checks, "web")))
		awaitHealthy(t, s, checks)
		first := web.times(0)
		peak = busiest(first, window)
		t.Logf("%d first probes in %v, %d in the busiest %v; the mean is %.0f afterwards",
			len(first), first[len(first)-1].Sub(first[0]).Round(time.Millisecond), peak, window, mean)
		if peak <= most() {
			break
		}
		// Once more, with another hash.
		s.Stop(t)
	}
	if peak > most() {
		t.Fatalf("Expected at most %d probes in %v, got %d", most(), window, peak)
	}
	// And from the second round on they are spread over the interval.
	d := interval / 2
	if full {
		d = 3 * interval
	}
	from := web.count()
	during(t, d, func() string { return "" })
	later := web.times(from)
	t.Logf("%d probes in %v, %d in the busiest %v", len(later), d, busiest(later, window), window)
	if got := busiest(later, window); got > most() {
		t.Errorf("Expected at most %d probes in %v, got %d", most(), window, got)
	}
	wantNoneFallen(t, s)
}

// TestF19_ManyChecks runs five thousand checks beside queries: less than one processor, and answers as quick as without.
func TestF19_ManyChecks(t *testing.T) {
	const (
		checks   = 5000
		interval = 10 * time.Second
	)
	d := 4 * time.Second
	if full {
		d = time.Minute
	}
	web := serve(t, nil, false)
	quiet := start(t, "static www 192.0.2.1")
	s := start(t, fmt.Sprintf("static www 192.0.2.1\ncheck web tcp://:%d interval %v timeout 4s\n%s",
		web.port, interval, loopbacks(checks, "web")))
	awaitHealthy(t, s, checks)
	used, began, seen := processorTime(t, s), time.Now(), web.count()
	var alone, beside, most time.Duration
	// Loose, and once more if it was too much: a percentile of a busy machine is not to be relied on.
	for range 2 {
		slow := percentiles(t, d, quiet, s)
		alone, beside = slow[0], slow[1]
		if most = alone*3/2 + time.Millisecond; beside <= most {
			break
		}
	}
	share := (processorTime(t, s) - used).Seconds() / time.Since(began).Seconds()
	rate := float64(web.count()-seen) / time.Since(began).Seconds()
	t.Logf("%.0f probes a second and the queries took %.0f %% of a processor", rate, 100*share)
	t.Logf("The 99th percentile of queries is %v, without checks %v", beside, alone)
	if want := checks / interval.Seconds(); rate < 0.8*want {
		t.Errorf("Expected about %.0f probes a second, got %.0f", want, rate)
	}
	if share >= 1 {
		t.Errorf("Expected less than one processor, got %.0f %%", 100*share)
	}
	if beside > most {
		t.Errorf("Expected the 99th percentile of queries within %v, got %v", most, beside)
	}
	wantNoneFallen(t, s)
}

// percentiles asks the servers in turn for a time, some hundred times a second, and returns for each the 99th percentile
// of what it took. In turn, so that whatever else the machine does falls on all of them.
func percentiles(t *testing.T, d time.Duration, servers ...*harness.Server) []time.Duration {
	t.Helper()
	client := dns.Client{Timeout: harness.Patience}
	conns := make([]*dns.Conn, len(servers))
	for i, s := range servers {
		conn, err := client.Dial(s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	took := make([][]time.Duration, len(servers))
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(d); time.Now().Before(deadline); <-tick.C {
		for i, conn := range conns {
			_, rtt, err := client.ExchangeWithConn(harness.Question("www.example.org.", dns.TypeA), conn)
			if err != nil {
				t.Fatal(err)
			}
			took[i] = append(took[i], rtt)
		}
	}
	slow := make([]time.Duration, len(servers))
	for i := range took {
		slices.Sort(took[i])
		slow[i] = took[i][len(took[i])*99/100]
	}
	return slow
}
