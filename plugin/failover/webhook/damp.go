package webhook

import (
	"fmt"
	"time"
)

// A subject that changes more than flapMost times within flapWindow flaps: that is told, and then nothing until it has
// been calm for flapCalm, when its state is told. One that never calms down is told of every flapAgain.
const (
	flapMost   = 6
	flapWindow = 10 * time.Minute
	flapCalm   = 5 * time.Minute
	flapAgain  = time.Hour
)

// damper holds back what changes too often. It is told the time and knows no clock.
type damper struct {
	subjects map[string]*changes
	flapping map[string]*changes // those of subjects that flap
	swept    time.Time
}

// changes are those of one subject.
type changes struct {
	times [flapMost + 1]time.Time // the last ones, the oldest first; at the front zero while there were fewer
	told  time.Time               // when it was last told that it flaps
	held  int                     // events since then that were not told
	last  message                 // the last of them, or the one that was told
}

// take gives what is to be told now of an event that has happened: it, it as the sign that its subject flaps, or
// nothing.
func (d *damper) take(m message) (message, bool) {
	if m.subject == "" || !flaps(m.Kind) {
		return m, true
	}
	c := d.subjects[m.subject]
	if c == nil {
		c = new(changes)
		if d.subjects == nil {
			d.subjects, d.flapping = make(map[string]*changes), make(map[string]*changes)
		}
		d.subjects[m.subject] = c
	}
	copy(c.times[:], c.times[1:])
	c.times[flapMost] = m.At
	switch {
	case d.flapping[m.subject] != nil:
		c.held++
		c.last = m
		return message{}, false
	case c.times[0].IsZero() || m.At.Sub(c.times[0]) > flapWindow:
		return m, true
	}
	d.flapping[m.subject] = c
	c.told, c.held, c.last = m.At, 0, m
	m.Flapping = &Flapping{Changes: flapMost + 1}
	m.Text += fmt.Sprintf(" (it flaps, %d changes within %s: the next ones are not told until it is calm)",
		flapMost+1, m.At.Sub(c.times[0]).Round(time.Second))
	return m, true
}

// wake is when due may have something; zero: not before the next event.
func (d *damper) wake() time.Time {
	var first time.Time
	for _, c := range d.flapping {
		if at := c.due(); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func (c *changes) due() time.Time {
	calm, again := c.times[flapMost].Add(flapCalm), c.told.Add(flapAgain)
	if again.Before(calm) {
		return again
	}
	return calm
}

// due gives what is to be told of subjects that have calmed down by now, or flap for long, in the order of what
// happened.
func (d *damper) due(now time.Time) []message {
	d.sweep(now)
	var found []message
	for subject, c := range d.flapping {
		if c.due().After(now) {
			continue
		}
		m := c.last
		m.Flapping = &Flapping{Changes: c.held, Over: !c.times[flapMost].Add(flapCalm).After(now)}
		if m.Flapping.Over {
			m.Text += fmt.Sprintf(" (it is calm again, after %s that %s not told)", counted(c.held), wereOf(c.held))
			m.id += "-calm"
			delete(d.flapping, subject)
		} else {
			m.Text += fmt.Sprintf(" (it still flaps, %s not told)", counted(c.held))
			m.id += fmt.Sprintf("-still-%d", now.Unix())
		}
		c.told, c.held = now, 0
		found = append(found, m)
	}
	sortBySeq(found)
	return found
}

// flush gives what was held back, however it goes on.
func (d *damper) flush() []message {
	var found []message
	for _, c := range d.flapping {
		if c.held > 0 {
			m := c.last
			m.Flapping = &Flapping{Changes: c.held}
			found = append(found, m)
		}
	}
	clear(d.flapping)
	sortBySeq(found)
	return found
}

// sweep forgets subjects that have been calm for so long that it makes no difference.
func (d *damper) sweep(now time.Time) {
	if now.Sub(d.swept) < flapWindow {
		return
	}
	d.swept = now
	for subject, c := range d.subjects {
		if d.flapping[subject] == nil && now.Sub(c.times[flapMost]) > flapWindow {
			delete(d.subjects, subject)
		}
	}
}

func counted(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

func wereOf(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
