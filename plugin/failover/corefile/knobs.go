package corefile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
)

// settings are what the target and the knobs of a check come to.
type settings struct {
	probe          probe.Spec // fields of the header are kept apart
	timing         health.Timing
	headers        map[string]field // by canonical name
	startUnhealthy bool
	invert         bool
	disabled       bool
	tokenFile      string // as written
}

// knob is one word of a check line.
type knob struct {
	word        string
	least, most int  // how many values it takes
	fits        kind // the targets it applies to
	set         func(s *settings, values []string) error
}

// aliases are second names of knobs.
var aliases = map[string]string{"tls_servername": "sni"}

// commonMethods are taken for misspelt in small letters: the methods of HTTP know the difference, and servers refuse them.
var commonMethods = []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"}

var knobs = []knob{
	{"interval", 1, 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Interval, err = duration(v[0], 10*time.Millisecond, 24*time.Hour)
		return err
	}},
	{"timeout", 1, 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Timeout, err = duration(v[0], 10*time.Millisecond, time.Hour)
		return err
	}},
	{"fast", 1, 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Fast, err = duration(v[0], 10*time.Millisecond, 24*time.Hour)
		return err
	}},
	{"fall", 1, 1, onProbed, setFall},
	{"rise", 1, 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Rise, err = integer(v[0], 1, 64)
		return err
	}},
	{"hold", 1, 2, onProbed, setHold},
	{"start", 1, 1, onProbed, setStart},

	{"source", 1, 1, onNet, func(s *settings, v []string) (err error) {
		s.probe.Source, err = parseAddr(v[0])
		return err
	}},
	{"resolver", 1, maxResolvers, onNet, setResolver},

	{"status", 1, 1, onWeb, func(s *settings, v []string) error {
		codes, err := probe.ParseStatusCodes(v[0])
		s.probe.Status = codes.String()
		return err
	}},
	{"match", 1, 1, onWeb, func(s *settings, v []string) (err error) {
		s.probe.Match, err = pattern(v[0])
		return err
	}},
	{"method", 1, 1, onWeb, func(s *settings, v []string) error {
		if !isToken(v[0]) {
			return fmt.Errorf("%q is not a method of HTTP", v[0])
		}
		if upper := strings.ToUpper(v[0]); upper != v[0] && slices.Contains(commonMethods, upper) {
			return fmt.Errorf("methods have capital letters, did you mean %q?", upper)
		}
		s.probe.Method = v[0]
		return nil
	}},
	{"body", 1, 1, onWeb, func(s *settings, v []string) error { s.probe.Body = v[0]; return nil }},
	{"header", 2, 3, onWeb | onQuery, setHeader},
	{"host", 1, 1, onWeb | onQuery, func(s *settings, v []string) (err error) {
		s.probe.HostHeader, err = hostHeader(v[0])
		return err
	}},
	{"follow", 0, 16, onWeb, setFollow},
	{"http2", 0, 0, onWeb, func(s *settings, _ []string) error { s.probe.HTTP2 = true; return nil }},
	{"proxy", 1, 1, onWeb | onQuery, setProxy},

	{"sni", 1, 1, onSecure, func(s *settings, v []string) (err error) {
		s.probe.ServerName, err = hostName(v[0])
		return err
	}},
	{"tls", 1, 3, onSecure, setTLS},
	{"tls_min", 1, 1, onSecure, setMinTLS},
	{"expires", 1, 1, onSecure, func(s *settings, v []string) (err error) {
		s.probe.Expires, err = days(v[0], time.Second, 10*365*24*time.Hour)
		return err
	}},
	{"insecure", 0, 0, onSecure, func(s *settings, _ []string) error { s.probe.Insecure = true; return nil }},

	{"send", 1, 1, onStream, func(s *settings, v []string) (err error) {
		s.probe.Send, err = octets(v[0])
		return err
	}},
	{"expect", 1, 1, onStream | onDNS, func(s *settings, v []string) (err error) {
		s.probe.Expect, err = pattern(v[0])
		return err
	}},
	{"rcode", 1, 1, onDNS, setRcode},
	{"force_tcp", 0, 0, onDNS, func(s *settings, _ []string) error { s.probe.ForceTCP = true; return nil }},
	{"insufficient", 1, 1, onQuery, setInsufficient},

	{"token_file", 1, 1, onHeartbeat, func(s *settings, v []string) error {
		s.tokenFile = v[0]
		return pathLetters(v[0])
	}},

	{"invert", 0, 0, onProbed | onCombined, func(s *settings, _ []string) error { s.invert = true; return nil }},
	{"disabled", 0, 0, onProbed | onCombined, func(s *settings, _ []string) error { s.disabled = true; return nil }},
}

