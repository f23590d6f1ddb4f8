package zone

import (
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// FailBack has a failover set take its best healthy record now, whatever its failback says (R21), and gives the records
// that it was on and is on. Update is to be called afterwards, since when to call it next may be another time.
func (x *Index) FailBack(s *Set, now time.Time) (from, to *corefile.Record) {
	from = s.Active()
	x.mu.Lock()
	if s.memory != nil && x.started {
		*s.memory = s.memory.Freed()
		for i := range x.sets {
			if &x.sets[i] == s {
				x.enqueue(i)
			}
		}
	}
	x.mu.Unlock()
	x.Update(nil, now)
	return from, s.Active()
}
