package failover

import (
	"math"
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

func TestTheJournalRemembersTheLastEvents(t *testing.T) {
	var j journal
	if found, last := j.after(0); len(found) != 0 || last != 0 {
		t.Errorf("Empty: %d events, the last %d", len(found), last)
	}
	news, stop := j.listen()
	for range journalKept + 10 {
		j.add(api.Event{Kind: api.EventAudit})
	}
	<-news
	select {
	case <-news:
		t.Error("More than one signal was kept")
	default:
	}
	found, last := j.after(0)
	if len(found) != journalKept || found[0].Seq != 11 || last != journalKept+10 || found[len(found)-1].Seq != last {
		t.Errorf("%d events from %d, the last %d", len(found), found[0].Seq, last)
	}
	if found, _ := j.after(last - 2); len(found) != 2 || found[0].Seq != last-1 || found[0].At.IsZero() {
		t.Errorf("The last two: %+v", found)
	}
	if found, _ := j.after(last + 5); len(found) != 0 {
		t.Errorf("After the last: %+v", found)
	}
	stop()
	j.add(api.Event{Kind: api.EventAudit})
	select {
	case <-news:
		t.Error("One that does not listen any more was told")
	default:
	}
}

// The number comes from clients, and none is after the largest: the sum with one is 0.
func TestTheJournalHasNothingAfterTheLargestNumber(t *testing.T) {
	var j journal
	for range 2 * journalKept {
		if found, last := j.after(math.MaxUint64); len(found) != 0 || last != j.last {
			t.Fatalf("%d events of %d, the last %d", len(found), j.last, last)
		}
		j.add(api.Event{Kind: api.EventAudit})
	}
}
