package zone

import (
	"reflect"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
)

// find is the set of a name.
func find(t *testing.T, x *Index, name string) *Set {
	t.Helper()
	for s := range x.Sets() {
		if s.Config.Name == name {
			return s
		}
	}
	t.Fatalf("There is no set %s", name)
	return nil
}

func TestSituationChangesNothing(t *testing.T) {
	x, states := load(t, `failover {
		check web http://:80/
		primary www 192.0.2.1 check web
		secondary www 192.0.2.2 check web
		set www failback 5m all_down last
		primary app alias www
	}`)
	now := time.Unix(1_800_000_100, 0)
	states[0].State = health.Unhealthy
	x.Update([]int{0}, now)
	states[0].State = health.Healthy
	now = now.Add(time.Minute)
	x.Update([]int{0}, now)
	www, app := find(t, x, "www.example.org."), find(t, x, "app.example.org.")
	memory, answers := *www.memory, [...]*Answer{www.Answer(0), app.Answer(0)}
	plans, links := app.plans, *app.links

	s := x.Situation(app, nil, now)
	same := s.Set.Answer(0) == answers[1]
	if got := s.Target(0, 0).Set.Active().ID; !same || got != "secondary" || s.Pending {
		t.Errorf("As things stand it is on %s, with the same answer: %v, pending: %v", got, same, s.Pending)
	}
	s = x.Situation(app, map[int]health.Status{1: {State: health.Unhealthy}}, now)
	if got := s.Set.Answer(0).Pick(Draw{}).Records[0].String(); got != "app.example.org.\t10\tIN\tA\t192.0.2.1" {
		t.Errorf("With the secondary down it answers %s", got)
	}
	// Failback waits for five minutes from when the primary was healthy again, in what is assumed as well.
	s = x.Situation(www, map[int]health.Status{1: {State: health.Unknown}}, now.Add(5*time.Minute))
	if got := s.Set.Active().ID; got != "primary" {
		t.Errorf("After five minutes it is on %s", got)
	}
	if !reflect.DeepEqual(*www.memory, memory) || answers != [...]*Answer{www.Answer(0), app.Answer(0)} ||
		app.plans != plans || !reflect.DeepEqual(*app.links, links) || www.Active().ID != "secondary" {
		t.Error("To look at it has changed something")
	}

	states[1].State = health.Unhealthy
	if s := x.Situation(app, nil, now); s.Pending || !s.Target(0, 0).Pending || s.Set.Answer(0) != answers[1] {
		t.Errorf("Before an update: pending %v, and below %v", s.Pending, s.Target(0, 0).Pending)
	}
	x.Update([]int{1}, now)
	if s := x.Situation(app, nil, now); s.Pending || s.Target(0, 0).Pending {
		t.Error("After an update it is still pending")
	}
}
