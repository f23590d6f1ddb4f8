package health

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// yesNo is a column of a table: a cell that says any stands for both.
type yesNo uint8

const (
	no yesNo = iota
	yes
	either
)

// values gives what a cell stands for.
func (c yesNo) values() []bool {
	switch c {
	case no:
		return []bool{false}
	case yes:
		return []bool{true}
	default:
		return []bool{false, true}
	}
}

// surveyNever fails the test: where a single sign decides, not every check is to be looked at.
func surveyNever(t *testing.T) func() survey {
	t.Helper()
	return func() survey { t.Error("A survey was made for nothing"); return survey{} }
}

// TestH14_H18_GuardAfterAStopAndForThisMachine is the first table of judge.
func TestH14_H18_GuardAfterAStopAndForThisMachine(t *testing.T) {
	for _, c := range []struct {
		unverified, overdue, here yesNo
		want                      verdict
	}{
		{yes, no, either, suspect},
		{yes, yes, yes, fall},
		{no, either, yes, fall},
	} {
		for _, unverified := range c.unverified.values() {
			for _, overdue := range c.overdue.values() {
				for _, here := range c.here.values() {
					for canaries := range 3 {
						e := evidence{
							unverified: unverified, overdue: overdue, here: here, canaries: canaries, canaryPassed: canaries == 2,
							canariesFailed: true, otherPassed: canaries == 0, survey: surveyNever(t),
						}
						if got := e.judge(); got != c.want {
							t.Errorf("%+v: got %d, want %d", e, got, c.want)
						}
					}
				}
			}
		}
	}
}

