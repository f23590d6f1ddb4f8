package zone

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// Hundreds of thousands of sets fit into memory because those that are well share what they answer by.
func TestSetsThatAreWellShareTheirPlan(t *testing.T) {
	x, states := load(t, `failover {
		check web http://:80/
		answer a 192.0.2.1 192.0.2.2 check web
		answer b 192.0.2.3 192.0.2.4 check web
		answer more 192.0.2.5 192.0.2.6 192.0.2.7 check web
		primary   held 192.0.2.8 check web
		secondary held 192.0.2.9
		set held failback manual
		primary   held2 192.0.2.8 check web
		secondary held2 192.0.2.9
		set held2 failback manual
	}`)
	byName := make(map[string]*Set)
	for s := range x.Sets() {
		byName[s.Config.Name] = s
	}
	a, b := byName["a.example.org."], byName["b.example.org."]
	shared := a.plans[0]
	if shared != b.plans[0] {
		t.Error("Two sets of one shape that are well have two plans")
	}
	if shared == byName["more.example.org."].plans[0] {
		t.Error("Sets with different numbers of values have one plan")
	}
	if byName["held.example.org."].plans[0] == byName["held2.example.org."].plans[0] {
		t.Error("Sets that remember have one plan")
	}
	wantConfigured := func(when string, want bool) {
		t.Helper()
		rrs, values := a.Answer(0).root.leaves[0].rrs, a.Config.Records[0].Values(0)
		if got := &rrs[0] == &values[0]; got != want {
			t.Errorf("%s: the answer is the configuration's own records: %v, want %v", when, got, want)
		}
	}
	put := func(state health.State) {
		states[0].State = state
		x.Update([]int{0}, time.Unix(1_800_000_001, 0))
	}
	wantConfigured("all is well", true)
	put(health.Unhealthy)
	wantConfigured("one value is not", false)
	if a.plans[0] == shared || len(a.Answer(0).root.leaves[0].rrs) != 1 {
		t.Error("The set still has the plan of those that are well")
	}
	put(health.Healthy)
	wantConfigured("all is well again", true)
	if a.plans[0] != shared {
		t.Error("The set that is well again has a plan of its own")
	}
}

// One evaluator's view is used for set after set, and must show nothing of the one before.
func TestNoSetSeesWhatTheOneBeforeSaw(t *testing.T) {
	others := []string{
		"primary two 192.0.2.1 2001:db8::1 check web\nsecondary two 192.0.2.2 2001:db8::2\n",
		"static two 192.0.2.1\n",
	}
	const typed = `
		primary   typed A 192.0.2.3 check web
		secondary typed A alias end
		set typed A all_down last
		answer end A 192.0.2.4 check web
`
	find := func(x *Index) *Set {
		for s := range x.Sets() {
			if s.Config.Name == "typed.example.org." {
				return s
			}
		}
		return nil
	}
	states := []health.State{health.Unknown, health.Healthy, health.Unhealthy}
	for i := range len(others) * len(states) {
		other, begins := others[i%len(others)], states[i/len(others)]
		var seen [2]*Set
		for i, sets := range []string{other + typed, typed} {
			x, now := load(t, "failover {\n\tcheck web http://:80/\n"+sets+"}")
			*find(x).memory = policy.Memory{}
			var all []int
			for leaf := range now {
				now[leaf].State = health.Healthy
				if leaf >= len(now)-2 {
					now[leaf].State = begins
				}
				all = append(all, leaf)
			}
			x.Update(all, time.Unix(1_800_000_001, 0))
			seen[i] = find(x)
		}
		with, alone := seen[0], seen[1]
		if with.guess != alone.guess || with.settled != alone.settled || !with.plans[0].Equal(alone.plans[0]) ||
			!reflect.DeepEqual(with.memory, alone.memory) {
			t.Errorf("%v behind %q: %+v, %+v; alone %+v, %+v",
				begins, other, with.plans[0], with.memory, alone.plans[0], alone.memory)
		}
	}
}

// That a set is not in its best state may show in nothing but the flag: its TTLs can be the same.
func TestTheFlagOfAnAnswerFollowsItsChecks(t *testing.T) {
	x, states := load(t, `failover {
		ttl 30s 30s
		check web http://:80/
		answer www 192.0.2.1 check web
	}`)
	s := &x.sets[0]
	for i, streak := range []bool{true, true, false} {
		before := s.Answer(0)
		states[0].Streak = streak
		x.Update([]int{0}, time.Unix(1_800_000_001, 0))
		after := s.Answer(0)
		if after.Degraded != streak || &after.root.leaves[0].rrs[0] != &before.root.leaves[0].rrs[0] || after.Room != before.Room {
			t.Errorf("Step %d: got %+v after %+v", i, after, before)
		}
		if (after == before) != (before.Degraded == streak) {
			t.Errorf("Step %d: a new answer: %v", i, after != before)
		}
	}
}

