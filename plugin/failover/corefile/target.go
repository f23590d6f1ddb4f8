package corefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// kind is a set of kinds of targets: of a target one bit, of a knob those it applies to.
type kind uint16

const (
	onHTTP kind = 1 << iota
	onHTTPS
	onTCP
	onTLS
	onUDP
	onICMP
	onDNS
	onGRPC
	onGRPCS
	onExec
	onFile
	onHeartbeat
	onKubernetes
	onPrometheus        // over http
	onPrometheusSecured // over https
	onCombined          // all any atleast not manual

	onWeb    = onHTTP | onHTTPS
	onQuery  = onPrometheus | onPrometheusSecured
	onSecure = onHTTPS | onTLS | onGRPCS | onPrometheusSecured
	onStream = onTCP | onTLS | onUDP
	onNet    = onWeb | onStream | onICMP | onDNS | onGRPC | onGRPCS | onQuery
	onProbed = onNet | onExec | onFile | onHeartbeat | onKubernetes

	// onTold are those that somebody decides and tells: what is told is meant, and is no noise to wait out.
	onTold = onFile | onHeartbeat | onKubernetes
)

// target is what a check looks at: an endpoint, something on this machine, or other checks.
type target struct {
	pos  Pos
	kind kind
	text string // for messages: "tcp://", or the word

	// probe is what the target says of what is probed. On a kind of onNet no Host is a template, and Port 0 the
	// scheme's own or that of the value.
	probe probe.Spec

	// Of other checks.
	children []string
	atLeast  int // 0 for "manual" and "not"
	not      bool
}

// template tells whether the target lacks the host that it needs.
func (t *target) template() bool { return t.kind&onNet != 0 && t.probe.Host == "" }

// isTarget tells whether a check line's word after the name is a target, and not a knob.
func isTarget(word string) bool {
	return strings.Contains(word, "://") || slices.Contains(targetWords, word)
}

// readTarget reads the target that begins words and returns the words after it.
func readTarget(words []string) (*target, []string, error) {
	word := words[0]
	switch {
	case strings.Contains(word, "://"):
		t, err := endpointTarget(word)
		return t, words[1:], err
	case word == "exec":
		// All of the line is the command, so that an argument may be any word.
		t, err := execTarget(words[1:])
		return t, nil, err
	case word == "file":
		return fileTarget(words[1:])
	case word == "heartbeat":
		return heartbeatTarget(words[1:])
	case word == "kubernetes":
		return kubernetesTarget(words[1:])
	case word == "prometheus":
		return prometheusTarget(words[1:])
	}
	end := 1
	for end < len(words) && knobNamed(words[end]) == nil {
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
		return nil, fmt.Errorf("manual: %w", unknownKnob(names[0], onCombined))
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
