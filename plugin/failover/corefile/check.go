package corefile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
)

// check is what the lines of one name say, and "check *".
type check struct {
	name   string
	pos    Pos // its first line
	target *target
	given  []setting
	places map[string]Pos // of what may be said once

	settings // after resolve
	template bool
	visit    visit
	used     bool
	size     int                             // checks below it and itself, each as often as ways lead to it
	made     map[endpoint]*health.Expression // by express
}

// setting is one knob as given.
type setting struct {
	pos    Pos
	knob   *knob
	values []string
}

// maxCombined bounds what has to be looked at for one check when health changes.
const maxCombined = 10_000

// visit is the progress of a walk that must not meet a node twice on one path.
type visit uint8

const (
	unvisited visit = iota
	underway
	visited
)

// readCheck reads "check NAME [TARGET] [KNOB VALUE...]...".
func (s *stanza) readCheck(l *line) error {
	if len(l.words) < 3 {
		return errors.New("check takes a name, then a target or words")
	}
	name, words := l.words[1], l.words[2:]
	c, err := s.checkNamed(name, l)
	if err != nil {
		return err
	}
	if isTarget(words[0]) {
		if name == "*" {
			return errors.New("check * takes words only: it has no target of its own")
		}
		if c.target != nil {
			return fmt.Errorf("check %s: two targets, here and on %s", name, l.pos.other(c.target.pos))
		}
		if c.target, words, err = readTarget(words); err != nil {
			return fmt.Errorf("check %s: %w", name, err)
		}
		c.target.pos = l.pos
	} else if scheme, _, ok := strings.Cut(words[0], ":"); ok && slices.Contains(schemes, scheme) {
		// Not repeated, since it may hold a password.
		return fmt.Errorf("check %s: target %s: lacks its two slashes, %s://", name, scheme, scheme)
	} else if name != "*" && c.target == nil && knobNamed(words[0]) == nil {
		err := unknownWord(words[0], slices.Concat(knobWords(), targetWords), knobLater)
		return fmt.Errorf("check %s: %w", name, err)
	}
	for len(words) > 0 {
		if words, err = c.readKnob(l.pos, words); err != nil {
			return fmt.Errorf("check %s: %w", name, err)
		}
	}
	return nil
}

// checkNamed returns the check that a line is about, a new one if this is its first.
func (s *stanza) checkNamed(name string, l *line) (*check, error) {
	if name == "*" {
		if s.defaults == nil {
			s.defaults = newCheck(name, l)
		}
		return s.defaults, nil
	}
	if c := s.checks[name]; c != nil {
		return c, nil
	}
	if err := label("check's name", name); err != nil {
		return nil, err
	}
	if slices.Contains(reserved, name) {
		return nil, fmt.Errorf("%q is a word of the language and cannot name a check", name)
	}
	c := newCheck(name, l)
	s.checks[name] = c
	s.byOrder = append(s.byOrder, c)
	return c, nil
}

func newCheck(name string, l *line) *check {
	return &check{name: name, pos: l.pos, places: make(map[string]Pos)}
}

// readKnob reads the knob that begins words and returns the words after it.
func (c *check) readKnob(pos Pos, words []string) ([]string, error) {
	k := knobNamed(words[0])
	if k == nil {
		if isTarget(words[0]) {
			return nil, errors.New("the target stands right after the check's name")
		}
		if n := len(c.given); n > 0 && c.given[n-1].knob.word == "header" && c.given[n-1].pos == pos {
			// Most likely the rest of the field's value, which may be a secret.
			return nil, errors.New("header is followed by something that is no word; a value with spaces goes in quotes")
		}
		return nil, unknownWord(words[0], knobWords(), knobLater)
	}
	if c.name == "*" && k.word == "invert" {
		return nil, errors.New("invert is for single checks")
	}
	values, rest, err := k.take(words[1:])
	if err != nil {
		return nil, err
	}
	trial := settings{headers: make(map[string]string)}
	if err := k.set(&trial, values); err != nil {
		return nil, fmt.Errorf("%s: %w", words[0], err)
	}
	// A field of the header is a knob of its own.
	fields := slices.Collect(maps.Keys(trial.headers))
	what := strings.Join(append([]string{k.word}, fields...), " ")
	if first, again := c.places[what]; again {
		return nil, fmt.Errorf("%q is given twice, here and on %s", what, pos.other(first))
	}
	c.places[what] = pos
	c.given = append(c.given, setting{pos: pos, knob: k, values: values})
	return rest, nil
}

