package corefile

import (
	"errors"
	"fmt"
	"slices"
)

// canaryLine is "canary CHECK...".
type canaryLine struct {
	line  *line
	names []string
}

func (s *stanza) readCanary(l *line, names []string) error {
	if len(names) == 0 {
		return errors.New("canary takes names of checks")
	}
	for _, name := range names {
		for _, other := range s.canaries {
			if slices.Contains(other.names, name) {
				return fmt.Errorf("canary names the check %q twice, here and on %s", name, l.pos.other(other.line.pos))
			}
		}
	}
	if name, twice := repeated(names); twice {
		return fmt.Errorf("canary names the check %q twice", name)
	}
	s.canaries = append(s.canaries, canaryLine{line: l, names: names})
	return nil
}

// addCanaries makes running checks of a stanza's canaries (statement H14).
func (b *builder) addCanaries(s *stanza) error {
	for _, canaries := range s.canaries {
		for _, name := range canaries.names {
			index, err := b.canary(s, name)
			if err != nil {
				return canaries.line.pos.errorf("canary: %w", err)
			}
			if !slices.Contains(b.config.Canaries, index) {
				b.config.Canaries = append(b.config.Canaries, index)
			}
		}
	}
	return nil
}

// canary returns the index of the check. It must tell by itself whether this server reaches the world.
func (b *builder) canary(s *stanza, name string) (int, error) {
	c := s.checks[name]
	switch {
	case c == nil:
		return 0, s.undefined(name)
	case c.target.kind&onNet == 0:
		return 0, fmt.Errorf("the check %s asks no host (%s)", name, c.target.text)
	case c.disabled:
		return 0, fmt.Errorf("the check %s is disabled", name)
	case c.template:
		return 0, fmt.Errorf("the check %s has no host in its target", name)
	}
	s.use(c)
	return b.leaf(c, endpoint{})
}
