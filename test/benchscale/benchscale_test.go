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

	"github.com/seed-a19ac2b6/failover/test/bench"
)

func TestMain(m *testing.M) {
	bench.Roles{}.Play()
	os.Exit(m.Run())
}

// TestRun makes two small runs. Nothing is said of the figures: it is there so that the program cannot rot.
func TestRun(t *testing.T) {
	if os.Getenv("COREDNS_BINARY") == "" {
		path := filepath.Join(t.TempDir(), "coredns")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/coredns")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("Building the server: %v\n%s", err, output)
		}
		t.Setenv("COREDNS_BINARY", path)
	}
	var out bytes.Buffer
	args := strings.Fields("-sets 20,50 -many 10 -changes 4 -settling 2s")
	if err := command(t.Context(), args, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, start := range []string{
		"| 20 | 40 (", "| 50 | 100 (", // it does not wait until all are known: an interval is longer than it has
		"| 50 sets: change of 10 sets to the first answer, in 95 % | ",
	} {
		if !strings.Contains("\n"+out.String(), "\n"+start) {
			t.Errorf("Expected a line that begins with %q in\n%s", start, &out)
		}
	}
}

func TestCommand_Refuses(t *testing.T) {
	t.Setenv("COREDNS_BINARY", filepath.Join(t.TempDir(), "coredns"))
	for _, tc := range []struct{ args, want string }{
		{"-sets many", "not a number of record sets"},
		{"-sets 1", "not a number of record sets"},
		{"-changes 1", "-changes 2 at least"},
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
	of := func(sets int, load, change time.Duration, resident float64) figures {
		f := figures{plan: plan{sets: sets, checked: sets, many: 10_000}, load: load, known: 1}
		f.perSet.resident = resident
		f.first.took = []time.Duration{change}
		f.last.cpu = change
		return f
	}
	got := map[string]string{}
	for _, j := range judge([]figures{
		of(1000, time.Second, 20*time.Millisecond, 9000),
		of(10_000, time.Second, 20*time.Millisecond, 6000),
		of(100_000, 12*time.Second, 60*time.Millisecond, 6200),
	}) {
		got[j.What] = j.Measured + " " + j.Verdict()
	}
	for what, want := range map[string]string{
		"10000 sets: load":  "1.0 s not judged",
		"100000 sets: load": "12.0 s MISSED",
		"100000 sets: resident a set with its two checks":             "6200 B MISSED",
		"10000 sets: change of 1 set to the first answer, in 95 %":    "20.0 ms met",
		"100000 sets: change of 1 set to the first answer, in 95 %":   "60.0 ms MISSED",
		"10000 sets, of 1000: load, a set":                            "",
		"100000 sets, of 10000: load, a set":                          "1.20x met",
		"100000 sets, of 10000: resident, a set":                      "1.03x met",
		"100000 sets, of 10000: CPU of a change of 10000 sets, a set": "3.00x MISSED",
	} {
		if got[what] != want {
			t.Errorf("Expected %q of %q, got %q", want, what, got[what])
		}
	}
}
