package corefile

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/corefile-migration/migration"
)

func TestValid(t *testing.T) {
	for name, text := range corpus(t, "valid") {
		t.Run(name, func(t *testing.T) {
			t.Chdir("testdata/valid")
			configs, err := parseText("Corefile", text)
			if err != nil {
				t.Fatal(err)
			}
			for _, config := range configs {
				soundConfig(t, config)
			}
		})
	}
}

// stanzaLines returns the words of all stanzas of a Corefile, line by line.
func stanzaLines(t *testing.T, text string) [][]string {
	t.Helper()
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for _, block := range blocks {
		lines = append(lines, block.Keys)
		d := caddyfile.NewDispenserTokens("Corefile", block.Tokens["failover"])
		for d.Next() {
			words := []string{d.Val()}
			for d.NextArg() {
				words = append(words, d.Val())
			}
			lines = append(lines, words)
		}
	}
	return lines
}

// kubeadm passes the cluster's Corefile through this on an upgrade; what it does not keep is lost.
func TestMigrationKeepsStanzas(t *testing.T) {
	versions := migration.ValidVersions()
	from, to := versions[0], versions[len(versions)-1]
	for name, text := range corpus(t, "valid") {
		t.Run(name, func(t *testing.T) {
			migrated, err := migration.Migrate(from, to, text, true)
			if err != nil {
				t.Fatal(err)
			}
			before, after := stanzaLines(t, text), stanzaLines(t, migrated)
			if !slices.EqualFunc(before, after, slices.Equal[[]string]) {
				t.Errorf("Migration from %s to %s changed the stanzas:\n%q\nbecame\n%q", from, to, before, after)
			}
		})
	}
}

// Every word of the language is in a valid file, so that none is refused by mistake.
func TestValidCoversTheLanguage(t *testing.T) {
	words := make(map[string]bool)
	for _, text := range corpus(t, "valid") {
		for _, line := range stanzaLines(t, text) {
			for _, word := range line {
				words[word] = true
			}
		}
	}
	all := slices.Concat(stanzaWords, setWords, targetWords, knobWords(everyKind), allDownWords,
		[]string{"alias", "evaluate", "off", "id", "auto", "manual"})
	for _, word := range all {
		if !words[word] {
			t.Errorf("The word %q is in no file of testdata/valid", word)
		}
	}
	for _, scheme := range schemes {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(words)), func(word string) bool {
			return strings.HasPrefix(word, scheme+"://")
		}) {
			t.Errorf("The target %s:// is in no file of testdata/valid", scheme)
		}
	}
}

// README is the manual: a word that is not in it does not exist for who writes a Corefile.
func TestReadmeHasTheLanguage(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	for _, scheme := range schemes {
		if !strings.Contains(readme, "| `"+scheme+"://") {
			t.Errorf("README.md has no row for the target %s://", scheme)
		}
	}
	for _, word := range slices.Concat(targetWords, knobWords(everyKind)) {
		if !strings.Contains(readme, "| `"+word) && !strings.Contains(readme, "(`"+word) {
			t.Errorf("README.md has no row for the word %q", word)
		}
	}
	for _, word := range stanzaWords {
		if !strings.Contains(readme, "\n    "+word+" ") && !strings.Contains(readme, "\n    "+word+"\n") {
			t.Errorf("README.md has no line for the word %q in its syntax", word)
		}
	}
	for _, word := range slices.Concat(stanzaLater, setLater) {
		_, later, _ := strings.Cut(readme, "### Not in this version")
		if later, _, _ = strings.Cut(later, "\n## "); !strings.Contains(later, "`"+word+"`") {
			t.Errorf("README.md does not say that %q is not in this version", word)
		}
	}
}
