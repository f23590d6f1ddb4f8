package lookup

import (
	"context"
	"sync"
	"time"
)

// How names are refreshed.
const (
	refreshEvery   = 30 * time.Second
	refreshTimeout = 4 * time.Second
	refreshAtOnce  = 8
)

// Refresh looks names up, each now and then every half a minute, until stop. It is for names that no health depends on:
// a failure changes nothing of what is known. Stop waits for nothing; a look-up that is under way counts for nothing.
func (t *Table) Refresh(via string, names []string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	probers := make([]*prober, len(names))
	for i, name := range names {
		probers[i] = &prober{table: t, key: Key{Via: via, Name: name}}
	}
	go refresh(ctx, probers)
	return cancel
}

// refresh spreads the look-ups over the time there is, but for the first of each.
func refresh(ctx context.Context, probers []*prober) {
	free := make(chan struct{}, refreshAtOnce)
	var working sync.WaitGroup
	defer working.Wait()
	for round := 0; ; round++ {
		began := time.Now()
		for i, p := range probers {
			if round > 0 && !pause(ctx, time.Until(began.Add(refreshEvery*time.Duration(i)/time.Duration(len(probers))))) {
				return
			}
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return
			}
			working.Go(func() {
				defer func() { <-free }()
				attempt, cancel := context.WithTimeout(ctx, refreshTimeout)
				defer cancel()
				p.Probe(attempt)
			})
		}
		if !pause(ctx, time.Until(began.Add(refreshEvery))) {
			return
		}
	}
}

// pause waits, and tells whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
