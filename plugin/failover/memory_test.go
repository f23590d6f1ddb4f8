package failover

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/caddy"
)

// BenchmarkMemory is what a record set of two values takes while all is well, without checks and with one for each
// value: the configuration, its answers and their counters, and the names of the checks, but not the checks themselves,
// which package health measures. What is in use counts. A process takes about twice as much, since the garbage collector
// lets as much again become garbage.
func BenchmarkMemory(b *testing.B) {
	for _, what := range []string{"records", "checked"} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				bytes, objects := setCost(b, what == "checked")
				b.ReportMetric(bytes, "B/set")
				b.ReportMetric(objects, "objects/set")
			}
		})
	}
}

// TestAllocSet is the budget. A set with its two checks may take 6 KiB of a process, and half of the half is left to
// the checks. The number of objects is what the garbage collector's work goes by, and that makes probes late.
func TestAllocSet(t *testing.T) {
	bytes, objects := setCost(t, true)
	if bytes > 1536 || objects > 8 {
		t.Errorf("A set with two checks keeps %.0f bytes in %.1f objects, want at most 1536 in 8", bytes, objects)
	}
}

// setCost measures what one set of very many keeps.
func setCost(tb testing.TB, checked bool) (bytes, objects float64) {
	tb.Helper()
	const sets = 20_000
	check := ""
	if checked {
		check = "check web"
	}
	text := manySets(sets, check)
	// A map keeps its room when it is emptied.
	tallies.entries = make(map[tallyKey]tallyEntry)
	names.named, names.users, names.series = make(map[string]*named), make(map[uint64]nameUse), make(map[uint64]moves)
	bytesBefore, objectsBefore := inUse()
	kept := settle(tb, text)
	bytesAfter, objectsAfter := inUse()
	runtime.KeepAlive(text)
	kept.release()
	return float64(bytesAfter-bytesBefore) / sets, float64(objectsAfter-objectsBefore) / sets
}

// manySets is a stanza with so many sets of two values each.
func manySets(sets int, check string) string {
	var b strings.Builder
	b.WriteString("failover {\n\tcheck web http://:80/healthz interval 1m\n")
	for i := range sets {
		fmt.Fprintf(&b, "\tanswer name%d 10.%d.%d.1 10.%d.%d.2 %s\n", i, i>>8, i&255, i>>8, i&255, check)
	}
	b.WriteString("}\n")
	return b.String()
}

// inUse is what the heap holds when the garbage is gone.
func inUse() (bytes, objects int64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a pool or a finalizer held goes with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.HeapObjects)
}

// settled is all that a configuration leaves behind but its running checks.
type settled struct {
	config *corefile.Config
	index  *zone.Index
}

// settle makes the answers of a configuration in which every check is healthy.
func settle(tb testing.TB, text string) settled {
	tb.Helper()
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"example.org."}
	config, err := corefile.Parse(c)
	if err != nil {
		tb.Fatal(err)
	}
	names.add(config)
	s := settled{config, zone.New(config, tallies.attach)}
	s.index.Start(func(int) health.Status { return health.Status{State: health.Healthy} }, time.Now())
	return s
}

func (s settled) release() {
	names.remove(s.config)
	for set := range s.index.Sets() {
		tallies.release(set)
	}
	s.index.Zones(tallies.releaseZone)
}
