package webhook

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

var start = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// of makes an event of a record set, or of a check where target is given.
func of(seq uint64, at time.Duration, kind api.EventKind, set string) message {
	e := api.Event{Seq: seq, At: start.Add(at), Kind: kind, Zone: "example.org.", Set: set, Type: "A", Text: string(kind)}
	return message{Event: e, id: fmt.Sprintf("x-%d", seq), subject: subjectOf(&e)}
}

// minutes are times given in minutes.
func minutes(all ...float64) []time.Duration {
	times := make([]time.Duration, len(all))
	for i, m := range all {
		times[i] = time.Duration(m * float64(time.Minute))
	}
	return times
}

// told plays events of one set at times through a damper, asks it for what is due whenever it wants that, and gives what
// is told: the number of the event and, in letters, that it flaps, still flaps, or is calm.
func told(times []time.Duration, until time.Duration) []string {
	var d damper
	var found []string
	due := func(until time.Time) {
		for wake := d.wake(); !wake.IsZero() && !wake.After(until); wake = d.wake() {
			for _, m := range d.due(wake) {
				word := "still"
				if m.Flapping.Over {
					word = "calm"
				}
				found = append(found, fmt.Sprintf("%d %s %d at %s", m.Seq, word, m.Flapping.Changes, wake.Sub(start)))
			}
		}
	}
	for i, at := range times {
		due(start.Add(at))
		kind := api.EventAllDown
		if i%2 == 1 {
			kind = api.EventRecovered
		}
		m, now := d.take(of(uint64(i+1), at, kind, "www.example.org."))
		switch {
		case now && m.Flapping != nil:
			found = append(found, fmt.Sprintf("%d flaps", m.Seq))
		case now:
			found = append(found, fmt.Sprint(m.Seq))
		}
	}
	due(start.Add(until))
	return found
}

func TestWhatFlapsIsToldOnceAndHowItEnds(t *testing.T) {
	var hours []time.Duration // every four minutes for two and a half hours, after a burst
	for i := range 7 {
		hours = append(hours, time.Duration(i)*time.Second)
	}
	for at := 4 * time.Minute; at <= 150*time.Minute; at += 4 * time.Minute {
		hours = append(hours, at)
	}
	for name, test := range map[string]struct {
		times []time.Duration
		until time.Duration
		want  []string
	}{
		"down and up again": {minutes(0, 1), time.Hour, []string{"1", "2"}},
		"six within ten minutes are told": {
			minutes(0, 1, 2, 3, 4, 5), time.Hour, []string{"1", "2", "3", "4", "5", "6"},
		},
		"the seventh too, if the first is longer ago": {
			minutes(0, 1, 2, 3, 4, 5, 10.1), time.Hour, []string{"1", "2", "3", "4", "5", "6", "7"},
		},
		"seven flap": {
			minutes(0, 1, 2, 3, 4, 5, 6), time.Hour, []string{"1", "2", "3", "4", "5", "6", "7 flaps", "7 calm 0 at 11m0s"},
		},
		"the last state is told when it is calm": {
			minutes(0, 1, 2, 3, 4, 5, 6, 7, 8, 12.9), time.Hour,
			[]string{"1", "2", "3", "4", "5", "6", "7 flaps", "10 calm 3 at 17m54s"},
		},
		"and then it begins anew": {
			minutes(0, 1, 2, 3, 4, 5, 6, 7, 20, 21), time.Hour,
			[]string{"1", "2", "3", "4", "5", "6", "7 flaps", "8 calm 1 at 12m0s", "9", "10"},
		},
		"what never calms down is told every hour": {
			hours, 151 * time.Minute,
			[]string{
				"1", "2", "3", "4", "5", "6", "7 flaps", "22 still 15 at 1h0m6s", "37 still 15 at 2h0m6s",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(test.times, test.until); !slices.Equal(got, test.want) {
				t.Errorf("Told were\n%q, want\n%q", got, test.want)
			}
		})
	}
}

func TestWhatIsDoneByHandIsNeverDamped(t *testing.T) {
	var d damper
	for i := range 20 {
		e := api.Event{Seq: uint64(i), At: start, Kind: api.EventManual, Manual: &api.Manual{ID: 1}}
		if m, told := d.take(message{Event: e, subject: subjectOf(&e)}); !told || m.Flapping != nil {
			t.Fatalf("Event %d was held back: %+v", i, m)
		}
	}
}

func TestASubjectThatIsCalmIsForgotten(t *testing.T) {
	var d damper
	for i := range 100 {
		d.take(of(uint64(i), 0, api.EventAllDown, fmt.Sprintf("w%d.example.org.", i)))
	}
	d.due(start.Add(flapWindow + time.Second))
	if n := len(d.subjects); n != 0 {
		t.Errorf("%d subjects are remembered", n)
	}
}

func TestWhatIsHeldBackIsToldAtTheEnd(t *testing.T) {
	var d damper
	for i := range 9 {
		d.take(of(uint64(i+1), time.Duration(i), api.EventFailover, "www.example.org."))
	}
	got := d.flush()
	if len(got) != 1 || got[0].Seq != 9 || got[0].Flapping.Changes != 2 || len(d.flush()) != 0 {
		t.Errorf("Told were %+v, want the last of three", got)
	}
}
