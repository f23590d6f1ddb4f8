package zone

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// contents returns the records of a transfer of example.org between the SOAs and the name servers, as "name TTL type
// data" relative to the zone.
func contents(tb testing.TB, x *Index) []string {
	tb.Helper()
	c, ok := x.Contents("example.org.", time.Unix(1_800_000_000, 0))
	if !ok {
		tb.Fatal("The zone has no contents")
	}
	rrs := c.Records()
	for _, i := range []int{0, len(rrs) - 1} {
		if soa, ok := rrs[i].(*dns.SOA); !ok || soa.Serial != c.Serial() {
			tb.Fatalf("Record %d of %d is not the SOA with the serial %d: %v", i, len(rrs), c.Serial(), rrs[i])
		}
	}
	if rrs[1].Header().Rrtype != dns.TypeNS {
		tb.Fatalf("What follows the SOA is not the NS: %v", rrs[1])
	}
	lines := make([]string, 0, len(rrs))
	for _, rr := range rrs[2 : len(rrs)-1] {
		h := rr.Header()
		name := "@"
		if h.Name != "example.org." {
			name = strings.TrimSuffix(h.Name, ".example.org.")
		}
		lines = append(lines, fmt.Sprintf("%s %d %s %s", name, h.Ttl, dns.Type(h.Rrtype),
			strings.TrimPrefix(rr.String(), h.String())))
	}
	return lines
}

