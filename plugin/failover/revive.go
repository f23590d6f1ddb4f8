package failover

import (
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
)

// stateOf is the state file of a configuration, nil without one.
func stateOf(blocks []block) *corefile.StateFile {
	for _, b := range blocks {
		if file := b.handler.config.State; file != nil {
			return file
		}
	}
	return nil
}

// revival is a generation's beginning with what its state file holds. Serials and manual states belong to the process,
// so any generation that brings a file takes them over; checks and record sets begin with what is known of them only
// where no generation is live that knows better.
type revival struct {
	saved *state.Saved // nil for nothing
	first bool
	path  string
	now   time.Time
}

// revive is to be called before the checks of the generation are started, and ended by done.
func revive(blocks []block) *revival {
	file := stateOf(blocks)
	v := &revival{saved: keeper.read(file), first: predecessors() == nil, now: time.Now()}
	if v.saved == nil {
		return v
	}
	v.path = file.Path
	zone.RestoreSerials(v.saved.Serials, !v.saved.Final)
	byHand := manuals.restore(v.saved.Manual, v.saved.LastManual)
	if !v.first {
		return v
	}
	trusted, all := records(v.saved.Checks, blocks, v.now), 0
	for _, b := range blocks {
		all += len(b.handler.config.Checks)
	}
	checks.Restore(trusted)
	log.Infof("the state file %s was written %s ago: it tells the state of %d checks that are to be run (of %d), and %d manual states",
		v.path, v.now.Sub(v.saved.Saved).Round(time.Second), len(trusted), all, byHand)
	return v
}

// sets gives the record sets what they remembered.
func (v *revival) sets(blocks []zone.Block, runners []*runner) {
	if v.saved == nil || !v.first {
		return
	}
	status := make([]func(int) health.Status, len(runners))
	for i, r := range runners {
		status[i] = r.lease.Status
	}
	zone.Restore(blocks, v.saved.Sets, status, v.now)
}

func (v *revival) done() {
	if v.saved != nil && v.first {
		checks.Restore(nil)
	}
}