// What is answered while all is well lies in the set, also after it was something else for a while.
func TestTheSettledAnswerLiesInTheSet(t *testing.T) {
	x, states := load(t, `failover {
		ttl 30s 30s
		check web http://:80/
		answer www 192.0.2.1 192.0.2.2 2001:db8::1 check web
		weight 1 app alias www
		weight 1 app 192.0.2.3
	}`)
	put := func(status health.Status) {
		for i := range states {
			states[i] = status
			x.Update([]int{i}, time.Unix(1_800_000_001, 0))
		}
	}
	at := func(i, family int) *Answer { return x.sets[i].Answer(family) }
	want := make([]string, 2)
	for i, status := range []health.Status{
		{State: health.Healthy}, {State: health.Unhealthy}, {State: health.Healthy},
		{State: health.Healthy, Streak: true}, {State: health.Healthy},
	} {
		put(status)
		for j := range x.sets {
			s := &x.sets[j]
			settled := status == health.Status{State: health.Healthy}
			if home := at(j, 0) == &s.home.Answer; home != settled {
				t.Errorf("Step %d, set %d: the answer is in the set: %v", i, j, home)
			}
			if at(j, 1) == &s.home.Answer {
				t.Errorf("Step %d, set %d: both families have one answer", i, j)
			}
			if text := fmt.Sprint(at(j, 0).rrset(), at(j, 0).AllDown, at(j, 0).Degraded); i == 0 {
				want[j] = text
			} else if settled && text != want[j] {
				t.Errorf("Step %d, set %d: got %s, want %s as at first", i, j, text, want[j])
			}
		}
	}
}

// All can be well while the answer is not what it was when all was well before.
func TestASettledAnswerIsOfItsPlan(t *testing.T) {
	x, states := load(t, `failover {
		check web http://:80/
		primary www 192.0.2.1 check web
		secondary www 192.0.2.2
		set www failback manual
	}`)
	got := make([]string, 0, 3)
	for _, state := range []health.State{health.Healthy, health.Unhealthy, health.Healthy} {
		states[0].State = state
		x.Update([]int{0}, time.Unix(1_800_000_001, 0))
		got = append(got, x.sets[0].Answer(0).root.leaves[0].rrs[0].(*dns.A).A.String())
	}
	if want := []string{"192.0.2.1", "192.0.2.2", "192.0.2.2"}; !slices.Equal(got, want) {
		t.Errorf("Got %v, want %v", got, want)
	}
}

// Half an answer is none: where a panic ended the making, the next begins anew.
func TestAPanicLeavesNoHalfAnswerInTheSet(t *testing.T) {
	x, states := load(t, `failover {
		check web http://:80/
		weight 1 www 192.0.2.1 check web
		weight 1 www 192.0.2.2
	}`)
	x.Panicked = func(any) {}
	update := func(streak bool) *Answer {
		states[0].Streak = streak
		x.Update([]int{0}, time.Unix(1_800_000_001, 0))
		return x.sets[0].Answer(0)
	}
	x.sets[0].home = compiled{} // as if it had not been settled yet
	unsettled := update(true)
	value := &x.sets[0].Config.Records[1].Values(0)[0]
	rr := *value
	*value = nil
	if update(false) != unsettled {
		t.Fatal("A set with a record that is none has a new answer")
	}
	*value = rr
	if a := update(false); a == unsettled || len(a.root.leaves) != 2 || len(a.root.leaves[1].rrs) != 1 {
		t.Errorf("Got %+v", a)
	}
}

// A set that is not a whole number of lines of memory would have a query read one more line of most sets.
func TestSetIsWholeLines(t *testing.T) {
	const line = 64
	set := reflect.TypeFor[Set]()
	for _, field := range []string{"node", "tallies", "Config"} {
		if f, _ := set.FieldByName(field); f.Offset%line != 0 {
			t.Errorf("%s begins at octet %d, not with a line", field, f.Offset)
		}
	}
	if set.Size()%line != 0 {
		t.Errorf("A set has %d octets, which are no whole lines", set.Size())
	}
}
