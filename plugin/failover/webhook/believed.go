package webhook

import (
	"slices"
	"strings"
	"time"
)

// believed is what a receiver was told to be wrong, by subject. It is as large as what is wrong at most, which the
// configuration bounds.
type believed map[string]map[condition]*standing

// standing is a condition that stands.
type standing struct {
	since time.Time
	by    message // the last that was told of it
}

// told notes what a receiver has been told.
func (b believed) told(m *message) {
	for c, on := range conditionsOf(&m.Event) {
		switch s := b[m.subject][c]; {
		case !on:
			delete(b[m.subject], c)
		case s != nil:
			s.by = *m
		default:
			if b[m.subject] == nil {
				b[m.subject] = make(map[condition]*standing)
			}
			b[m.subject][c] = &standing{since: m.At, by: *m}
		}
	}
	if len(b[m.subject]) == 0 {
		delete(b, m.subject)
	}
}

// agrees tells that a receiver which was told m would believe nothing else than it does.
func (b believed) agrees(m *message) bool {
	for c, on := range conditionsOf(&m.Event) {
		if on != (b[m.subject][c] != nil) {
			return false
		}
	}
	return true
}

func (b believed) wrong(subject string) bool { return len(b[subject]) > 0 }

// since is when a condition began, zero if it is not believed to stand.
func (b believed) since(subject string, c condition) time.Time {
	if s := b[subject][c]; s != nil {
		return s.since
	}
	return time.Time{}
}

// alerts gives an alert for everything that stands, in a fixed order.
func (b believed) alerts(instance string, now time.Time) []alert {
	var all []alert
	for _, conditions := range b {
		for c, s := range conditions {
			all = append(all, alertOf(&s.by, c, instance, s.since, now.Add(alertLasts)))
		}
	}
	slices.SortFunc(all, func(x, y alert) int {
		return strings.Compare(x.order(), y.order())
	})
	return all
}
