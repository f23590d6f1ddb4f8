package test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/corefile-migration/migration"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// examples returns the Corefiles of the documentation, those that can be started, by where they are.
func examples(t *testing.T) map[string]string {
	t.Helper()
	return fences(t, "corefile")
}

// fragments returns the parts of the documentation that are whole server blocks but need more than this machine has, such
// as a cluster.
func fragments(t *testing.T) map[string]string {
	t.Helper()
	found := fences(t, "txt")
	maps.DeleteFunc(found, func(_, text string) bool { return !strings.HasPrefix(text, ".:53 {") })
	return found
}

// deployed returns the Corefiles of deploy/kubernetes by their names, with those that need a cluster or its addresses.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	root := "../deploy/kubernetes"
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "Corefile") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 4 {
		t.Errorf("Expected Corefiles in %s, found %d", root, len(found))
	}
	return found
}

// fences returns what README has between fences of the kind, with the example beside it.
func fences(t *testing.T, kind string) map[string]string {
	t.Helper()
	example, err := os.ReadFile("../Corefile.example")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	if kind == "corefile" {
		found["Corefile.example"] = string(example)
	}
	fence, began, body := "", 0, ""
	n := 0
	for line := range strings.Lines(string(readme)) {
		n++
		text := strings.TrimRight(line, "\n")
		switch {
		case fence != "" && text == fence:
			found[fmt.Sprintf("README.md:%d", began)] = body
			fence = ""
		case fence != "":
			body += line
		case text == "~~~ "+kind || text == "``` "+kind:
			fence, began, body = text[:3], n, ""
		}
	}
	if fence != "" {
		t.Fatalf("README.md:%d: expected the end of the example", began)
	}
	if len(found) < 3 {
		t.Errorf("Expected examples in README.md, found %d", len(found)-1)
	}
	return found
}

// TestReadmeSections wants the sections of a CoreDNS man page, in the order that CoreDNS wants them.
func TestReadmeSections(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rest := string(readme)
	for _, section := range []string{
		"Name", "Description", "Syntax", "Metrics", "Ready", "Examples", "See Also", "Bugs",
	} {
		_, after, is := strings.Cut(rest, "\n## "+section+"\n")
		if !is {
			t.Errorf("Expected the section %q, in the order of CoreDNS's plugins", section)
			continue
		}
		rest = after
	}
}

var (
	// keyPort is the port of a server block's key, listenPort that of a plugin that listens for itself.
	keyPort    = regexp.MustCompile(`(\S):(\d+)\b`)
	listenLine = regexp.MustCompile(`(?m)^(\s*(?:prometheus|ready|health|pprof))(?:[ \t]+[^\s{#]\S*)?([ \t]*\{?[ \t]*(?:#.*)?)$`)
	keyLine    = regexp.MustCompile(`(?m)^[^\s#(].*\{[ \t]*(?:#.*)?$`)
)

// onFreePorts rewrites an example so that it runs beside anything: each port of a server block becomes a free one, the
// first of them @DNS@, and what listens for itself does so where the system likes.
func onFreePorts(corefile string) string {
	names := map[string]string{}
	corefile = keyLine.ReplaceAllStringFunc(corefile, func(line string) string {
		if !keyPort.MatchString(line) {
			line = strings.Replace(line, " {", ":53 {", 1)
		}
		return keyPort.ReplaceAllStringFunc(line, func(key string) string {
			before, port, _ := strings.Cut(key, ":")
			if names[port] == "" {
				names[port] = []string{"@DNS@", "@DNS2@", "@DNS3@", "@DNS4@"}[len(names)]
			}
			return before + ":" + names[port]
		})
	})
	return listenLine.ReplaceAllString(corefile, "${1} 127.0.0.1:0${2}")
}

// TestExamplesStart starts each example as a server. Their targets are not there; that must not matter.
func TestExamplesStart(t *testing.T) {
	t.Parallel()
	all := examples(t)
	shipped := deployed(t)
	for _, name := range []string{"dedicated/Corefile", "stub-zones/Corefile"} {
		all[name] = shipped[name]
	}
	for name, corefile := range all {
		t.Run(name, func(t *testing.T) {
			s := harness.Start(t, onFreePorts(corefile))
			if lines := s.Log.Lines("[ERROR]"); len(lines) > 0 {
				t.Errorf("Expected no errors, got %q", lines)
			}
		})
	}
}

// TestExamplesSurviveMigration runs each example through what kubeadm runs Corefiles through on an upgrade.
func TestExamplesSurviveMigration(t *testing.T) {
	versions := migration.ValidVersions()
	from, to := versions[0], versions[len(versions)-1]
	if migration.ValidUpMigration(from, to) != nil {
		from, to = to, from
	}
	all := examples(t)
	others := fragments(t)
	if len(others) == 0 {
		t.Error("Expected an example for Kubernetes in README.md")
	}
	maps.Copy(all, others)
	maps.Copy(all, deployed(t))
	for name, corefile := range all {
		migrated, err := migration.Migrate(from, to, corefile, false)
		if err != nil {
			t.Errorf("%s: expected it to migrate from %s to %s, got error: %v", name, from, to, err)
			continue
		}
		before, after := stanzas(t, corefile), stanzas(t, migrated)
		if before != after || before == "" {
			t.Errorf("%s: expected the same tokens after migration, got\n%s\nfrom\n%s", name, after, before)
		}
	}
}

// stanzas returns the tokens of all stanzas of failover, a line of the Corefile a line; comments and white space are
// gone.
func stanzas(t *testing.T, corefile string) string {
	t.Helper()
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, block := range blocks {
		fmt.Fprintln(&text, block.Keys)
		last := -1
		for _, token := range block.Tokens["failover"] {
			if last >= 0 && token.Line != last {
				text.WriteString("\n")
			}
			last = token.Line
			text.WriteString(" " + strconv.Quote(token.Text))
		}
		text.WriteString("\n")
	}
	return text.String()
}

// TestOnFreePorts is about the test itself: an example that kept its ports would fail where these are taken.
func TestOnFreePorts(t *testing.T) {
	got := onFreePorts("example.org:1053 example.net:1053 {\n\tready\n\tprometheus 127.0.0.1:9153 # here\n" +
		"\tfailover {\n\t\tcheck web http://:8080/\n\t}\n}\n. {\n\thealth {\n\t\tlameduck 1s\n\t}\n}\n")
	want := "example.org:@DNS@ example.net:@DNS@ {\n\tready 127.0.0.1:0\n\tprometheus 127.0.0.1:0 # here\n" +
		"\tfailover {\n\t\tcheck web http://:8080/\n\t}\n}\n.:@DNS2@ {\n\thealth 127.0.0.1:0 {\n\t\tlameduck 1s\n\t}\n}\n"
	if got != want {
		t.Errorf("Expected\n%s\ngot\n%s", want, got)
	}
}
