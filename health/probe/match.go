package probe

import (
	"bytes"
	"regexp"
)

// maxBody is how much of a decoded body is looked at (statement H07; Route 53's number).
const maxBody = 5120

// matcher looks for a text or a regular expression.
type matcher struct {
	text []byte
	// pattern is nil if it could find nothing that the text alone does not.
	pattern *regexp.Regexp
}

// matchers are those in use.
var matchers shared[string, matcher]

// newMatcher gives what all checks with this text share. It fails if text is no regular expression of RE2's syntax.
func newMatcher(text string) (*matcher, error) {
	return matchers.get(text, func() (*matcher, error) { return compile(text) })
}

func compile(text string) (*matcher, error) {
	m := &matcher{text: []byte(text)}
	if regexp.QuoteMeta(text) == text {
		return m, nil
	}
	var err error
	m.pattern, err = regexp.Compile(text)
	return m, err
}

// match tells whether the text as it stands, or what it means as an expression, lies in the first maxBody bytes.
func (m *matcher) match(body []byte) bool {
	body = body[:min(len(body), maxBody)]
	return bytes.Contains(body, m.text) || m.pattern != nil && m.pattern.Match(body)
}
