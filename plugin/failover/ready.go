package failover

import "time"

// patience is how long checks may be unknown after the start before it counts as ready all the same (O01).
const patience = 5 * time.Second

// Ready implements ready.Readiness. The ready plugin asks only one handler of each plugin's name, whatever the number of
// server blocks, so it speaks for the whole process. It never speaks of the health of targets: a name server that says
// it is not ready because a target is down would take its healthy answers away too. And the start is that of the
// process: a reload that brings a check which is slow to decide, to every replica at once, must not take them all out.
func (f *Failover) Ready() bool {
	live.Lock()
	defer live.Unlock()
	if len(live.generations) == 0 {
		return false
	}
	live.ready = live.ready || time.Since(live.since) >= patience || live.known()
	return live.ready
}

// known tells that no check is unknown.
func (l *generations) known() bool {
	for _, g := range l.generations {
		for _, r := range g.runners {
			if !r.lease.Known() {
				return false
			}
		}
	}
	return true
}
