package failover

import (
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/webhook"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
)

// receivers are told what happens in this process: a reload must find what waits for them already.
var receivers = webhook.New(journalOf{&events})

// journalOf is a journal as receivers read it.
type journalOf struct{ *journal }

func (j journalOf) After(seq uint64) ([]api.Event, uint64)      { return j.after(seq) }
func (j journalOf) Listen() (news <-chan struct{}, stop func()) { return j.listen() }

// Standing tells of the record sets of the newest configuration in which nothing is healthy, or which are not on their
// primary, and of manual states.
func (journalOf) Standing() ([]api.Event, bool) {
	live.Lock()
	var runners []*runner
	if n := len(live.generations); n > 0 {
		runners = slices.Clone(live.generations[n-1].runners)
	}
	live.Unlock()
	if runners == nil {
		return nil, false
	}
	now := time.Now()
	var found []api.Event
	for _, r := range runners {
		for s := range r.index.Sets() {
			if kind, to := s.Trouble(); kind != "" {
				found = append(found, eventOf(zone.Switch{Set: s, Kind: kind, To: to, At: now}))
			}
		}
	}
	for _, m := range manuals.list() {
		e := manualEvent(api.EventManual, m, madeByHand(m))
		e.At = m.Since
		found = append(found, e)
	}
	return found, true
}
