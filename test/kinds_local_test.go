package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// program writes a program that does as the file beside it says, and gives the paths of both.
func program(t *testing.T) (path, mood string) {
	t.Helper()
	dir := t.TempDir()
	path, mood = filepath.Join(dir, "lag"), filepath.Join(dir, "mood")
	// Arguments come as they are, and of the environment only what is documented.
	script := fmt.Sprintf(`#!/bin/sh
[ "$*" = "--max 30s interval" ] && [ -n "$FAILOVER_TIMEOUT" ] && [ -z "$SECRET" ] || exit 1
read code < %s
echo "lag 40s"
exit $code
`, mood)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	rewrite(t, mood, "0\n")
	return path, mood
}

// rewrite replaces a file by a rename, so that nobody reads half of it.
func rewrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestExec runs a program that passes and fails, and one that the stanza does not allow.
func TestExec(t *testing.T) {
	t.Setenv("SECRET", "for the server alone")
	path, mood := program(t)
	exit := func(code string) func(*testing.T, *harness.Server) {
		return func(t *testing.T, _ *harness.Server) { t.Helper(); rewrite(t, mood, code+"\n") }
	}
	k := kind{
		"lag", []string{"exec " + path + " --max 30s interval"},
		exit("1"), exit("0"), "exit", "exec: exit status 1: lag 40s",
	}
	s := harness.Start(t, harness.Zone(stanza(unhurried, []kind{k})))
	testKinds(t, s, []kind{k})

	refused := harness.Refused(t, harness.Zone("check lag exec "+path+"\nprimary www 192.0.2.1 check lag\nsecondary www 192.0.2.2"))
	if !strings.Contains(refused, "Corefile:5") || !strings.Contains(refused, "allow_exec") {
		t.Errorf("Expected the word that is missing, with file and line, got %s", refused)
	}
}

// TestC03_FileIsWatched changes a file in each way that there is. The interval is so long that only the watch can tell.
func TestC03_FileIsWatched(t *testing.T) {
	t.Parallel()
	ways := []struct {
		name  string
		path  string // in the directory of the server
		write func(t *testing.T, s *harness.Server, content string)
	}{
		{"inplace", "inplace", func(t *testing.T, s *harness.Server, content string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(s.Dir, "inplace"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"renamed", "renamed", func(t *testing.T, s *harness.Server, content string) {
			t.Helper()
			s.Write(t, "renamed", content)
		}},
		{"configmap", "config/eu", mount},
	}
	lines := ""
	for _, way := range ways {
		lines += fmt.Sprintf("check %[1]s file %[2]s interval 10s\nprimary %[1]s 192.0.2.1 check %[1]s\nsecondary %[1]s 198.51.100.1\n",
			way.name, way.path)
	}
	s := harness.Start(t, harness.Zone(lines))
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			way.write(t, s, "up\n")
			harness.Eventually(t, harness.Soon, "the settled TTL", func() bool {
				return s.TTL(t, way.name+".example.org.", dns.TypeA) == 60
			})
			const promised = time.Second
			late := 0
			for _, step := range []struct{ content, want string }{
				{"down db migration, back at 15:00\n", "198.51.100.1"}, {"up\n", "192.0.2.1"},
				{"DOWN\n", "198.51.100.1"}, {"up again\n", "192.0.2.1"},
			} {
				began := time.Now()
				way.write(t, s, step.content)
				s.AwaitA(t, 9*time.Second, way.name, step.want)
				if took := time.Since(began); took > promised {
					t.Logf("Late: %q was seen after %v", step.content, took)
					late++
				}
			}
			// Once it may be the machine that is busy.
			if late > 1 {
				t.Errorf("Expected the answer to move within %v, it was late %d times", promised, late)
			}
			if lines := s.Log.Lines("check "+way.name, "the file says down: db migration, back at 15:00 (down, 1 failure)"); len(lines) != 1 {
				t.Errorf("Expected one line with the operator's remark, got %q", lines)
			}
		})
	}
}

// mount replaces the directory config as Kubernetes does a mounted ConfigMap: its files are links into ..data, which is
// a link to a directory of this version.
func mount(t *testing.T, s *harness.Server, content string) {
	t.Helper()
	config := filepath.Join(s.Dir, "config")
	version := filepath.Join(config, fmt.Sprintf("..%d", time.Now().UnixNano()))
	if err := os.MkdirAll(version, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(version, "eu"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	old, _ := os.Readlink(filepath.Join(config, "..data"))
	if err := os.Symlink(filepath.Base(version), filepath.Join(config, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(config, "..data_tmp"), filepath.Join(config, "..data")); err != nil {
		t.Fatal(err)
	}
	if old == "" {
		if err := os.Symlink(filepath.Join("..data", "eu"), filepath.Join(config, "eu")); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.RemoveAll(filepath.Join(config, old)); err != nil {
		t.Fatal(err)
	}
}
