package webhook

import (
	"cmp"
	"slices"
	"time"
)

const (
	// queueMost is how many messages wait for a receiver, beside those that it must be told in any case.
	queueMost = 256
	// keptFor is how long a message waits that a later one of the same subject supersedes, or that is no state.
	keptFor = time.Hour
)

// queue has what a receiver has yet to be told, the oldest first. It is bounded: by queueMost, and by the number of
// subjects of which the receiver believes that something is wrong, of each of which the last message is kept.
type queue struct {
	waiting []*message
	last    map[string]string // id of the last message of each subject, of those that are waiting
	busy    string            // id of the message that is being sent, which cannot be given up now
	// owed tells whether the receiver believes that something is wrong with a subject.
	owed func(subject string) bool
	// dropped is told how many messages are given up, and why.
	dropped func(n int, why string)
}

// add puts a message at the end. Where there are too many, what a later message supersedes goes first, then the oldest
// of which the receiver knows nothing yet.
func (q *queue) add(m *message) {
	q.waiting = append(q.waiting, m)
	if m.subject != "" {
		if q.last == nil {
			q.last = make(map[string]string)
		}
		q.last[m.subject] = m.id
	}
	if len(q.waiting) <= queueMost {
		return
	}
	at := slices.IndexFunc(q.waiting, func(m *message) bool { return m.id != q.busy && q.superseded(m) })
	if at < 0 {
		at = slices.IndexFunc(q.waiting, func(m *message) bool {
			return m.id != q.busy && (m.subject == "" || !q.owed(m.subject))
		})
	}
	if at >= 0 {
		q.forget(q.waiting[at])
		q.waiting = slices.Delete(q.waiting, at, at+1)
		q.dropped(1, "too many are waiting")
	}
}

func (q *queue) superseded(m *message) bool { return m.subject != "" && q.last[m.subject] != m.id }

// forget is to be called of a message that is taken off.
func (q *queue) forget(m *message) {
	if q.last[m.subject] == m.id {
		delete(q.last, m.subject)
	}
}

// expire gives up what has waited for too long and is no news any more.
func (q *queue) expire(now time.Time) {
	old := func(m *message) bool { return now.Sub(m.queued) >= keptFor && m.id != q.busy }
	if !slices.ContainsFunc(q.waiting, old) {
		return
	}
	before := len(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(m *message) bool {
		return old(m) && (m.subject == "" || q.superseded(m))
	})
	if n := before - len(q.waiting); n > 0 {
		q.dropped(n, "they have waited for an hour and are no news any more")
	}
}

// next is the message to send, nil if there is none.
func (q *queue) next() *message {
	if len(q.waiting) == 0 {
		return nil
	}
	return q.waiting[0]
}

// pop takes a message off, wherever it is by now.
func (q *queue) pop(id string) {
	at := slices.IndexFunc(q.waiting, func(m *message) bool { return m.id == id })
	switch {
	case at < 0:
		return
	case at == 0:
		q.forget(q.waiting[0])
		q.waiting[0] = nil
		q.waiting = q.waiting[1:] // which moves nothing, however many there are
	default:
		q.forget(q.waiting[at])
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
}

// rotate has the others take their turn: it may be this message only that the receiver has trouble with. The messages of
// a subject stay in order, so what a later one supersedes is given up instead.
func (q *queue) rotate() {
	if len(q.waiting) < 2 {
		return
	}
	first := q.waiting[0]
	q.waiting = q.waiting[1:]
	if q.superseded(first) {
		q.dropped(1, "it was tried often, and is no news any more")
		return
	}
	q.waiting = append(q.waiting, first)
}

func sortBySeq(all []message) {
	slices.SortFunc(all, func(a, b message) int { return cmp.Compare(a.Seq, b.Seq) })
}
