package test

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// generation is the Corefile of the reload tests. Two checks never change over all reloads: the target of one is down
// all the time, so that an answer with the primary would betray a state that was reset. What changes is a TXT record,
// which tells which configuration answers.
func generation(n int, dead, live *harness.Endpoint, plugins ...string) string {
	return harness.Zone(fmt.Sprintf(`
		check dead %s %s
		check live %s %s
		primary   www 192.0.2.1 check dead
		secondary www 198.51.100.1
		primary   api 192.0.2.2 check live
		secondary api 198.51.100.2
		static    generation TXT %d`, dead.URL(), patient, live.URL(), patient, n), plugins...)
}

// broken are the ways a reload fails, early and late. A port that is taken is noticed only when the new server has
// started all its plugins already; pprof, which would never close its socket then, is left out of that one.
var broken = []func(corefile string, taken int) string{
	func(corefile string, _ int) string { return strings.Replace(corefile, "interval", "intervall", 1) },
	func(corefile string, _ int) string {
		return strings.Replace(corefile, "secondary www", "weight 3 www", 1)
	},
	func(corefile string, _ int) string { return strings.Replace(corefile, "errors", "erors", 1) },
	func(corefile string, taken int) string {
		return noPprof.ReplaceAllString(corefile, "") + fmt.Sprintf("example.net:%d {\n bind 127.0.0.1\n failover {\n static www 192.0.2.9\n }\n}\n", taken)
	},
}

var noPprof = regexp.MustCompile(`(?m)^.*pprof.*$`)

// TestO03_ReloadBySignal reloads a hundred times under constant queries, every fourth time with a broken Corefile.
func TestO03_ReloadBySignal(t *testing.T) {
	const reloads = 100
	dead, live := harness.Serve(t), harness.Serve(t)
	dead.Set(harness.Fail)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	s := harness.Start(t, generation(0, dead, live, "pprof 127.0.0.1:@PPROF@"))
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	current := 0
	reload := func(n int) {
		t.Helper()
		corefile := generation(n, dead, live, "pprof 127.0.0.1:@PPROF@")
		bad := n%4 == 3
		if bad {
			corefile = broken[n/4%len(broken)](corefile, taken.Addr().(*net.TCPAddr).Port)
		} else {
			current = n
		}
		s.SignalReload(t, corefile, bad)
		if got := harness.Answer(s.Ask(t, "generation.example.org.", dns.TypeTXT)); len(got) != 1 || got[0] != fmt.Sprintf("TXT %q", strconv.Itoa(current)) {
			t.Fatalf("Reload %d: expected generation %d to answer, got %v", n, current, got)
		}
	}

	// What a first reload allocates for good (the signal's goroutine, a pool) is no leak.
	for n := range 4 {
		reload(n)
	}
	goroutines, files := s.Usage(t)
	seen := []int{dead.Count(), live.Count()}

	crowd := query(t, s)
	for n := 4; n < 4+reloads; n++ {
		reload(n)
		// So that the reloads meet probes and queries at every stage, over a dozen intervals.
		time.Sleep(interval / 10)
	}
	crowd.stop(t)

	for i, e := range []*harness.Endpoint{dead, live} {
		checkSchedule(t, e.Times(seen[i]))
	}
	checkUsage(t, s, goroutines, files)
	checkUnusedCheckStops(t, s, live)
}

// TestO03_ReloadPlugin has the reload plugin notice changes of the file.
func TestO03_ReloadPlugin(t *testing.T) {
	t.Parallel()
	const reloads = 5
	dead, live := harness.Serve(t), harness.Serve(t)
	dead.Set(harness.Fail)
	plugins := []string{"reload 2s 0s", "pprof 127.0.0.1:@PPROF@"}
	s := harness.Start(t, generation(0, dead, live, plugins...))
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	goroutines, files := s.Usage(t)
	seen := []int{dead.Count(), live.Count()}

	crowd := query(t, s)
	for n := 1; n <= reloads; n++ {
		corefile := s.Expand(t, generation(n, dead, live, plugins...))
		if n == 3 {
			failures := s.Log.Count("[ERROR]")
			s.Write(t, "Corefile", broken[0](corefile, 0))
			harness.Eventually(t, 10*time.Second, "an error about the broken Corefile", func() bool {
				return s.Log.Count("[ERROR]") > failures && s.Log.Count(`"intervall"`) > 0
			})
			continue
		}
		s.Write(t, "Corefile", corefile)
		harness.Eventually(t, 10*time.Second, fmt.Sprintf("generation %d to answer", n), func() bool {
			got := harness.Answer(s.Ask(t, "generation.example.org.", dns.TypeTXT))
			return len(got) == 1 && got[0] == fmt.Sprintf("TXT %q", strconv.Itoa(n))
		})
	}
	crowd.stop(t)
	for i, e := range []*harness.Endpoint{dead, live} {
		checkSchedule(t, e.Times(seen[i]))
	}
	checkUsage(t, s, goroutines, files)
}

// checkSchedule wants probes to come an interval apart, within their 2 % of jitter: a check that began anew would be
// probed at once. Its target answers always the same, so there is no fast probe. On a busy machine a probe may come
// late; then the next one, which keeps to the schedule, seems early.
func checkSchedule(t *testing.T, probes []time.Time) {
	t.Helper()
	if len(probes) < 3 {
		t.Errorf("Expected probes to go on, got %d", len(probes))
	}
	for i := 2; i < len(probes); i++ {
		last, both := probes[i].Sub(probes[i-1]), probes[i].Sub(probes[i-2])
		if last < interval*8/10 && both < interval*18/10 || last > interval*5 {
			t.Errorf("Expected probes about %v apart, got one %v after the other", interval, last)
		}
	}
}

// checkUsage waits until goroutines and files are back where they were. One probe may be under way at each look: it has
// a few goroutines and a file.
func checkUsage(t *testing.T, s *harness.Server, goroutines, files int) {
	t.Helper()
	var g, f int
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if g, f = s.Usage(t); g <= goroutines+1 && f <= files {
			return
		}
	}
	_, page, _ := s.Get(t, "@PPROF@", "/debug/pprof/goroutine?debug=1")
	t.Errorf("Expected about %d goroutines and %d files as before, got %d and %d:\n%s", goroutines, files, g, f, page)
}

// checkUnusedCheckStops takes the live check out of the configuration.
func checkUnusedCheckStops(t *testing.T, s *harness.Server, live *harness.Endpoint) {
	t.Helper()
	s.SignalReload(t, harness.Zone("static www 192.0.2.1"), false)
	last := live.Count()
	time.Sleep(interval * 3 / 2) // Nothing to wait for: that it does not happen is the point.
	if got := live.Count(); got != last {
		t.Errorf("Expected no probes of a check that is gone, got %d", got-last)
	}
}
