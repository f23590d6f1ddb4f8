package health

import (
	"testing"
	"time"
)

// TestH18_Stopped has the two clocks of a stopped process and of a suspended machine.
func TestH18_Stopped(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name                     string
		planned, monotonic, wall time.Duration
		want                     time.Duration
	}{
		{"on time", s, s, s, 0},
		{"woken before the time", s, s / 10, s / 10, 0},
		{"a busy machine", s, s + 2999*time.Millisecond, s + 2999*time.Millisecond, 0},
		{"a stopped process", s, s + 3*s, s + 3*s, 3 * s},
		{"a suspended machine, whose monotonic clock stands still", s, s, 61 * s, 60 * s},
		{"both, one after the other", s, 10 * s, 70 * s, 60 * s},
		{"a wall clock that is slewed", s, s, s + s/2, 0},
		{"a wall clock that is set forward", s, s, s + 24*time.Hour, 24 * time.Hour}, // harmless: it is probed again
		{"a wall clock that is set back", s, s, -24 * time.Hour, 0},
		{"a stop with a wall clock that is set back", s, 31 * s, -24 * time.Hour, 30 * s},
	} {
		if got := stopped(c.planned, c.monotonic, c.wall); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLatenessKnowsAMinute(t *testing.T) {
	const s = time.Second
	var l lateness
	if got := l.worst(0, time.Hour); got != 0 {
		t.Errorf("At first: %s", got)
	}
	l.add(10*s, 10*s+300*time.Millisecond)
	l.add(10*s, 10*s+200*time.Millisecond)
	l.add(12*s, 12*s+time.Millisecond)
	l.add(13*s, 12*s) // early, not late
	for _, c := range []struct{ from, to, want time.Duration }{
		{0, 9 * s, 0},
		{0, 10 * s, 300 * time.Millisecond},
		{10*s + 999*time.Millisecond, 11 * s, 300 * time.Millisecond}, // seconds are counted whole
		{11 * s, 20 * s, time.Millisecond},
		{13 * s, 20 * s, 0},
		{-50 * s, 20 * s, 300 * time.Millisecond},
	} {
		if got := l.worst(c.from, c.to); got != c.want {
			t.Errorf("From %s to %s: %s, want %s", c.from, c.to, got, c.want)
		}
	}
	l.add(70*s, 70*s+time.Millisecond) // the same slot a minute later
	if got := l.worst(0, 100*s); got != time.Millisecond {
		t.Errorf("After a minute: %s", got)
	}
}
