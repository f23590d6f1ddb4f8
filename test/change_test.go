package test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/flood"
	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestAnswersAreRightWhileHealthChanges asks as fast as the server answers, while a thousand checks a second change,
// and judges each answer by what was true at its time. How long the answers take is for bench-query to tell.
func TestAnswersAreRightWhileHealthChanges(t *testing.T) {
	const (
		sets    = 4000
		changes = 1000 // a second
		// window is for how long a change may go unnoticed: tens of milliseconds, and more on a busy machine. A set
		// changes every 4 s, so that most answers have but one way to be right.
		window = time.Second
		lasts  = 6 * time.Second
	)
	field, err := flood.NewField(t.TempDir(), sets)
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, harness.Zone(field.Stanza()))
	settling, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := field.Await(settling, s.Addr); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithTimeout(t.Context(), lasts)
	defer stop()
	changed := make(chan int, 1)
	go func() {
		n, err := field.Change(ctx, changes)
		if err != nil {
			t.Error(err)
		}
		changed <- n
	}()
	result, err := field.Run(ctx, s.Addr, window)
	n := <-changed
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Check(); err != nil {
		t.Error(err)
	}
	if want := int(changes * lasts.Seconds() / 2); n < want {
		t.Errorf("Expected %d changes at least, there were %d", want, n)
	}
	t.Logf("%d answers and %d changes; a change was noticed after %v at most", result.Answered, n, result.Behind)
	if err := field.Await(settling, s.Addr); err != nil {
		t.Errorf("Expected every set to be answered as its switch says in the end: %v", err)
	}
}