// TestH14_GuardWithCanaries is the second table of judge.
func TestH14_GuardWithCanaries(t *testing.T) {
	for _, c := range []struct {
		canaryPassed, mostPassed, allFail, overdue yesNo
		want                                       verdict
	}{
		{yes, either, either, either, fall},
		{no, yes, either, either, fall},
		{no, no, yes, either, isolated},
		{no, no, no, yes, fall},
		{no, no, no, no, suspect},
	} {
		for _, passed := range c.canaryPassed.values() {
			for _, most := range c.mostPassed.values() {
				for _, allFail := range c.allFail.values() {
					for _, overdue := range c.overdue.values() {
						s := survey{hosts: 100, networks: 10, passing: 49, failing: 51}
						if most {
							s.passing, s.failing = 50, 50
						}
						s.failed = 100 // nothing to do with it
						e := evidence{
							canaries: 1, canaryPassed: passed, canariesFailed: allFail, overdue: overdue,
							otherPassed: true, // does not matter: "most" is more than one
							survey:      func() survey { return s },
						}
						if passed {
							e.survey = surveyNever(t)
						}
						if got := e.judge(); got != c.want {
							t.Errorf("Passed %t, most %t, all fail %t, overdue %t: got %d, want %d", passed, most, allFail, overdue, got, c.want)
						}
					}
				}
			}
		}
	}
	for _, c := range []struct {
		name   string
		survey survey
		failed bool
		want   verdict
	}{
		{"half of the hosts fail", survey{hosts: 10, passing: 4, failing: 5}, true, suspect},
		{"more than half of them do", survey{hosts: 10, passing: 4, failing: 6}, true, isolated},
		{"the same, but one canary has not failed", survey{hosts: 10, passing: 4, failing: 6}, false, suspect},
		{"one host of its own", survey{hosts: 1, failing: 1}, true, isolated},
		{"one host, of which another check passes", survey{hosts: 1, passing: 1}, true, suspect},
		{"one of two passes", survey{hosts: 2, passing: 1, failing: 1}, true, fall},
	} {
		e := evidence{canaries: 2, canariesFailed: c.failed, survey: func() survey { return c.survey }}
		if got := e.judge(); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// TestH14_GuardWithoutCanaries is the third table of judge.
func TestH14_GuardWithoutCanaries(t *testing.T) {
	few := []survey{
		{hosts: 3, networks: 3, failing: 3},
		{hosts: 4, networks: 1, failing: 4},
		{hosts: 100, networks: 1, failing: 100},
		{hosts: 3, networks: 3, failing: 1},
		{},
	}
	enough := []survey{
		{hosts: 4, networks: 2, failing: 4},
		{hosts: 100, networks: 100, failing: 100},
	}
	for _, c := range []struct {
		otherPassed, few, every, overdue yesNo
		want                             verdict
	}{
		{yes, either, either, either, fall},
		{no, yes, either, either, fall},
		{no, no, either, yes, fall},
		{no, no, yes, no, isolated},
		{no, no, no, no, suspect},
	} {
		for _, passed := range c.otherPassed.values() {
			for _, isFew := range c.few.values() {
				for _, every := range c.every.values() {
					for _, overdue := range c.overdue.values() {
						surveys := enough
						if isFew {
							surveys = few
						}
						for _, s := range surveys {
							if !every && !isFew {
								s.failing--
							}
							e := evidence{otherPassed: passed, overdue: overdue, canariesFailed: true, survey: func() survey { return s }}
							if overdue {
								e.survey = surveyNever(t)
							}
							if got := e.judge(); got != c.want {
								t.Errorf("Passed %t, overdue %t, %+v: got %d, want %d", passed, overdue, s, got, c.want)
							}
						}
					}
				}
			}
		}
	}
}

// TestH14_DoubtAfterAShortCut is what the tables mark with (*): the signs that it is the target came when a cut may just
// have been over.
func TestH14_DoubtAfterAShortCut(t *testing.T) {
	const hosts = 16
	for _, c := range []struct {
		name string
		e    evidence
		s    survey
		want verdict
	}{
		{"the canaries were fine", evidence{canaries: 2, canaryPassed: true}, survey{}, fall},
		{"all canaries were out", evidence{canaries: 2, canaryPassed: true, canariesWereOut: true}, survey{}, doubt},
		{
			"all canaries were and are out, most hosts pass", evidence{canaries: 2, canariesFailed: true, canariesWereOut: true},
			survey{hosts: hosts, passing: hosts / 2}, doubt,
		},
		{
			"one canary was out, none has passed, most hosts pass", evidence{canaries: 2},
			survey{hosts: hosts, passing: hosts / 2}, fall,
		},
		{"an eighth of the hosts failed", evidence{otherPassed: true}, survey{hosts: hosts, networks: 2, failed: 2}, fall},
		{"more than an eighth did", evidence{otherPassed: true}, survey{hosts: hosts, networks: 2, failed: 3}, doubt},
		{"one host of few", evidence{otherPassed: true}, survey{hosts: 4, networks: 2, failed: 1}, fall},
		{"two hosts of few", evidence{otherPassed: true}, survey{hosts: 4, networks: 2, failed: 2}, doubt},
		{"too few hosts", evidence{otherPassed: true}, survey{hosts: 3, networks: 3, failed: 3}, fall},
		{"too few networks", evidence{otherPassed: true}, survey{hosts: hosts, networks: 1, failed: hosts}, fall},
	} {
		c.e.survey = func() survey { return c.s }
		if got := c.e.judge(); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
		proven, overdue := c.e, c.e
		proven.proven, overdue.overdue = true, true
		if a, b := proven.judge(), overdue.judge(); a != fall || b != fall {
			t.Errorf("%s: got %d when proven and %d when overdue, want %d", c.name, a, b, fall)
		}
	}
}

func TestH14_Patience(t *testing.T) {
	for _, c := range []struct {
		interval time.Duration
		fall     int
		want     time.Duration
	}{
		{time.Second, 1, 2 * time.Second},
		{time.Second, 3, 6 * time.Second},
		{10 * time.Second, 3, time.Minute},
		{10 * time.Second, 4, time.Minute},
		{time.Hour, 1, time.Minute},
		{100 * time.Millisecond, 64, 12800 * time.Millisecond},
	} {
		if got := patience(Timing{Interval: c.interval, Fall: c.fall}); got != c.want {
			t.Errorf("Interval %s, fall %d: %s, want %s", c.interval, c.fall, got, c.want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1":              "192.0.2.0/24",
		"192.0.2.255":            "192.0.2.0/24",
		"192.0.3.0":              "192.0.3.0/24",
		"::ffff:192.0.2.1":       "192.0.2.0/24",
		"2001:db8:1:2::3":        "2001:db8:1::/48",
		"2001:db8:1:ffff::":      "2001:db8:1::/48",
		"2001:db8:2::":           "2001:db8:2::/48",
		"fe80::1%eth0":           "fe80::/48",
		"www.example.org":        "www.example.org",
		"192.0.2.1.example.org.": "192.0.2.1.example.org.",
		"":                       "",
	} {
		if got := networkOf(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

func TestPlaceOf(t *testing.T) {
	own6, own4 := netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("192.0.2.7")
	for host, want := range map[string]place{
		"127.0.0.1": loopback, "127.255.0.9": loopback, "::1": loopback, "localhost": loopback, "::ffff:127.0.0.1": loopback,
		"192.0.2.1": remote, "2001:db8::1": remote, "localhost.example.org": remote, "128.0.0.1": remote, "": nowhere,
		"192.0.2.7": own, "::ffff:192.0.2.7": own, "2001:db8::7": own, "2001:db8::7%eth0": own,
	} {
		if got := placeOf(host, map[netip.Addr]bool{own6: true, own4: true}); got != want {
			t.Errorf("%q: got %d, want %d", host, got, want)
		}
	}
	if addrs := OwnAddrs(); !addrs[netip.MustParseAddr("127.0.0.1")] {
		t.Errorf("Got %v", addrs)
	}
}

// TestH14_EvidenceIsOfItsTime looks at what is asked of the others: everything is "since the end of the first failure".
func TestH14_EvidenceIsOfItsTime(t *testing.T) {
	const s = time.Second
	type told struct {
		outcome probe.Outcome
		at      time.Duration
	}
	for _, c := range []struct {
		name                 string
		canary               []told // and nothing else
		passed, failed, were bool
	}{
		{"nothing", nil, false, false, false},
		{"passed before", []told{{probe.Pass, 13 * s}}, false, false, false},
		{"passed during the attempt that failed first", []told{{probe.Pass, 13999 * time.Millisecond}}, false, false, false},
		{"passed since", []told{{probe.Pass, 14 * s}}, true, false, false},
		{"failed before", []told{{probe.Fail, 13 * s}}, false, false, false},
		{"failed since", []told{{probe.Fail, 15 * s}}, false, true, true},
		{"failed, then passed", []told{{probe.Fail, 15 * s}, {probe.Pass, 17 * s}}, true, false, true},
		{"failed before, then passed", []told{{probe.Fail, 13 * s}, {probe.Pass, 17 * s}}, true, false, false},
		{"passed, then failed", []told{{probe.Pass, 15 * s}, {probe.Fail, 17 * s}}, false, true, true},
		{"passed, then says nothing", []told{{probe.Pass, 15 * s}, {probe.Indeterminate, 17 * s}}, true, false, false},
		{"failed, then says nothing", []told{{probe.Fail, 15 * s}, {probe.Indeterminate, 17 * s}}, false, true, true},
	} {
		r := newWorld(t, pass).registry(Options{})
		m := newTestMonitor(check("192.0.2.1"), remote)
		m.started = 10 * s
		m.note(probe.Result{Outcome: probe.Fail}, 14*s)
		m.started = 15 * s
		m.note(probe.Result{Outcome: probe.Fail}, 18*s)
		canary := newTestMonitor(check("192.0.2.2"), remote)
		for _, told := range c.canary {
			canary.note(probe.Result{Outcome: told.outcome}, told.at)
		}
		r.vantage.canaries = []*monitor{canary}
		e := r.evidence(m, hold{18 * s, -1}, 18*s)
		if e.canaryPassed != c.passed || e.canariesFailed != c.failed || e.canariesWereOut != c.were || e.overdue || e.proven {
			t.Errorf("%s: %+v", c.name, e)
		}
		if e := r.evidence(m, hold{18 * s, -1}, 18*s+patience(timing)); !e.overdue {
			t.Errorf("%s: not overdue", c.name)
		}
		for doubted, proven := range map[time.Duration]bool{-1: false, 15 * s: true, 16 * s: false} {
			if e := r.evidence(m, hold{18 * s, doubted}, 18*s); e.proven != proven {
				t.Errorf("In doubt since %s: proven %t", doubted, e.proven)
			}
		}
		r.vantage.canaries = nil
		for host, other := range map[string]bool{"192.0.2.1": false, "192.0.2.3": true} {
			for at, since := range map[time.Duration]bool{13 * s: false, 14 * s: true} {
				r.vantage.witnesses = [2]witness{}
				r.vantage.saw(newTestMonitor(check(host), remote), at)
				if e := r.evidence(m, hold{18 * s, -1}, 18*s); e.otherPassed != (other && since) {
					t.Errorf("A pass of %s at %s: %t", host, at, e.otherPassed)
				}
			}
		}
	}
}

// TestH14_SurveyCountsHosts counts each once, whatever its checks say, and those off this machine if there are any.
func TestH14_SurveyCountsHosts(t *testing.T) {
	const s = time.Second
	w := newWorld(t, pass)
	r := w.registry(Options{})
	add := func(host string, port uint16, state State, results ...probe.Outcome) {
		d := check(host)
		spec := d.Probe.Spec()
		spec.Port = port
		d.Probe = spec.ID()
		m := newTestMonitor(d, placeOf(host, nil))
		m.machine.state = state
		for i, o := range results {
			m.note(probe.Result{Outcome: o}, 10*s+time.Duration(i)*s)
		}
		r.monitors[r.hash(d.Probe)] = m
	}
	look := func(since time.Duration) survey {
		r.vantage.census = census{}
		return r.look(time.Minute).since(since, since)
	}
	add("127.0.0.1", 1, Healthy, probe.Pass)
	add("::1", 1, Unknown, probe.Fail)
	if got, want := look(5*s), (survey{hosts: 2, passing: 1, failing: 1, failed: 1}); got != want {
		t.Errorf("Got %+v, want %+v", got, want)
	}
	add("192.0.2.1", 1, Healthy, probe.Pass)
	add("192.0.2.1", 2, Healthy, probe.Fail)
	add("192.0.2.2", 1, Healthy, probe.Fail, probe.Fail)
	add("198.51.100.1", 1, Unknown)
	add("198.51.100.2", 1, Unhealthy, probe.Fail)
	add("www.example.org", 1, Healthy, probe.Fail, probe.Pass)
	if got, want := look(5*s), (survey{hosts: 4, networks: 3, passing: 2, failing: 1, failed: 3}); got != want {
		t.Errorf("Got %+v, want %+v", got, want)
	}
	if got, want := look(11*s), (survey{hosts: 4, networks: 3, passing: 1, failing: 2, failed: 1}); got != want {
		t.Errorf("Since later: got %+v, want %+v", got, want)
	}
	if got, want := r.look(time.Minute).since(11*s, 5*s), (survey{hosts: 4, networks: 3, passing: 1, failing: 2, failed: 3}); got != want {
		t.Errorf("Passed since later: got %+v, want %+v", got, want)
	}
	add("198.51.100.1", 2, Healthy, probe.Pass, probe.Pass)
	if got := r.look(time.Minute+censusAge-1).since(11*s, 11*s); got.passing != 1 {
		t.Errorf("It holds for a while: %+v", got)
	}
	if got := r.look(time.Minute+censusAge).since(11*s, 11*s); got.passing != 2 {
		t.Errorf("And is made anew then: %+v", got)
	}
}

// TestH14_PassesFromBeforeItFailedProveNothing has everything pass, then one host fail by itself, and a few seconds
// later this process be cut off. What passed between the two tells of the first host, but not of those that fail by the
// cut: some fell once in a while.
func TestH14_PassesFromBeforeItFailedProveNothing(t *testing.T) {
	const s = time.Second
	r := newWorld(t, pass).registry(Options{})
	watch := func(host string, o probe.Outcome, at time.Duration) *monitor {
		m := newTestMonitor(check(host), remote)
		m.machine.state = Healthy
		m.note(probe.Result{Outcome: o}, at)
		r.monitors[r.hash(m.probe)] = m
		return m
	}
	for i := range 9 {
		watch(fmt.Sprintf("192.0.2.%d", i+1), probe.Pass, 58*s)
	}
	down, cut := watch("198.51.100.1", probe.Fail, 57*s), watch("198.51.100.2", probe.Fail, 60*s)
	r.vantage.since = down.failingSince
	r.vantage.canaries = []*monitor{watch("203.0.113.1", probe.Fail, 64*s)}
	for _, c := range []struct {
		m      *monitor
		passed int
		want   verdict
	}{{down, 9, fall}, {cut, 0, suspect}} {
		e := r.evidence(c.m, hold{since: 64 * s, doubted: -1}, 64*s)
		e.proven = true
		if got := e.survey().passing; got != c.passed {
			t.Errorf("%s: %d hosts have passed since it failed, want %d", c.m.probe.Host(), got, c.passed)
		}
		if got := e.judge(); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.m.probe.Host(), got, c.want)
		}
	}
}
