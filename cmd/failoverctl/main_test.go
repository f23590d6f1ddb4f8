package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

func TestMain(m *testing.M) {
	time.Local = time.UTC // what is written has local times
	goleak.VerifyTestMain(m)
}

// buffer is one that a test reads while a command writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// call runs a command line and gives what it wrote.
func call(ctx context.Context, env map[string]string, out, errs *buffer, args ...string) int {
	return run(ctx, args, &world{
		out: out, errs: errs, env: func(name string) string { return env[name] },
		terminal: func(colour string) (*term.Terminal, error) {
			t, err := term.New(os.Stdin, os.Stdin, os.Stdin, colour)
			if err != nil {
				return nil, err
			}
			t.Out, t.Err, t.Live, t.Asks = out, errs, false, false
			return t, nil
		},
	})
}

func TestCommands(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		code       int
		requests   string // that change something
	}{
		{"status", "status", 0, ""},
		{"status-colour", "status --color always", 0, ""},
		{"status-limit", "status --limit 1", 0, ""},
		{"status-set", "status WWW.example.org", 0, ""},
		{"status-check", "status web", 0, ""},
		{"status-pattern", "status a*", 0, ""},
		{"status-json", "status www.example.org -o json", 0, ""},
		{"status-none", "status none.example.org", 1, ""},
		{"explain", "explain www.example.org", 0, ""},
		{"explain-assume", "explain www.example.org aaaa --client 192.0.2.9 --assume a@b=c=down --assume d=up", 0, ""},
		{"explain-json", "explain www.example.org -o json", 0, ""},
		{"explain-none", "explain none", 1, ""},
		{"explain-usage", "explain www.example.org --assume web=sideways", 2, ""},
		{"events", "events", 0, ""},
		{"events-since", "events --since 1h", 0, ""},
		{"events-after", "events --since 2", 0, ""},
		{"events-later", "events --since 9", 1, ""},
		{"events-json", "events --since 2 -o json", 0, ""},
		{"events-usage", "events --since yesterday", 2, ""},
		{"down", "down web --for 30m --reason maintenance", 0, "POST /v1/manual"},
		{"down-open", "down later --until-restored --reason moved", 0, "POST /v1/manual"},
		{"up-json", "up web --for 90m --reason r -o json", 0, "POST /v1/manual"},
		{"down-refused", "down refused --for 30m --reason r", 1, "POST /v1/manual"},
		{"down-no-reason", "down web --for 30m", 2, ""},
		{"down-no-end", "down web --reason r", 2, ""},
		{"down-both-ends", "down web --reason r --for 1m --until-restored", 2, ""},
		{"down-odd-end", "down web --reason r --for -1m", 2, ""},
		{"restore", "restore web@*", 0, "DELETE /v1/manual?author=ann&match=web%40%2A"},
		{"restore-id", "restore --id 4 -o json", 0, "DELETE /v1/manual/4?author=ann"},
		{"restore-none", "restore none", 1, "DELETE /v1/manual?author=ann&match=none"},
		{"restore-both", "restore web --id 4", 2, ""},
		{"failback", "failback www.example.org", 0, "POST /v1/failback"},
		{"failback-json", "failback www.example.org -o json", 0, "POST /v1/failback"},
		{"drill-unasked", "drill www.example.org", 2, ""},
		{"drill-dns", "drill www.example.org --yes --dns localhost", 2, ""},
		{"drill-hold", "drill www.example.org --yes --for 1m --hold 2m", 2, ""},
		{"misspelt", "statsu", 2, ""},
		{"flag", "status --nonesuch", 2, ""},
		{"output", "status -o yaml", 2, ""},
		{"colour", "status --color blue", 2, ""},
		{"nobody", "status --server http://127.0.0.1:1", 3, ""},
		{"server", "status --server localhost", 2, ""},
		{"token", "status --token-file /none", 2, ""},
		{"help", "--help", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			var out, errs buffer
			env := map[string]string{"FAILOVERCTL_SERVER": f.url, "FAILOVERCTL_AUTHOR": "ann"}
			if code := call(t.Context(), env, &out, &errs, strings.Fields(tc.line)...); code != tc.code {
				t.Errorf("Expected the exit code %d, got %d", tc.code, code)
			}
			if got := strings.Join(f.requests, "; "); got != tc.requests {
				t.Errorf("Expected the requests %q, got %q", tc.requests, got)
			}
			golden(t, tc.name, "$ failoverctl "+tc.line+"\n"+out.String()+errs.String())
		})
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("Expected (-update writes it anew)\n%s\ngot\n%s", want, got)
	}
}

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good": "example.org {\n    failover {\n        check web http://:80/ interval 2s timeout 1s\n        answer www 192.0.2.1 192.0.2.2 check web\n    }\n}\n",
		"odd":  "example.org {\n    failover {\n        primary www 192.0.2.1\n    }\n}\n",
		"bad":  "example.org {\n    failover {\n        primary www 192.0.2\n    }\n}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		line string
		code int
		want string
	}{
		{"check good", 0, "CHECK  INTERVAL  TIMEOUT  TARGET\nweb    2s        1s       http://192.0.2.1:80/\n" +
			"web    2s        1s       http://192.0.2.2:80/\n1 zone, 1 record set, 2 checks, 1 probe a second\n"},
		{"check good --strict", 0, "1 probe a second"},
		{"check odd", 0, `odd:3 - warning: the primary of "www" has no check`},
		{"check odd --strict", 5, "odd:3 - warning: "},
		{"check odd --strict -o json", 5, `"warnings": [`},
		{"check bad", 1, "bad:3 - \"192.0.2\" is not an address"},
		{"check bad --strict", 1, "bad:3 - "},
		{"check bad -o json", 1, `"line": 3`},
		{"check none", 1, "failoverctl: open none: no such file or directory"},
		{"check", 2, "accepts 1 arg"},
	} {
		var out, errs buffer
		code := call(t.Context(), nil, &out, &errs, strings.Fields(tc.line)...)
		if text := out.String() + errs.String(); code != tc.code || !strings.Contains(text, tc.want) {
			t.Errorf("%s: Expected the exit code %d and %q, got %d and\n%s", tc.line, tc.code, tc.want, code, text)
		}
	}
}

