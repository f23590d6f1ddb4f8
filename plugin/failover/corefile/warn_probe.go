package corefile

import (
	"regexp"
	"strings"
)

// warnProbe warns of what a probe will not tell.
func (b *builder) warnProbe(c *check) {
	switch {
	case c.target.kind == onUDP && c.probe.Expect == "":
		b.warn(c.target.pos, "check %s: udp without expect notices nothing but a closed port", c.name)
	case c.target.kind == onExec:
		for _, argument := range strings.Split(c.probe.Command, "\x00")[1:] {
			if knobNamed(argument) != nil {
				b.warn(c.target.pos, "check %s: %s is an argument of the program here; words go on a line of their own",
					c.name, argument)
			}
		}
	case c.target.kind&onQuery != 0 && filters(c.probe.Query) && !c.says("insufficient"):
		b.warn(c.target.pos, "check %s: a comparison without bool gives no data, and not a false result, when it does not "+
			"hold; add bool, or say what no data means with insufficient", c.name)
	}
}

// says tells whether the check, or "check *" for it, has the word.
func (c *check) says(word string) bool {
	_, own := c.places[word]
	if own || c.defaults == nil {
		return own
	}
	_, by := c.defaults.places[word]
	return by
}

var (
	// promQuiet is what may hold the signs of a comparison and is none: texts, selectors and comments of PromQL.
	promQuiet = regexp.MustCompile("(?s)\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|#[^\n]*")
	// promBraces is applied when the texts, which may hold braces, are gone.
	promBraces = regexp.MustCompile(`\{[^}]*\}`)
	promBool   = regexp.MustCompile(`(==|!=|<=|>=|<|>)\s*bool\b`)
	promFilter = regexp.MustCompile(`==|!=|<|>`)
	// promElse supplies data where a comparison has filtered it out.
	promElse = regexp.MustCompile(`(?i)\bor\b`)
)

// filters tells whether a comparison of the PromQL query drops what it does not hold for. It does not need to be
// exact: all that hangs on it is a warning.
func filters(query string) bool {
	query = promQuiet.ReplaceAllString(query, " ")
	query = promBraces.ReplaceAllString(query, " ")
	query = promBool.ReplaceAllString(query, " ")
	return promFilter.MatchString(query) && !promElse.MatchString(query)
}
