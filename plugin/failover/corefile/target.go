package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
)

// kind is a set of kinds of targets: of a target one bit, of a knob those it applies to.
type kind uint8

const (
	onHTTP kind = 1 << iota
	onHTTPS
	onTCP
	onTLS
	onCombined // all any atleast not manual

	onWeb    = onHTTP | onHTTPS
	onSecure = onHTTPS | onTLS
	onProbed = onWeb | onTCP | onTLS
)

// target is what a check looks at: an endpoint, or other checks.
type target struct {
	pos  Pos
	kind kind
	text string // for messages: "tcp://", or the word

	// Of an endpoint. No host: a template.
	scheme health.Scheme
	host   string
	port   uint16 // 0: the scheme's own, or that of the value
	path   string

	// Of other checks.
	children []string
	atLeast  int // 0 for "manual" and "not"
	not      bool
}

// isTarget tells whether a check line's word after the name is a target, and not a knob.
func isTarget(word string) bool {
	return strings.Contains(word, "://") || slices.Contains(targetWords, word) || slices.Contains(targetLater, word)
}

// readTarget reads the target that begins words and returns the words after it.
func readTarget(words []string) (*target, []string, error) {
	word := words[0]
	if strings.Contains(word, "://") {
		t, err := endpointTarget(word)
		return t, words[1:], err
	}
	if slices.Contains(targetLater, word) {
		return nil, nil, unknownWord(word, nil, targetLater)
	}
	end := 1
	for end < len(words) && knobNamed(words[end]) == nil && !slices.Contains(knobLater, words[end]) {
		end++
	}
	t, err := combinedTarget(word, words[1:end])
	return t, words[end:], err
}

// combinedTarget reads the words after all, any, atleast, not and manual.
func combinedTarget(word string, names []string) (*target, error) {
	t := &target{kind: onCombined, text: word}
	if word == "atleast" {
		if len(names) == 0 {
			return nil, errors.New("atleast takes a number and names of checks")
		}
		n, err := integer(names[0], 1, 1<<16)
		if err != nil {
			return nil, fmt.Errorf("atleast: %w", err)
		}
		t.atLeast, names = n, names[1:]
	}
	switch {
	case word == "manual" && len(names) > 0:
		return nil, fmt.Errorf("manual: %w", unknownWord(names[0], knobWords(), knobLater))
	case word == "manual":
		return t, nil
	case word == "not" && len(names) != 1:
		return nil, errors.New("not takes the name of one check")
	case len(names) == 0:
		return nil, fmt.Errorf("%s takes names of checks", word)
	}
	if name, twice := repeated(names); twice {
		return nil, fmt.Errorf("%s names the check %q twice", word, name)
	}
	for _, name := range names {
		if err := label("check", name); err != nil {
			return nil, err
		}
	}
	t.children = names
	switch word {
	case "all":
		t.atLeast = len(names)
	case "any":
		t.atLeast = 1
	case "not":
		t.atLeast, t.not = 1, true
	}
	// Statement C02.
	if t.atLeast > len(names) {
		return nil, fmt.Errorf("atleast %d of %d checks can never be", t.atLeast, len(names))
	}
	return t, nil
}

// endpointTarget reads SCHEME://[HOST][:PORT][/PATH[?QUERY]]. Errors repeat no more of the text than its scheme, since
// it may hold a password.
func endpointTarget(text string) (*target, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	if !slices.Contains(schemes, scheme) {
		return nil, fmt.Errorf("target %s://: %w", scheme, unknownWord(scheme, schemes, schemesLater))
	}
	t := &target{scheme: health.Scheme(scheme), text: scheme + "://"}
	t.kind = map[string]kind{"http": onHTTP, "https": onHTTPS, "tcp": onTCP, "tls": onTLS}[scheme]
	u, err := url.Parse(text)
	switch parseErr := (*url.Error)(nil); {
	case err != nil && strings.Contains(rest, "@"), err == nil && u.User != nil:
		return nil, fmt.Errorf("target %s: no user or password here; use the word header with Authorization", t.text)
	case errors.As(err, &parseErr):
		// The cause without the text, which url.Error carries in full.
		return nil, fmt.Errorf("target %s: %w", t.text, parseErr.Err)
	case err != nil:
		return nil, fmt.Errorf("target %s: not a URL", t.text)
	case strings.Contains(rest, "#"):
		return nil, fmt.Errorf("target %s: a fragment is never sent", t.text)
	case strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "["):
		return nil, fmt.Errorf("target %s: an IPv6 address stands in brackets", t.text)
	case strings.HasSuffix(u.Host, ":"):
		return nil, fmt.Errorf("target %s: a port is missing after the colon", t.text)
	}
	if port := u.Port(); port != "" {
		n, err := integer(port, 1, 65535)
		if err != nil {
			return nil, fmt.Errorf("target %s: port %w", t.text, err)
		}
		t.port = uint16(n) // #nosec G115 -- checked above
	}
	if t.host = u.Hostname(); t.host != "" {
		if t.host, err = hostName(t.host); err != nil {
			return nil, fmt.Errorf("target %s: %w", t.text, err)
		}
	}
	if t.kind&onWeb != 0 {
		t.path = u.RequestURI()
		return t, nil
	}
	if u.Path != "" || u.RawQuery != "" || u.ForceQuery {
		return nil, fmt.Errorf("target %s takes no path", t.text)
	}
	if t.host != "" && t.port == 0 {
		return nil, fmt.Errorf("target %s needs a port", t.text)
	}
	return t, nil
}

// defaultPort is the scheme's own port, 0 if it has none.
func (t *target) defaultPort() uint16 {
	switch t.scheme {
	case health.HTTP:
		return 80
	case health.HTTPS:
		return 443
	}
	return 0
}

// hostName reads an address, without brackets, or a host name, and returns it as health.Probe has it.
func hostName(text string) (string, error) {
	if strings.Contains(text, ":") {
		if _, err := netip.ParseAddr(text); err != nil {
			return "", fmt.Errorf("%q is neither an address nor a host name", text)
		}
		addr, err := parseAddr(text)
		return addr.String(), err
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.String(), nil
	}
	name := strings.TrimSuffix(strings.ToLower(text), ".")
	if !plain(name + ".") {
		return "", fmt.Errorf("%q is not a host name", text)
	}
	// An address with a slip in it would be looked up as a name for ever.
	if last := name[strings.LastIndexByte(name, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("%q is neither an address nor a host name", text)
	}
	return name, nil
}

// parseAddr reads an address of a record or an endpoint.
func parseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return addr, fmt.Errorf("%q is not an address", text)
	case addr.Zone() != "":
		return addr, fmt.Errorf("%q: an address with a zone means something on one machine only", text)
	case addr.Is4In6():
		return addr, fmt.Errorf("%q: write it as %s", text, addr.Unmap())
	}
	return addr, nil
}

// repeated returns the first word that is there twice.
func repeated(words []string) (string, bool) {
	seen := make(map[string]bool, len(words))
	for _, word := range words {
		if seen[word] {
			return word, true
		}
		seen[word] = true
	}
	return "", false
}
