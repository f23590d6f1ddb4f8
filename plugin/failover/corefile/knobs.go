package corefile

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
)

// settings are what the knobs of a check come to.
type settings struct {
	probe    health.Probe // of the target only what knobs say; headers are kept apart
	timing   health.Timing
	headers  map[string]string // canonical field name to value
	invert   bool
	disabled bool
}

// knob is one word of a check line.
type knob struct {
	word string
	most int  // how many values it takes; "tls" takes one to three, all others exactly that many
	fits kind // the targets it applies to
	set  func(s *settings, values []string) error
}

// aliases are second names of knobs.
var aliases = map[string]string{"tls_servername": "sni"}

var knobs = []knob{
	{"interval", 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Interval, err = duration(v[0], 10*time.Millisecond, 24*time.Hour)
		return err
	}},
	{"timeout", 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Timeout, err = duration(v[0], 10*time.Millisecond, time.Hour)
		return err
	}},
	{"fast", 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Fast, err = duration(v[0], 10*time.Millisecond, 24*time.Hour)
		return err
	}},
	{"fall", 1, onProbed, setFall},
	{"rise", 1, onProbed, func(s *settings, v []string) (err error) {
		s.timing.Rise, err = integer(v[0], 1, 64)
		return err
	}},
	{"source", 1, onProbed, func(s *settings, v []string) (err error) {
		s.probe.Source, err = parseAddr(v[0])
		return err
	}},
	{"status", 1, onWeb, func(s *settings, v []string) error {
		codes, err := health.ParseStatusCodes(v[0])
		s.probe.Status = codes.String()
		return err
	}},
	{"match", 1, onWeb, func(s *settings, v []string) error {
		if _, err := regexp.Compile(v[0]); err != nil {
			return fmt.Errorf("%q is not a regular expression: %w", v[0], err)
		}
		s.probe.Match = v[0]
		return nil
	}},
	{"method", 1, onWeb, func(s *settings, v []string) error {
		if !isToken(v[0]) {
			return fmt.Errorf("%q is not a method of HTTP", v[0])
		}
		s.probe.Method = v[0]
		return nil
	}},
	{"header", 2, onWeb, setHeader},
	{"host", 1, onWeb, func(s *settings, v []string) (err error) {
		s.probe.HostHeader, err = hostHeader(v[0])
		return err
	}},
	{"follow", 0, onWeb, func(s *settings, _ []string) error { s.probe.Follow = true; return nil }},
	{"sni", 1, onSecure, func(s *settings, v []string) (err error) {
		s.probe.ServerName, err = hostName(v[0])
		return err
	}},
	{"tls", 3, onSecure, setTLS},
	{"insecure", 0, onSecure, func(s *settings, _ []string) error { s.probe.Insecure = true; return nil }},
	{"invert", 0, onProbed | onCombined, func(s *settings, _ []string) error { s.invert = true; return nil }},
	{"disabled", 0, onProbed | onCombined, func(s *settings, _ []string) error { s.disabled = true; return nil }},
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

// knobWords are all names of knobs.
func knobWords() []string {
	words := slices.Collect(maps.Keys(aliases))
	for i := range knobs {
		words = append(words, knobs[i].word)
	}
	return words
}

// take returns the values of the knob, which begin words, and the words after them.
func (k *knob) take(words []string) (values, rest []string, err error) {
	n := min(k.most, len(words))
	if k.word == "tls" {
		for n = 0; n < min(k.most, len(words)) && knobNamed(words[n]) == nil; n++ {
		}
		if n == 0 {
			return nil, nil, errors.New("tls takes CA, or CERT KEY, or CERT KEY CA; without them there is nothing to say")
		}
	}
	if k.word != "tls" && n < k.most {
		return nil, nil, fmt.Errorf("%s takes %s", k.word, counted(k.most, "value"))
	}
	return words[:n], words[n:], nil
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

// setTLS takes files in the order of CoreDNS: CA; CERT KEY; CERT KEY CA.
func setTLS(s *settings, v []string) error {
	s.probe.CertFile, s.probe.KeyFile, s.probe.CAFile = "", "", ""
	if len(v) != 2 {
		s.probe.CAFile = v[len(v)-1]
	}
	if len(v) > 1 {
		s.probe.CertFile, s.probe.KeyFile = v[0], v[1]
	}
	return nil
}

func setHeader(s *settings, v []string) error {
	if !isToken(v[0]) {
		// Not repeated either: it may be the whole field, as HTTP writes it.
		return errors.New("what follows is not a field name; write header NAME VALUE")
	}
	// The value may be a secret and is not repeated.
	if strings.ContainsFunc(v[1], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("the value of %s has control characters", v[0])
	}
	name := textproto.CanonicalMIMEHeaderKey(v[0])
	switch name {
	case "Host":
		return errors.New("use the word host")
	case "Connection", "Content-Length", "Trailer", "Transfer-Encoding":
		return fmt.Errorf("%s is not for the configuration to say", name)
	}
	s.headers[name] = strings.TrimSpace(v[1])
	return nil
}

// hostHeader reads NAME[:PORT].
func hostHeader(text string) (string, error) {
	name, port, withPort := text, "", false
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		name, port, withPort = text[:i], text[i+1:], true
	}
	inner, bracketed := strings.CutPrefix(name, "[")
	if bracketed {
		inner = strings.TrimSuffix(inner, "]")
	}
	canonical, err := hostName(inner)
	if err != nil {
		return "", err
	}
	if is6 := strings.Contains(canonical, ":"); is6 != bracketed {
		return "", fmt.Errorf("%q: brackets go around an IPv6 address, and only there", text)
	} else if is6 {
		canonical = "[" + canonical + "]"
	}
	if withPort {
		n, err := integer(port, 1, 65535)
		if err != nil {
			return "", fmt.Errorf("port %w", err)
		}
		canonical += ":" + strconv.Itoa(n)
	}
	return canonical, nil
}

// isToken tells that text is a token of RFC 9110, section 5.6.2.
func isToken(text string) bool {
	for _, r := range text {
		if !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return text != ""
}

// sameFamily tells whether a probe from source can reach host, as far as that is known.
func sameFamily(source netip.Addr, host string) bool {
	addr, err := netip.ParseAddr(host)
	return err != nil || addr.Is4() == source.Is4()
}