// knobNamed returns the knob that word is a name of, or nil.
func knobNamed(word string) *knob {
	if name, ok := aliases[word]; ok {
		word = name
	}
	for i := range knobs {
		if knobs[i].word == word {
			return &knobs[i]
		}
	}
	return nil
}

// knobWords are all names of knobs that apply to one of the kinds.
func knobWords(fitting kind) []string {
	var words []string
	for i := range knobs {
		if knobs[i].fits&fitting != 0 {
			words = append(words, knobs[i].word)
		}
	}
	for alias, word := range aliases {
		if slices.Contains(words, word) {
			words = append(words, alias)
		}
	}
	return words
}

// everyKind is all that a knob may apply to.
const everyKind = ^kind(0)

// unknownKnob says that word is no knob. A misspelt one is recognised also where it does not apply; otherwise the
// words that apply are told.
func unknownKnob(word string, fitting kind) error {
	if all := knobWords(everyKind); nearest(word, all) != "" {
		return unknownWord(word, all, nil)
	}
	return unknownWord(word, knobWords(fitting), nil)
}

// take returns the values of the knob, which begin words, and the words after them.
func (k *knob) take(words []string) (values, rest []string, err error) {
	n := min(k.least, len(words))
	for n < min(k.most, len(words)) && k.further(words[:n], words[n]) {
		n++
	}
	switch k.word {
	case "header":
		if err := lacksPath(words[:n]); err != nil {
			return nil, nil, err
		}
	case "tls":
		if n == 0 || knobNamed(words[0]) != nil {
			return nil, nil, fmt.Errorf("tls takes %s; without them there is nothing to say", takes["tls"])
		}
	}
	if n < k.least {
		what, special := takes[k.word]
		if !special {
			what = counted(k.least, "value")
		}
		return nil, nil, fmt.Errorf("%s takes %s", k.word, what)
	}
	return words[:n], words[n:], nil
}

// takes says what knobs take whose number of values varies.
var takes = map[string]string{
	"header":   "a name and a value, or a name, the word file and a path",
	"hold":     "a duration, and the longest that it may grow to",
	"resolver": "addresses of name servers, 8 at most",
	"tls":      "CA, or CERT KEY, or CERT KEY CA",
}

// further tells whether word is one more value of the knob, behind those that are there.
func (k *knob) further(values []string, word string) bool {
	if knobNamed(word) != nil {
		return false
	}
	switch k.word {
	case "header":
		return values[1] == "file"
	case "hold":
		// No duration begins otherwise; then it is a misspelt word.
		return word[0] >= '0' && word[0] <= '9'
	case "resolver":
		return strings.ContainsAny(word, ".:")
	case "follow":
		// A name alone may be a host, but hardly one that is nearly a word of the language.
		return strings.ContainsAny(word, ".:") || nearest(word, knobWords(everyKind)) == ""
	}
	return true
}

// counted writes a number with its noun.
func counted(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun
	case 1:
		return "one " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// pattern reads a text that may be a regular expression.
func pattern(text string) (string, error) {
	if _, err := regexp.Compile(text); err != nil {
		return "", fmt.Errorf("%q is not a regular expression: %w", text, err)
	}
	return text, nil
}

// setFall reads N or N/M (statement H03).
func setFall(s *settings, v []string) error {
	failures, window, windowed := strings.Cut(v[0], "/")
	n, err := integer(failures, 1, 64)
	if err != nil {
		return err
	}
	s.timing.Fall, s.timing.FallOf = n, 0
	if windowed {
		if s.timing.FallOf, err = integer(window, n, 64); err != nil {
			return err
		}
	}
	return nil
}

// setHold reads D [MAX] (statement H05).
func setHold(s *settings, v []string) error {
	const growth, longest = 16, 168 * time.Hour
	hold, err := duration(v[0], time.Millisecond, 24*time.Hour)
	if err != nil {
		return err
	}
	most := min(growth*hold, longest)
	if len(v) > 1 {
		if most, err = duration(v[1], hold, longest); err != nil {
			return err
		}
	}
	s.timing.Hold, s.timing.HoldMax = hold, most
	return nil
}

// setStart reads what a check counts as until it has decided for the first time.
func setStart(s *settings, v []string) error {
	states := []string{"healthy", "unhealthy"}
	if !slices.Contains(states, v[0]) {
		return unknownWord(v[0], states, nil)
	}
	s.startUnhealthy = v[0] == "unhealthy"
	return nil
}

// setInsufficient reads what no data means (statement C04).
func setInsufficient(s *settings, v []string) error {
	meanings := []string{"healthy", "last", "unhealthy"}
	if !slices.Contains(meanings, v[0]) {
		return unknownWord(v[0], meanings, nil)
	}
	s.probe.Insufficient = v[0]
	return nil
}

// inOrder are the names of the fields of a header, sorted.
func inOrder(headers map[string]field) []string { return slices.Sorted(maps.Keys(headers)) }
