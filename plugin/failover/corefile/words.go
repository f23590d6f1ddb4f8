package corefile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The vocabulary: what the language has, and what it will have. A word of the second kind is refused with an error of
// its own, so that nobody looks for a spelling mistake.
var (
	stanzaWords = []string{
		"admin", "allow_exec", "answer", "cacheable", "canary", "check", "fallthrough", "kubeconfig", "ns", "primary", "secondary",
		"set", "soa", "state", "static", "ttl", "webhook", "weight",
	}
	stanzaLater = []string{
		"at", "continent", "country", "default", "latency", "net",
	}

	setWords = []string{"all_down", "failback", "max", "min", "ttl"}
	setLater = []string{"sticky", "trickle"}

	targetWords = []string{"all", "any", "atleast", "exec", "file", "heartbeat", "kubernetes", "manual", "not", "prometheus"}
	schemes     = slices.Collect(maps.Keys(schemeKinds))

	allDownWords = []string{"answer", "last", "next", "nodata", "refuse", "serve", "servfail"}
)

// reserved are the words that would make a check's name ambiguous on a line that lists names.
var reserved = slices.Concat(knobWords(everyKind), targetWords, []string{"check", "id"})

// unknownWord says that word is none of valid, and names the nearest of them or, with none near, all.
func unknownWord(word string, valid, later []string) error {
	if slices.Contains(later, word) {
		return fmt.Errorf("%q is not supported yet", word)
	}
	return fmt.Errorf("unknown word %q, %s", word, suggest(word, valid))
}

// suggest ends a sentence about a word that is not in valid.
func suggest(word string, valid []string) string {
	if near := nearest(word, valid); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	sorted := slices.Sorted(slices.Values(valid))
	return "the words here are " + strings.Join(sorted, " ")
}

// nearest returns the word of valid that word is most likely a misspelling of, or "".
func nearest(word string, valid []string) string {
	best, bestDistance := "", min(2, len(word)/2)+1
	for _, candidate := range slices.Sorted(slices.Values(valid)) {
		if d := distance(strings.ToLower(word), candidate, bestDistance); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best != "" || len(word) < 4 {
		return best
	}
	// Not near, but it may be cut short or continued wrongly.
	for _, candidate := range slices.Sorted(slices.Values(valid)) {
		if strings.HasPrefix(candidate, strings.ToLower(word[:4])) {
			if best != "" {
				return "" // two begin so
			}
			best = candidate
		}
	}
	return best
}

// distance is the number of letters to insert, delete, change or swap with their neighbour that turns a into b. It
// does not look further once it knows the result to be limit or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// label checks a name that the configuration gives to a check or a record. It becomes a metric label and part of log
// lines, hence the few letters.
func label(what, text string) error {
	const longest = 64
	if len(text) > longest {
		return fmt.Errorf("the %s %.16q... is longer than %d letters", what, text, longest)
	}
	for _, r := range text {
		if !isLetterOrDigit(r) && !strings.ContainsRune("._-", r) {
			return fmt.Errorf("the %s %q may have letters, digits and . _ - only", what, text)
		}
	}
	if text == "" {
		return errors.New("the " + what + " is empty")
	}
	return nil
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
