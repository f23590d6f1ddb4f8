package corefile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
)

// check is what the lines of one name say, and "check *".
type check struct {
	name   string
	pos    Pos // its first line
	target *target
	given  []setting
	places map[string]Pos // of what may be said once

	settings        // after resolve
	defaults *check // "check *", nil without
	template bool
	visit    visit
	used     bool
	size     int                             // checks below it and itself, each as often as ways lead to it
	made     map[endpoint]*health.Expression // by express
	traits   *Traits                         // of the running checks that have no other name
	combined int                             // its index in config.Combined, plus 1; 0 until it is there
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
		if c.target.kind == onHeartbeat {
			c.target.probe.Name = name // whoever posts knows it by that
		}
	} else if scheme, _, ok := strings.Cut(words[0], ":"); ok && slices.Contains(schemes, scheme) {
		// Not repeated, since it may hold a password.
		return fmt.Errorf("check %s: target %s: lacks its two slashes, %s://", name, scheme, scheme)
	} else if name != "*" && c.target == nil && strings.ContainsAny(words[0], ":/") && knobNamed(words[0]) == nil {
		return fmt.Errorf("check %s: a target begins with its scheme, as in tcp://192.0.2.1:25 or http://:80/healthz", name)
	} else if name != "*" && c.target == nil && knobNamed(words[0]) == nil {
		err := unknownWord(words[0], slices.Concat(knobWords(everyKind), targetWords), nil)
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
		return nil, c.unknown(pos, words[0])
	}
	if c.name == "*" && k.word == "invert" {
		return nil, errors.New("invert is for single checks")
	}
	values, rest, err := k.take(words[1:])
	if err != nil {
		return nil, err
	}
	trial := settings{headers: make(map[string]field)}
	if err := k.set(&trial, values); err != nil {
		return nil, fmt.Errorf("%s: %w", words[0], err)
	}
	// A field of the header is a knob of its own.
	what := strings.Join(append([]string{k.word}, inOrder(trial.headers)...), " ")
	if first, again := c.places[what]; again {
		return nil, fmt.Errorf("%q is given twice, here and on %s", what, pos.other(first))
	}
	c.places[what] = pos
	c.given = append(c.given, setting{pos: pos, knob: k, values: values})
	return rest, nil
}

// freeText are the knobs whose value may be a secret, and is easily written without the quotes that it needs.
var freeText = []string{"body", "expect", "header", "send"}

// unknown says what is wrong with a word that is no knob.
func (c *check) unknown(pos Pos, word string) error {
	if n := len(c.given); n > 0 && c.given[n-1].pos == pos {
		last := c.given[n-1].knob
		if slices.Contains(freeText, last.word) {
			// Most likely the rest of the value, which is not repeated.
			return fmt.Errorf("%s is followed by something that is no word; a value with spaces goes in quotes", last.word)
		}
		if last.most > 1 && len(c.given[n-1].values) == last.most && nearest(word, knobWords(everyKind)) == "" {
			return fmt.Errorf("%s takes %d values at most", last.word, last.most)
		}
	} else if c.target != nil && c.target.pos == pos && c.target.kind&onQuery != 0 &&
		nearest(word, knobWords(everyKind)) == "" {
		return errors.New("prometheus: the query is followed by something that is no word; " +
			"a query with spaces goes in quotes")
	}
	if c.target == nil {
		return unknownKnob(word, everyKind)
	}
	return unknownKnob(word, c.target.kind)
}

// finishChecks makes the checks of a stanza whole: knobs, then what they combine.
func (s *stanza) finishChecks(b *builder) error {
	if err := b.findKubeconfig(s); err != nil {
		return err
	}
	for _, c := range s.byOrder {
		_, allowed := s.places["allow_exec"]
		if c.target != nil && c.target.kind == onExec && !allowed {
			return c.target.pos.errorf("check %s: exec runs a program; it is refused without the word allow_exec in the stanza",
				c.name)
		}
		if c.target != nil && c.target.kind == onKubernetes {
			b.addCluster(s, c.target)
		}
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
	c.template = c.target.template()
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
