package failover

import (
	"maps"
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// What answers for a name can be one set for all addresses, or one for each type, and in two server blocks both: the
// series are those of the types all the same.
func TestTalliesAreByTypeWhateverTheSets(t *testing.T) {
	texts := []string{
		"failover {\nstatic www 192.0.2.1 2001:db8::1\nstatic mail MX \"10 www\"\n}",
		"failover {\nstatic www AAAA 2001:db8::1\nstatic www TXT x\n}",
		"failover {\nstatic www A 192.0.2.1\nstatic @ TXT x\n}",
	}
	handlers := make([]*Failover, len(texts))
	runners := make([]*runner, len(texts))
	for i, text := range texts {
		f := load(t, text).f
		r, err := newRunner("k", f.config)
		if err != nil {
			t.Fatal(err)
		}
		r.start()
		f.index = r.index
		handlers[i], runners[i] = f, r
	}
	ask := func(handler int, name string, qtype uint16) { (&fixture{t: t, f: handlers[handler]}).ask(name, qtype) }
	for _, handler := range []int{0, 1, 1} {
		ask(handler, "www.example.org.", dns.TypeAAAA)
	}
	for _, handler := range []int{0, 0, 0, 2} {
		ask(handler, "www.example.org.", dns.TypeA)
	}
	ask(1, "www.example.org.", dns.TypeTXT)
	ask(2, "example.org.", dns.TypeTXT)
	ask(0, "mail.example.org.", dns.TypeMX)
	ask(0, "mail.example.org.", dns.TypeA)
	ask(1, "nope.example.org.", dns.TypeA)
	ask(2, "nope.example.org.", dns.TypeA)
	want := map[string]float64{
		"healthy www.example.org. A example.org.": 4, "healthy www.example.org. AAAA example.org.": 3,
		"healthy www.example.org. TXT example.org.": 1, "healthy example.org. TXT example.org.": 1,
		"healthy mail.example.org. MX example.org.": 1, "nodata  other example.org.": 1, "nxdomain   example.org.": 2,
	}
	if got := series(t, "answers_total"); !maps.Equal(got, want) {
		t.Errorf("Got %v, want %v", got, want)
	}
	for _, r := range runners {
		r.release()
	}
	if len(tallies.entries) != 0 {
		t.Errorf("Tallies outlived the last configuration: %v", tallies.entries)
	}
}

// Of three configurations that count the same, each that goes leaves its counts to those that stay, in whatever order.
func TestTalliesAreHandedOn(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}} {
		table := tallyTable{entries: make(map[tallyKey]tallyEntry)}
		counters := make([]*zone.Tallies, 3)
		key := tallyKeyOf("example.org.", "www.example.org.", 0)
		for i := range counters {
			counters[i] = new(zone.Tallies)
			counters[i][0].Healthy.Add(1)
			counters[i][1].NoData.Add(2)
			table.attach("example.org.", "www.example.org.", 0, counters[i])
		}
		for gone := range order {
			var healthy, noData uint64
			table.each(func(_, _ string, _ uint16, tally *zone.Tally) {
				healthy += tally.Healthy.Load()
				noData += tally.NoData.Load()
			})
			if healthy != 3 || noData != 6 {
				t.Errorf("%v: with %d gone %d and %d are counted, want 3 and 6", order, gone, healthy, noData)
			}
			table.detach(key, counters[order[gone]])
		}
		if len(table.entries) != 0 {
			t.Errorf("%v: entries outlived the last configuration", order)
		}
	}
}
