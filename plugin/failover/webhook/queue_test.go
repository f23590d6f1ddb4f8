package webhook

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// queued is a queue and a receiver's beliefs, with a count of what is given up.
func queued() (*queue, believed, *int) {
	b, n := make(believed), new(int)
	return &queue{owed: b.wrong, dropped: func(dropped int, _ string) { *n += dropped }}, b, n
}

func push(q *queue, m message) { q.add(&m) }

func name(i int) string { return fmt.Sprintf("w%d.example.org.", i) }

func TestAFullQueueGivesUpWhatIsSuperseded(t *testing.T) {
	q, _, dropped := queued()
	push(q, of(1, 0, api.EventFailover, name(1)))
	push(q, of(2, 0, api.EventAllDown, name(0)))
	push(q, of(3, 0, api.EventRecovered, name(0)))
	for i := 4; len(q.waiting) < queueMost; i++ {
		push(q, of(uint64(i), 0, api.EventFailover, name(i)))
	}
	q.busy = "x-2" // is being sent
	push(q, of(1001, 0, api.EventFailback, name(1)))
	if q.waiting[0].id != "x-2" || *dropped != 1 {
		t.Errorf("The first is %s with %d given up, want x-2: what supersedes x-1 has come", q.waiting[0].id, *dropped)
	}
	q.busy = ""
	push(q, of(1002, 0, api.EventFailover, name(1002)))
	if q.waiting[0].id != "x-3" || *dropped != 2 {
		t.Errorf("The first is %s with %d given up, want x-3: x-2 is superseded", q.waiting[0].id, *dropped)
	}
	push(q, of(1003, 0, api.EventFailover, name(1003))) // nothing is superseded: the oldest goes
	if q.waiting[0].id == "x-3" || *dropped != 3 || len(q.waiting) != queueMost {
		t.Errorf("The first is %s, %d given up, %d wait", q.waiting[0].id, *dropped, len(q.waiting))
	}
}

func TestARecoveryIsNeverGivenUp(t *testing.T) {
	q, b, _ := queued()
	const down = 1000
	for i := range down { // all of which the receiver was told
		m := of(uint64(i+1), 0, api.EventAllDown, name(i))
		b.told(&m)
	}
	for i := range down {
		push(q, of(uint64(2000+i), 0, api.EventRecovered, name(i)))
		push(q, of(uint64(5000+i), 0, api.EventFailover, name(5000+i))) // others, of which it was told nothing
	}
	recovered := 0
	for _, m := range q.waiting {
		if m.Kind == api.EventRecovered {
			recovered++
		}
	}
	if recovered != down || len(q.waiting) > down+queueMost {
		t.Errorf("%d of %d recoveries wait, among %d", recovered, down, len(q.waiting))
	}
}

func TestOldNewsIsGivenUpAndStatesAreKept(t *testing.T) {
	q, _, dropped := queued()
	for _, m := range []message{
		of(1, 0, api.EventAllDown, name(0)), of(2, 0, api.EventRecovered, name(0)), of(3, 0, api.EventAllDown, name(1)),
		of(4, 0, api.EventAudit, ""),
	} {
		m.subject = subjectOf(&m.Event)
		m.queued = start
		push(q, m)
	}
	q.expire(start.Add(keptFor - 1))
	if len(q.waiting) != 4 {
		t.Errorf("%d wait after less than an hour, want 4", len(q.waiting))
	}
	q.expire(start.Add(keptFor))
	if len(q.waiting) != 2 || q.waiting[0].id != "x-2" || q.waiting[1].id != "x-3" || *dropped != 2 {
		t.Errorf("After an hour %+v wait, and %d were given up", q.waiting, *dropped)
	}
}

// Whatever comes and goes: the last message of a subject that the receiver thinks ill of is there or was sent, and the
// messages of a subject stay in order.
func TestTheLastStateOfEachSubjectIsTold(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 0))
		q, b, _ := queued()
		last, heard := make(map[string]uint64), make(map[string]uint64)
		now := start
		for seq := uint64(1); seq < 1500; seq++ {
			now = now.Add(time.Duration(rng.IntN(int(20 * time.Second))))
			kind := []api.EventKind{api.EventAllDown, api.EventRecovered}[rng.IntN(2)]
			m := of(seq, now.Sub(start), kind, name(rng.IntN(400)))
			m.queued = now
			push(q, m)
			last[m.subject] = seq
			q.expire(now)
			switch rng.IntN(8) {
			case 0:
				q.rotate()
			case 1, 2:
				if m := q.next(); m != nil {
					if heard[m.subject] > m.Seq {
						t.Fatalf("Seed %d: %s was told of %d after %d", seed, m.subject, m.Seq, heard[m.subject])
					}
					heard[m.subject] = m.Seq
					b.told(m)
					q.pop(m.id)
				}
			}
		}
		for m := q.next(); m != nil; m = q.next() {
			if heard[m.subject] > m.Seq {
				t.Fatalf("Seed %d: %s was told of %d after %d", seed, m.subject, m.Seq, heard[m.subject])
			}
			heard[m.subject] = m.Seq
			b.told(m)
			q.pop(m.id)
		}
		for subject, seq := range last {
			if b.wrong(subject) && heard[subject] != seq {
				t.Fatalf("Seed %d: the last of %s is %d, and it was told %d", seed, subject, seq, heard[subject])
			}
		}
		if len(q.last) != 0 {
			t.Errorf("Seed %d: %d subjects are remembered of an empty queue", seed, len(q.last))
		}
	}
}
