//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	roles.Play()
	os.Exit(m.Run())
}

// TestRun makes a small run of each kind with its reference. Nothing is said of the figures: it is there so that the
// program cannot rot.
func TestRun(t *testing.T) {
	if os.Getenv("COREDNS_BINARY") == "" {
		path := filepath.Join(t.TempDir(), "coredns")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/coredns")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("Building the server: %v\n%s", err, output)
		}
		t.Setenv("COREDNS_BINARY", path)
	}
	for _, kind := range []string{kindTCP, kindHTTP} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			args := []string{"-kind", kind, "-checks", "200", "-interval", "2s", "-duration", "2s", "-references"}
			if err := command(t.Context(), args, &out); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(out.String(), "\n")
			for _, start := range []string{"| failover | 200 " + kind + " at 2s | ", "| CPU of a " + kind + " probe, of "} {
				found := false
				for _, line := range lines {
					found = found || strings.HasPrefix(line, start)
				}
				if !found {
					t.Errorf("Expected a line that begins with %q in\n%s", start, &out)
				}
			}
		})
	}
}

func TestCommand_Refuses(t *testing.T) {
	t.Setenv("COREDNS_BINARY", filepath.Join(t.TempDir(), "coredns"))
	for _, tc := range []struct{ args, want string }{
		{"-kind udp", `-kind is tcp or http, not "udp"`},
		{"-checks -1", "are not negative"},
		{"-duration 1ms", "-duration is 1s and"},
		{"now", `unexpected argument "now"`},
		{"", "the server to measure is missing"},
	} {
		err := command(t.Context(), strings.Fields(tc.args), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Expected an error with %q for %q, got %v", tc.want, tc.args, err)
		}
	}
}

func TestJudge(t *testing.T) {
	ours := figures{run: sideBySide[0], over: 10 * time.Second, cpu: time.Second, arrived: 10_000}
	ours.peak, ours.goroutines, ours.open = 150, 60, 5
	theirs := ours
	theirs.who, theirs.cpu = gdnsd, time.Second/2
	ours.perCheck.resident = 2000
	ours.lateness = time.Second / 20
	got := map[string]string{}
	for _, j := range judge([]figures{ours, theirs}) {
		got[j.What] = j.Measured + " " + j.Verdict()
	}
	for what, want := range map[string]string{
		"CPU of a tcp probe, of gdnsd's":                            "2.00x (100 us, 50 us) MISSED",
		"CPU of a http probe, of net/http's":                        "one of the two has not run not judged",
		"10000 tcp at 10s: resident":                                "2000 B MISSED",
		"10000 tcp at 10s: peak of 100 ms, of the mean":             "1.50x met",
		"10000 tcp at 10s: worst lateness, at up to 50 % of a core": "50.0 ms at 10 % met",
		"10000 tcp at 10s: goroutines beyond one a probe":           "55 MISSED",
	} {
		if got[what] != want {
			t.Errorf("Expected %q of %q, got %q", want, what, got[what])
		}
	}
}