// TestMan wants a page for each command, with the exit codes.
func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	var out, errs buffer
	if code := call(t.Context(), nil, &out, &errs, "man", dir); code != 0 {
		t.Fatalf("Expected the exit code 0, got %d and %s", code, errs.String())
	}
	for page, want := range map[string]string{
		"failoverctl.1": "\n3    the server, or the name server of a drill, cannot be reached\n", "failoverctl-check.1": "--strict",
		"failoverctl-drill.1": "always restores", "failoverctl-completion-bash.1": "bash",
	} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: Expected %q, got error %v and\n%s", page, want, err, text)
		}
	}
}

func TestCompletion(t *testing.T) {
	f := newFake(t)
	env := map[string]string{"FAILOVERCTL_SERVER": f.url}
	for line, want := range map[string]string{
		"status w": "www.example.org.\nweb\n:4\n", "drill a": "api.example.org.\n:4\n", "down w": "web\n:4\n",
		"status --output ": "table\njson\n:4\n", "status www.example.org x": ":4\n",
	} {
		var out, errs buffer
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		if code := call(t.Context(), env, &out, &errs, args...); code != 0 || out.String() != want {
			t.Errorf("%q: Expected %q, got %q (exit code %d) and %s", line, want, out.String(), code, errs.String())
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var out, errs buffer
		if code := call(t.Context(), nil, &out, &errs, "completion", shell); code != 0 || !strings.Contains(out.String(), "failoverctl") {
			t.Errorf("%s: Expected a script, got exit code %d and %s", shell, code, errs.String())
		}
	}
}

// following runs a command that does not end by itself until the test has seen enough.
func following(t *testing.T, f *fake, args ...string) (out, errs *buffer, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, errs = new(buffer), new(buffer)
	code := make(chan int, 1)
	go func() { code <- call(ctx, map[string]string{"FAILOVERCTL_SERVER": f.url}, out, errs, args...) }()
	end = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { end() })
	return out, errs, end
}

func eventually(t *testing.T, b *buffer, pattern string) {
	t.Helper()
	is := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(10 * time.Second); !is.MatchString(b.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Expected %q, got\n%s", pattern, b)
		}
	}
}

// TestEventsFollow wants each event once, what was forgotten to be told, and a new server's events from the first.
func TestEventsFollow(t *testing.T) {
	f := newFake(t)
	out, errs, end := following(t, f, "events", "--follow", "--since", "2")
	eventually(t, out, `(?m)^2026-03-01 11:58:30.000      3  failover    www.example.org. went to us\n\z`)
	f.change(func() {
		f.events = append(f.events, api.Event{Seq: 4, At: noon, Kind: api.EventFailback, Text: "it went back"})
	})
	eventually(t, out, `     4  failback    it went back\n\z`)
	f.change(func() {
		f.events = append(f.events, api.Event{Seq: 9, At: noon, Kind: api.EventFailback, Text: "again"})
	})
	eventually(t, errs, `the server has forgotten the events 5 to 8\n`)
	eventually(t, out, `     9  failback    again\n\z`)
	f.change(func() {
		f.status.Started = noon
		f.events = []api.Event{{Seq: 1, At: noon, Kind: api.EventIsolated, Text: "a new one"}}
	})
	eventually(t, errs, `the server was started anew at 12:00:00\n`)
	eventually(t, out, `     1  isolated    a new one\n\z`)
	if code := end(); code != 0 {
		t.Errorf("Expected the exit code 0 after Ctrl-C, got %d", code)
	}
}

// TestStatusWatch wants the table anew at each change, and a line of JSON for programs.
func TestStatusWatch(t *testing.T) {
	f := newFake(t)
	out, _, end := following(t, f, "status", "--watch")
	lines, _, endLines := following(t, f, "status", "--watch", "-o", "json")
	eventually(t, out, "back to primary at 12:03:00")
	eventually(t, lines, `"active":"us"`)
	f.change(func() { f.sets[1].Active, f.sets[1].FailbackWaits, f.sets[1].FailbackAt = "primary", "", nil })
	eventually(t, out, "failover  unsettled")
	eventually(t, lines, `\n\{.*"active":"primary".*\}\n`)
	if code, other := end(), endLines(); code != 0 || other != 0 {
		t.Errorf("Expected the exit code 0 after Ctrl-C, got %d and %d", code, other)
	}
}