// finishChecks makes the checks of a stanza whole: knobs, then what they combine.
func (s *stanza) finishChecks(b *builder) error {
	for _, c := range s.byOrder {
		if err := c.resolve(s.defaults, b); err != nil {
			return err
		}
	}
	for _, c := range s.byOrder {
		if err := s.link(c, nil); err != nil {
			return err
		}
	}
	return nil
}

// resolve applies the defaults of the language, then "check *" where it fits, then the check's own knobs.
func (c *check) resolve(defaults *check, b *builder) error {
	if c.target == nil {
		return c.pos.errorf("check %s has no target", c.name)
	}
	c.settings = settings{
		timing: health.Timing{
			Interval: DefaultInterval, Timeout: DefaultTimeout, Fall: DefaultFall, Rise: DefaultRise,
		},
		headers: make(map[string]string),
	}
	if c.target.kind&onWeb != 0 {
		c.probe.Method, c.probe.Status = "GET", "200-399"
	}
	if defaults != nil {
		for _, given := range defaults.given {
			if given.knob.fits&c.target.kind == 0 {
				continue
			}
			if err := given.knob.set(&c.settings, given.values); err != nil {
				return given.pos.errorf("check *: %w", err)
			}
		}
	}
	for _, given := range c.given {
		if given.knob.fits&c.target.kind == 0 {
			return given.pos.errorf("check %s: %q does not apply to %s", c.name, given.knob.word, c.target.text)
		}
		if err := given.knob.set(&c.settings, given.values); err != nil {
			return given.pos.errorf("check %s: %w", c.name, err)
		}
	}
	return c.agree(defaults, b)
}

// agree checks the knobs against each other and brings them into the form of a health.Definition.
func (c *check) agree(defaults *check, b *builder) error {
	place := func(words ...string) Pos {
		for _, word := range words {
			if pos, ok := c.places[word]; ok {
				return pos
			}
		}
		return c.pos
	}
	switch t := &c.timing; {
	case t.Fast == 0:
		t.Fast = min(max(t.Interval/5, time.Second), t.Interval)
	case t.Fast > t.Interval:
		return place("fast", "interval").errorf("check %s: fast %s is longer than interval %s",
			c.name, short(t.Fast), short(t.Interval))
	}
	if c.probe.Method == "HEAD" && c.probe.Match != "" {
		return place("match", "method").errorf("check %s: an answer to HEAD has no body to match", c.name)
	}
	if c.probe.HostHeader == c.probe.ServerName {
		// The server name is the host's default, so both say the same.
		c.probe.HostHeader = ""
	}
	var fields strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.headers)) {
		fields.WriteString(name + ": " + c.headers[name] + "\n")
	}
	c.probe.Headers = fields.String()
	if err := b.files.resolve(&c.probe); err != nil {
		pos, own := c.places["tls"]
		if !own {
			pos = defaults.places["tls"]
		}
		return pos.errorf("check %s: %w", c.name, err)
	}
	return nil
}

// link finds the children of a combined check and tells whether it is a template; path is what led here.
func (s *stanza) link(c *check, path []string) error {
	path = append(path, c.name)
	switch c.visit {
	case visited:
		return nil
	case underway:
		from := slices.Index(path, c.name)
		return c.target.pos.errorf("checks in a loop: %s", strings.Join(path[from:], " -> "))
	}
	c.visit = underway
	c.template = c.target.kind&onProbed != 0 && c.target.host == ""
	for _, name := range c.target.children {
		child := s.checks[name]
		if child == nil {
			return c.target.pos.errorf("check %s: %w", c.name, s.undefined(name))
		}
		if err := s.link(child, path); err != nil {
			return err
		}
		c.template = c.template || child.template
		if c.size += child.size; c.size >= maxCombined {
			return c.target.pos.errorf("check %s combines more than %d checks", c.name, maxCombined)
		}
	}
	c.size++
	c.visit = visited
	return nil
}

// undefined says that no check has the name.
func (s *stanza) undefined(name string) error {
	if near := nearest(name, slices.Collect(maps.Keys(s.checks))); near != "" {
		return fmt.Errorf("there is no check %q in this stanza, did you mean %q?", name, near)
	}
	return fmt.Errorf("there is no check %q in this stanza", name)
}

// use marks the check and those it combines as used.
func (s *stanza) use(c *check) {
	if c.used {
		return
	}
	c.used = true
	for _, name := range c.target.children {
		s.use(s.checks[name])
	}
}
