package health

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Manual is what an operator says of checks, whatever their probes find (statement H15).
type Manual struct {
	ID     uint64
	Checks Pattern
	State  State // Healthy or Unhealthy
	Reason string
	Author string
	Since  time.Time
	Until  time.Time // zero: until it is ended
}

// Expired tells that its time is over.
func (m *Manual) Expired(now time.Time) bool { return !m.Until.IsZero() && !now.Before(m.Until) }

// Manuals are the manual states in force, in the order in which they were made.
type Manuals []Manual

// Named gives those that can be about a check with one of the names, whatever its target.
func (m Manuals) Named(names []string) (found Manuals) {
	for i := range m {
		pattern, _, _ := strings.Cut(string(m[i].Checks), "@")
		if slices.ContainsFunc(names, func(name string) bool { return wild(pattern, name) }) {
			found = append(found, m[i])
		}
	}
	return found
}

// Of gives the one that counts for a check, by any of its names: of those that are about it the last that was made, nil
// for none.
func (m Manuals) Of(names []string, target string) *Manual {
	for i := range slices.Backward(m) {
		if slices.ContainsFunc(names, func(name string) bool { return m[i].Checks.Match(name, target) }) {
			return &m[i]
		}
	}
	return nil
}

// Expire parts those whose time is over from the others.
func (m Manuals) Expire(now time.Time) (kept, expired Manuals) {
	for _, one := range m {
		if one.Expired(now) {
			expired = append(expired, one)
		} else {
			kept = append(kept, one)
		}
	}
	return kept, expired
}

// Wake gives when the first of them expires, zero for never.
func (m Manuals) Wake() (earliest time.Time) {
	for i := range m {
		if until := m[i].Until; !until.IsZero() && (earliest.IsZero() || until.Before(earliest)) {
			earliest = until
		}
	}
	return earliest
}

// Pattern tells which checks are meant: NAME is all checks of the name, NAME@TARGET the one that probes the target. In
// both "*" stands for any octets, also none, and "?" for one. So what is written without them, or copied from what the
// check is called, is that check.
type Pattern string

// longestPattern is the most octets of a Pattern.
const longestPattern = 512

// ParsePattern tells what is wrong with a pattern that somebody has typed.
func ParsePattern(text string) (Pattern, error) {
	switch {
	case text == "":
		return "", errors.New("the pattern is empty")
	case len(text) > longestPattern:
		return "", fmt.Errorf("the pattern %.16q... is longer than %d octets", text, longestPattern)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", fmt.Errorf("the pattern %q has what cannot be printed", text)
	case strings.HasPrefix(text, "@"):
		return "", fmt.Errorf("the pattern %q has no name before the @", text)
	}
	return Pattern(text), nil
}

// Match tells whether a check is meant. One that combines others has no target.
func (p Pattern) Match(name, target string) bool {
	names, targets, both := strings.Cut(string(p), "@")
	return wild(names, name) && (!both || wild(targets, target))
}

// wild matches text with a pattern of "*" and "?". It goes back to the last "*" only, so it takes no more steps than the
// product of the lengths.
func wild(pattern, text string) bool {
	star, from := -1, 0
	p := 0
	for t := 0; t < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
