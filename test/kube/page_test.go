//go:build linux && kube

package kube

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestPage follows deploy/kubernetes/README.md from its first line to its last, as a newcomer at a terminal would: it
// runs each command in its order and compares what they say with what stands there. The API server is real, and so are
// both name servers and kubectl; what nobody is there for, nodes and their kubelets, is played by a village.
//
// With RUNBOOK_UPDATE=1 what the commands say is written into the file. Outputs with a line "..." stay as they are.
func TestPage(t *testing.T) {
	file := filepath.Join(shipped, "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := Lab(t)
	v := newVillage(t, p)
	r := reader{village: v, file: file, update: os.Getenv("RUNBOOK_UPDATE") != ""}
	out := r.read(t, strings.Split(string(text), "\n"))
	if r.ran < 30 {
		t.Errorf("Expected many commands, found %d", r.ran)
	}
	if result := strings.Join(out, "\n"); r.update && result != string(text) {
		if err := os.WriteFile(file, []byte(result), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// reader is who follows the page.
type reader struct {
	village *village
	file    string
	update  bool
	names   []string // of the shell's variables that have been set
	ran     int
}

// read runs the commands of the page and returns it as it has to be.
func (r *reader) read(t *testing.T, lines []string) (out []string) {
	t.Helper()
	for i := 0; i < len(lines); i++ {
		out = append(out, lines[i])
		kind, is := strings.CutPrefix(lines[i], "~~~ ")
		if !is {
			continue
		}
		start := i + 1
		for i++; i < len(lines) && lines[i] != "~~~"; i++ {
		}
		body := lines[start:i]
		switch kind {
		case "sh": // What it exports counts. The rest is not for a test: images are built and pushed elsewhere.
			for _, line := range body {
				if assignment.MatchString(line) {
					r.shell(t, line)
				}
			}
		case "console":
			body = r.console(t, start, body)
		}
		out = append(append(out, body...), "~~~")
	}
	return out
}

// console runs the commands of a block and returns the block as it has to be.
func (r *reader) console(t *testing.T, at int, body []string) (out []string) {
	t.Helper()
	for i := 0; i < len(body); {
		line, is := strings.CutPrefix(body[i], "$ ")
		if !is {
			t.Fatalf("%s:%d: Expected a command, found %q", r.file, at+i+1, body[i])
		}
		start := i + 1
		for i++; i < len(body) && !strings.HasPrefix(body[i], "$ "); i++ {
		}
		want := body[start:i]
		r.ran++
		got, code := r.shell(t, line)
		// What pods are asked may need a moment to be as it will be. A reader needs one too.
		for began := time.Now(); asking.MatchString(line) && time.Since(began) < harness.Soon; {
			if code == 0 && (r.update || alike(want, got)) && (!r.update || time.Since(began) > 2*time.Second) {
				break
			}
			got, code = r.shell(t, line)
		}
		if code != 0 {
			t.Fatalf("%s:%d: %s: Expected the exit code 0, got %d and\n%s", r.file, at+start, line, code, strings.Join(got, "\n"))
		}
		out = append(out, "$ "+line)
		switch {
		case alike(want, got) && (!r.update || slices.Contains(want, "...")):
			out = append(out, want...)
		case r.update:
			out = append(out, got...)
		default:
			t.Errorf("%s:%d: %s: Expected\n%s\ngot\n%s", r.file, at+start, line,
				strings.Join(want, "\n"), strings.Join(got, "\n"))
			out = append(out, want...)
		}
	}
	return out
}

var (
	asking     = regexp.MustCompile(` -- (dig|curl|failoverctl status)\b`)
	assignment = regexp.MustCompile(`^(?:export )?([A-Z]+)=`)
)

// shell runs a line, with the variables that lines before it have set, and returns what it says, as the page would have
// it. Then the village does what follows from it.
func (r *reader) shell(t *testing.T, line string) ([]string, int) {
	t.Helper()
	script := "exec 2>&1\n[ ! -f variables ] || . ./variables\n" + line + "\n"
	if m := assignment.FindStringSubmatch(line); m != nil {
		r.names = append(r.names, m[1])
		script += `code=$?; printf "%s='%s'\n" ` + m[1] + ` "$` + m[1] + `" >>variables; exit $code`
	}
	got := r.village.run(t, script)
	r.village.settle(t)
	said := strings.TrimRight(r.village.asOnThePage(got.Out), "\n")
	if said == "" {
		return nil, got.Code
	}
	return strings.Split(said, "\n"), got.Code
}

// passing is what differs from one run to the next.
var passing = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\b(\d+(\.\d+)?(h|ms|m|s))+\b`), "SPAN"},
	{regexp.MustCompile(`\b(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(\.\d+)?\b`), "TIME"},
	{regexp.MustCompile(`  +`), "  "},
}

// alike tells whether an output is that of the page, in which a line "..." stands for any lines that are left out.
func alike(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for i := range len(got) + 1 {
			if alike(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	mask := func(line string) string {
		for _, m := range passing {
			line = m.what.ReplaceAllString(line, m.by)
		}
		return strings.TrimSpace(line)
	}
	return len(got) > 0 && mask(want[0]) == mask(got[0]) && alike(want[1:], got[1:])
}

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		want, got string
		alike     bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", "a\nb", false},
		{"a\nb", "a", false},
		{"...\nc", "a\nb\nc", true},
		{"...\nc", "c", true},
		{"a\n...", "a", true},
		{"since 3.8s ago,  10.96.1.1", "since 1m4s ago, 10.96.1.1", false},
		{"since 3.8s ago,   10.96.1.1", "since 1m4s ago,  10.96.1.1", true},
		{"ends 08:26:28 (in 30m)", "ends 2026-11-23 00:11:09 (in 30m)", true},
		{"10.96.1.1", "10.96.1.2", false},
	} {
		if got := alike(strings.Split(c.want, "\n"), strings.Split(c.got, "\n")); got != c.alike {
			t.Errorf("%q, %q: Expected %v, got %v", c.want, c.got, c.alike, got)
		}
	}
}
