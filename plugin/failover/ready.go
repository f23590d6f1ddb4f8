package failover

import "time"

// patience is how long a start may leave checks unknown before it counts as ready all the same (O01).
const patience = 5 * time.Second

// Ready implements ready.Readiness. The ready plugin asks only one handler of each plugin's name, whatever the number of
// server blocks, so it speaks for the whole process. It never speaks of the health of targets: a name server that says
// it is not ready because a target is down would take its healthy answers away too.
func (f *Failover) Ready() bool {
	runners := liveRunners()
	for _, r := range runners {
		if !r.lease.Known() && time.Since(r.started) < patience {
			return false
		}
	}
	return len(runners) > 0
}