// TestD09_TransferIsWhatWouldBeAnswered has a row for every policy and every way to have nothing healthy.
func TestD09_TransferIsWhatWouldBeAnswered(t *testing.T) {
	const failover = "primary www 192.0.2.1 2001:db8::1 check a\nsecondary www 192.0.2.2 check b\n"
	const weighted = "weight 3 www 192.0.2.1 check a\nweight 1 www 192.0.2.2 check b\nweight 0 www 192.0.2.3\n"
	const cnames = "weight 1 www CNAME a.example.net. check a\nweight 2 www CNAME b.example.net. check b\n" +
		"weight 1 www CNAME c.example.net. check a\n"
	for _, test := range []struct {
		name, lines, down string
		want              []string
	}{
		{"the active tier", failover, "", []string{"www 60 A 192.0.2.1", "www 60 AAAA 2001:db8::1"}},
		{"the tier it moved to", failover, "a", []string{"www 60 A 192.0.2.2"}},
		{"all down: the primary", failover, "a b", []string{"www 60 A 192.0.2.1", "www 60 AAAA 2001:db8::1"}},
		{"the healthy weights", weighted, "", []string{"www 60 A 192.0.2.1", "www 60 A 192.0.2.2"}},
		{"the weight that is left", weighted, "a", []string{"www 60 A 192.0.2.2"}},
		{"the reserve", weighted, "a b", []string{"www 60 A 192.0.2.3"}},
		{"all healthy ones whatever max is",
			"answer www 192.0.2.1 check a\nanswer www 192.0.2.2 check b\nanswer www 192.0.2.3 check b\nset www max 1", "a",
			[]string{"www 60 A 192.0.2.2", "www 60 A 192.0.2.3"}},
		{"the likeliest CNAME", cnames, "", []string{"www 60 CNAME b.example.net."}},
		{"the first of equally likely CNAMEs", cnames, "b", []string{"www 60 CNAME a.example.net."}},
		{"CNAMEs of two records add up", cnames + "weight 1 www CNAME a.example.net. id again\nweight 1 www CNAME a.example.net. id more",
			"", []string{"www 60 CNAME a.example.net."}},
		{"nodata", failover + "set www all_down nodata", "a b", nil},
		{"servfail", failover + "set www all_down servfail", "a b", nil},
		{"refuse", failover + "set www all_down refuse", "a b", nil},
		{"next", failover + "set www all_down next", "a b", nil},
		{"fixed", failover + "set www all_down answer 192.0.2.8 192.0.2.9", "a b",
			[]string{"www 60 A 192.0.2.8", "www 60 A 192.0.2.9"}},
		{"an alias, with the lower TTL of its target",
			"primary www alias low check a\nsecondary www 192.0.2.2\nstatic low 192.0.2.1\nset low ttl 7s", "",
			[]string{"low 7 A 192.0.2.1", "www 7 A 192.0.2.1"}},
		{"branches in one RRset: one TTL, nothing twice",
			"weight 1 www alias low\nweight 1 www 192.0.2.1 192.0.2.2\nstatic low 192.0.2.1 192.0.2.3\nset low ttl 7s", "",
			[]string{"low 7 A 192.0.2.1", "low 7 A 192.0.2.3", "www 7 A 192.0.2.1", "www 7 A 192.0.2.3", "www 7 A 192.0.2.2"}},
		{"names that differ in case only are one", "answer www MX \"10 a\" \"20 b\"\nanswer www MX \"10 A\"", "",
			[]string{"www 60 MX 10 a.example.org.", "www 60 MX 20 b.example.org."}},
		{"texts that differ in case only are two", "answer www TXT a b\nanswer www TXT A a", "",
			[]string{`www 60 TXT "a"`, `www 60 TXT "b"`, `www 60 TXT "A"`}},
		{"in canonical order",
			"static *.b TXT w\nstatic z.a TXT x\nstatic b TXT x\nstatic a TXT x\nstatic @ TXT x\nstatic B 192.0.2.1\nstatic a.b TXT x\nstatic * TXT w", "",
			[]string{`@ 60 TXT "x"`, `* 60 TXT "w"`, `a 60 TXT "x"`, `z.a 60 TXT "x"`, `b 60 A 192.0.2.1`, `b 60 TXT "x"`,
				`*.b 60 TXT "w"`, `a.b 60 TXT "x"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, states := load(t, "failover {\nttl 60s\ncheck a http://192.0.2.51/\ncheck b http://192.0.2.52/\n"+
				"primary both 192.0.2.99 check a b\n"+test.lines+"\n}")
			for i := range states {
				if strings.Contains(test.down, string("ab"[i])) {
					states[i].State = health.Unhealthy
				}
			}
			x.Update([]int{0, 1}, time.Unix(1_800_000_001, 0))
			got := slices.DeleteFunc(contents(t, x), func(line string) bool {
				return strings.HasPrefix(line, "both ") // it is there so that both checks are used
			})
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// Whatever is drawn for an answer is in a transfer made at the same time; and where there are answers with records, the
// transfer has some.
func TestD09_EveryAnswerIsInTheTransfer(t *testing.T) {
	x, states := load(t, forest)
	now := time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(rt *rapid.T) {
		leaves := make([]int, len(states))
		for i := range states {
			leaves[i] = i
			states[i].State = rapid.SampledFrom([]health.State{health.Unknown, health.Healthy, health.Unhealthy}).Draw(rt, "state")
		}
		now = now.Add(time.Second)
		x.Update(leaves, now)
		in := make(map[string]bool)
		types := make(map[string]bool)
		c, _ := x.Contents("example.org.", time.Unix(1_800_000_000, 0))
		for _, rr := range c.Records() {
			in[withoutTTL(rr)] = true
			types[rr.Header().Name+dns.Type(rr.Header().Rrtype).String()] = true
		}
		source := rand.NewPCG(1, rapid.Uint64().Draw(rt, "seed"))
		for s := range x.Sets() {
			for f, rrtype := range s.Config.Types() {
				a := s.Answer(f)
				if a == nil {
					continue
				}
				got := a.Pick(Draw{Source: source, Room: make([]dns.RR, 0, a.Room)})
				for _, rr := range got.Records {
					if !in[withoutTTL(rr)] {
						rt.Errorf("The transfer lacks %v", rr)
					}
				}
				answered := got.Outcome == policy.Answer && len(got.Records) > 0
				if has := types[s.Config.Name+dns.Type(rrtype).String()]; has != answered {
					rt.Errorf("%s %s: in the transfer: %v, answered: %v", s.Config.Name, dns.Type(rrtype), has, answered)
				}
			}
		}
	})
}

func withoutTTL(rr dns.RR) string {
	rr = dns.Copy(rr)
	rr.Header().Ttl = 0
	return rr.String()
}

// TestD09_TransferIsOfOneSerial changes two sets at once, over and over, while transfers are made: each has both as they
// were, or both as they are, and no serial has two contents.
func TestD09_TransferIsOfOneSerial(t *testing.T) {
	x, states := load(t, `failover {
		check web http://192.0.2.50/
		primary   a 192.0.2.1 check web
		secondary a 192.0.2.2
		primary   b 192.0.2.1 check web
		secondary b 192.0.2.2
		primary   c alias b check web
		secondary c alias a
	}`)
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(ended)
		for i := range 2000 {
			states[0].State = []health.State{health.Unhealthy, health.Healthy}[i%2]
			x.Update([]int{0}, time.Unix(1_800_000_000, 0))
		}
	})
	seen := make(map[uint32]string)
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		default:
		}
		c, _ := x.Contents("example.org.", time.Unix(1_800_000_000, 0))
		rrs := c.Records()
		data := make([]string, 0, len(rrs))
		for _, rr := range rrs[2 : len(rrs)-1] {
			data = append(data, rr.(*dns.A).A.String())
		}
		if len(data) != 3 || data[0] != data[1] || data[1] != data[2] {
			t.Fatalf("Serial %d has %q, parts of two states", c.Serial(), data)
		}
		if before, ok := seen[c.Serial()]; ok && before != data[0] {
			t.Fatalf("Serial %d has %s and %s", c.Serial(), before, data[0])
		}
		seen[c.Serial()] = data[0]
	}
	wg.Wait()
}

func TestContentsOfAnotherNameAreNone(t *testing.T) {
	x, _ := load(t, forest)
	for _, name := range []string{"org.", "mid.example.org.", "Example.org.", ".", ""} {
		if _, ok := x.Contents(name, time.Unix(1_800_000_000, 0)); ok {
			t.Errorf("%q is no zone and has contents", name)
		}
	}
}

// TestD05_ANewIndexOvertakesTheOldOne has the old configuration of a reload change after the new one was started.
func TestD05_ANewIndexOvertakesTheOldOne(t *testing.T) {
	const stanza = "failover {\ncheck web http://192.0.2.50/\nprimary a 192.0.2.1 check web\nsecondary a 192.0.2.2\n}"
	old, states := load(t, stanza)
	next, _ := load(t, stanza)
	var told []string
	next.Changed = func(zone string) { told = append(told, zone) }
	now := time.Unix(1_800_000_000, 0)
	overtake := func() {
		before := make(Serials)
		before.Note(old)
		next.Overtake(before, now)
	}
	serial := func(x *Index) uint32 {
		c, _ := x.Contents("example.org.", time.Unix(1_800_000_000, 0))
		return c.Serial()
	}
	ahead := serial(next)
	if overtake(); serial(next) != ahead || told != nil {
		t.Errorf("The serial went from %d to %d though it was ahead of %d", ahead, serial(next), serial(old))
	}
	states[0].State = health.Unhealthy
	now = now.Add(time.Second)
	old.Update([]int{0}, now)
	if serial(old) <= ahead {
		t.Fatalf("The old index has %d, which is not beyond %d", serial(old), ahead)
	}
	if overtake(); serial(next) <= serial(old) || !slices.Equal(told, []string{"example.org."}) {
		t.Errorf("The serial is %d, not beyond that of the old index, %d; told: %v", serial(next), serial(old), told)
	}
}

// TestD05_TheSerialKeepsToTheClock has answers change a thousand times a second, so that the next process can begin at
// the time. Each change has a serial a second later at the most, or when the zone is transferred.
func TestD05_TheSerialKeepsToTheClock(t *testing.T) {
	x, states := load(t, "failover {\ncheck web http://192.0.2.50/\nprimary a 192.0.2.1 check web\nsecondary a 192.0.2.2\n}")
	zone := x.zones["example.org."]
	forget := func() {
		serials.mu.Lock()
		defer serials.mu.Unlock()
		delete(serials.last, "example.org.")
	}
	forget()
	t.Cleanup(forget) // other tests are years behind
	serial := func() uint32 { return zone.apex.Load().serial() }
	now := time.Unix(1_900_000_000, 0)
	change := func() (wake time.Time) {
		states[0].State ^= health.Healthy ^ health.Unhealthy
		return x.Update([]int{0}, now)
	}
	last := serial()
	for range maxAhead {
		if change(); serial() <= last {
			t.Fatalf("One of the first changes left the serial at %d", last)
		}
		last = serial()
	}
	var changed time.Time // of the first change without a serial
	for range 20_000 {
		now = now.Add(time.Millisecond)
		if changed.IsZero() {
			changed = now
		}
		wake := change()
		if next := serial(); next != last {
			last, changed = next, time.Time{}
		} else if !wake.After(now) || wake.After(changed.Add(serialPause)) {
			t.Fatalf("A change at %v waits for its serial until %v", changed, wake)
		}
		if ahead := int64(serial()) - now.Unix(); ahead > maxAhead+1 {
			t.Fatalf("The serial is %d s ahead of the clock", ahead)
		}
	}
	// wait makes a change that has no serial yet.
	wait := func() (wake time.Time) {
		for last = 0; last != serial(); wake = change() {
			last = serial()
		}
		return wake
	}
	wait()
	if c, _ := x.Contents("example.org.", now); c.Serial() <= last {
		t.Errorf("A transfer amid changes has the serial of before, %d", last)
	}
	if now = wait(); !x.Update(nil, now).IsZero() || serial() <= last {
		t.Errorf("The last change has no serial of its own")
	}
	last = serial()
	now = now.Add(-time.Hour) // a clock that is set back does not stop it
	if change(); serial() <= last {
		t.Errorf("With the clock set back the serial stays at %d", last)
	}
}
