package zone

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

func TestO02_D05_SerialsGoOnAfterARestart(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, tc := range []struct {
		name        string
		saved       uint32
		lost        bool
		clock, want uint32
	}{
		{"all is well", 1_800_000_000, false, 1_800_000_060, 1_800_000_060},
		{"the clock was set back", 1_800_000_000, false, 1_700_000_000, 1_800_000_001},
		{"the same second", 1_800_000_000, false, 1_800_000_000, 1_800_000_001},
		{"ahead", 1_800_000_009, false, 1_800_000_001, 1_800_000_010},
		{"ahead, and some may be lost", 1_800_000_009, true, 1_800_000_001, 1_800_000_020},
		{"some may be lost long ago", 1_800_000_009, true, 1_800_000_060, 1_800_000_060},
		{"over the end", 1<<32 - 1, false, 1 << 31, 0},
	} {
		table := serialTable{last: make(map[string]uint32)}
		table.restore(map[string]uint32{"example.org.": tc.saved}, tc.lost)
		if got := table.next("example.org.", time.Unix(int64(tc.clock), 0)); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
	table := serialTable{last: make(map[string]uint32)}
	last := table.next("example.org.", now)
	table.restore(map[string]uint32{"example.org.": last - 5}, false)
	if got := table.next("example.org.", now); got != last+1 {
		t.Errorf("An old file took the serial from %d to %d", last, got)
	}
}

// memoryful has a set of each kind of memory, and an alias.
const memoryful = `failover {
	check a http://:80/
	check b http://:81/
	primary   held 192.0.2.1 check a
	secondary held 192.0.2.2 check b
	set held failback manual
	primary   wait 192.0.2.1 check a
	secondary wait 192.0.2.2 check b
	set wait failback 10m
	weight 1 inner 192.0.2.1 check a
	weight 2 inner 192.0.2.2 check b
	primary   last alias inner
	secondary last 192.0.2.3 check b
	set last all_down last
	answer plain 192.0.2.1 check a
}`

// restart has a new index go on where another was.
func restart(t *testing.T, x *Index, text string, change func(*state.Set), states []health.Status, now time.Time) *Index {
	t.Helper()
	y, _ := load(t, text)
	for i := range y.sets {
		if y.sets[i].memory != nil {
			*y.sets[i].memory = policy.Memory{} // as before its start
		}
	}
	saved := slices.Collect(Block{Keys: "k", Index: x}.Keep())
	for i := range saved {
		change(&saved[i])
	}
	status := func(leaf int) health.Status { return states[leaf] }
	Restore([]Block{{Keys: "k", Index: y}}, saved, []func(int) health.Status{status}, now)
	y.Start(status, now)
	return y
}

func shown(x *Index, name string) string {
	for i := range x.sets {
		s := &x.sets[i]
		if s.Config.Name != name+".example.org." {
			continue
		}
		return treeText(s)
	}
	return "none"
}

// treeText is all that a set can answer for A, and whether that is for want of anything healthy.
func treeText(s *Set) string {
	var text strings.Builder
	a := s.Answer(0)
	if a.AllDown {
		text.WriteString("down ")
	}
	var walk func(b *branch)
	walk = func(b *branch) {
		for _, l := range b.leaves {
			if l.inner != nil {
				walk(l.inner)
			}
			for _, rr := range l.rrs {
				text.WriteString(rr.(*dns.A).A.String() + " ")
			}
		}
	}
	walk(&a.root)
	return strings.TrimSpace(text.String())
}

func TestO02_R21_SetsGoOnAfterARestart(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	x, states := load(t, memoryful)
	seconds := make(map[int]bool) // the leaves of the check b
	for s := range x.Sets() {
		for _, r := range s.Config.Records {
			if r.ID == "secondary" {
				seconds[int(r.Checks(0)[0].Leaf)] = true
			}
		}
	}
	put := func(a, b health.State) {
		at = at.Add(time.Minute)
		leaves := make([]int, len(states))
		for i := range states {
			leaves[i], states[i].State = i, a
			if seconds[i] {
				states[i].State = b
			}
		}
		x.Update(leaves, at)
	}
	put(health.Unhealthy, health.Healthy)   // all fail over; inner is the second value only
	put(health.Unhealthy, health.Unhealthy) // all is down
	put(health.Healthy, health.Unhealthy)   // to the primaries: of three, the first
	put(health.Unhealthy, health.Healthy)   // and back
	put(health.Healthy, health.Healthy)     // now held and wait are on their secondaries
	better := at
	before := map[string]string{}
	for _, name := range []string{"held", "wait", "last", "plain"} {
		before[name] = shown(x, name)
	}
	if before["held"] != "192.0.2.2" || before["wait"] != "192.0.2.2" {
		t.Fatalf("The test is wrong: %v", before)
	}

	same := func(*state.Set) {}
	at = at.Add(time.Minute)
	y := restart(t, x, memoryful, same, states, at)
	for name, want := range before {
		if got := shown(y, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	wake := y.Update(nil, at)
	if want := better.Add(10 * time.Minute); !wake.Equal(want) {
		t.Errorf("It goes back at %s, want %s: when the better tier is well for ten minutes", wake, want)
	}
	// What was last healthy is answered when nothing is any more.
	unknown := slices.Clone(states)
	for i := range unknown {
		unknown[i].State = health.Unhealthy
	}
	y = restart(t, x, memoryful, same, unknown, at)
	if got, want := shown(y, "last"), "down "+before["last"]; got != want {
		t.Errorf("last: got %q, want %q", got, want)
	}
	// Nobody knows whether it was well all the time.
	for i := range unknown {
		unknown[i].State = health.Unknown
	}
	y = restart(t, x, memoryful, same, unknown, at)
	if wake, want := y.Update(nil, at), at.Add(10*time.Minute); !wake.Equal(want) {
		t.Errorf("It goes back at %s, want %s: the wait begins anew", wake, want)
	}
	if got := shown(y, "held"); got != "192.0.2.2" {
		t.Errorf("held: got %q", got)
	}
	// What is from the future is not believed.
	y = restart(t, x, memoryful, func(s *state.Set) {
		for i := range s.Memory.Since {
			s.Memory.Since[i] = at.Add(time.Hour)
		}
	}, states, at)
	if wake, want := y.Update(nil, at), at.Add(10*time.Minute); !wake.Equal(want) {
		t.Errorf("It goes back at %s, want %s", wake, want)
	}
	// Other records: the tier is known by its id, and the last answer is another set's.
	for i := range unknown {
		unknown[i].State = health.Unhealthy
	}
	y = restart(t, x, strings.ReplaceAll(memoryful, "192.0.2.3", "192.0.2.33"), same, unknown, at)
	if got := shown(y, "last"); got != "down 192.0.2.1 192.0.2.2" {
		t.Errorf("last: got %q, want what serve answers", got)
	}
	y = restart(t, x, strings.ReplaceAll(memoryful, "192.0.2.2 ", "192.0.2.22 "), same, states, at)
	if got := shown(y, "held"); got != "192.0.2.22" {
		t.Errorf("held: got %q, want the tier of the same id", got)
	}
	y = restart(t, x, memoryful, func(s *state.Set) { s.Policy = "weighted" }, states, at)
	if got := shown(y, "held"); got != "192.0.2.1" {
		t.Errorf("held: got %q, though the policy is another", got)
	}
}

// What a file says must never make an answer that is not there.
func TestO02_ForgedPlansAreRefused(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	x, states := load(t, memoryful)
	down := slices.Clone(states)
	for i := range down {
		down[i].State = health.Unhealthy
	}
	choice := func(c policy.KeptChoice) [policy.Families]*policy.KeptPlan {
		return [policy.Families]*policy.KeptPlan{{Status: policy.Alive, Take: 1, Choices: []policy.KeptChoice{c}}}
	}
	inner := &policy.KeptPlan{Status: policy.Alive, Take: 1, Choices: []policy.KeptChoice{{Record: 1, Values: []int{0}}}}
	for name, tc := range map[string]struct {
		plans [policy.Families]*policy.KeptPlan
		want  string
	}{
		"good":             {choice(policy.KeptChoice{Record: 0, Inner: inner}), "down 192.0.2.2"},
		"no such record":   {choice(policy.KeptChoice{Record: 2, Values: []int{0}}), ""},
		"below all":        {choice(policy.KeptChoice{Record: -1, Values: []int{0}}), ""},
		"no such value":    {choice(policy.KeptChoice{Record: 1, Values: []int{1}}), ""},
		"negative value":   {choice(policy.KeptChoice{Record: 1, Values: []int{-1}}), ""},
		"no value":         {choice(policy.KeptChoice{Record: 1}), ""},
		"no alias":         {choice(policy.KeptChoice{Record: 1, Inner: inner}), ""},
		"alias to nothing": {choice(policy.KeptChoice{Record: 0, Values: []int{0}}), ""},
		"no fixed answer":  {[policy.Families]*policy.KeptPlan{{Outcome: policy.AnswerFixed}}, ""},
		"no such value inside": {choice(policy.KeptChoice{Record: 0, Inner: &policy.KeptPlan{
			Take: 1, Choices: []policy.KeptChoice{{Record: 1, Values: []int{7}}},
		}}), ""},
	} {
		x.Panicked = func(any) { t.Errorf("%s: panics", name) }
		y := restart(t, x, memoryful, func(s *state.Set) {
			if s.Name == "last.example.org." {
				s.Memory.Last, s.Memory.LastActive = tc.plans, 0
			}
		}, down, at)
		want := tc.want
		if want == "" {
			want = "down 192.0.2.1 192.0.2.2" // as serve has it
		}
		if got := shown(y, "last"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// A record that the set does not have cannot be the one that it was on.
func TestO02_ForgedIDsAreRefused(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	x, states := load(t, memoryful)
	for i := range states {
		states[i].State = health.Unhealthy
	}
	plan := &policy.KeptPlan{Status: policy.Alive, Take: 1, Choices: []policy.KeptChoice{{Record: 1, Values: []int{0}}}}
	y := restart(t, x, memoryful, func(s *state.Set) {
		if s.Name == "last.example.org." {
			s.IDs = append(s.IDs, "third")
			s.Memory = policy.Kept{Active: 2, Last: [policy.Families]*policy.KeptPlan{plan}, LastActive: 2}
		}
	}, states, at)
	for s := range y.Sets() {
		if s.Config.Name != "last.example.org." {
			continue
		}
		if active := s.Active(); active != s.Config.Records[0] {
			t.Errorf("It is on %v", active)
		}
	}
}
