//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

func TestMain(m *testing.M) {
	bench.Roles{}.Play()
	os.Exit(m.Run())
}

// TestRun makes a small run with all contestants that are installed. Nothing is said of the figures: it is there so
// that the program cannot rot.
func TestRun(t *testing.T) {
	if _, err := installed("dnsperf"); err != nil {
		t.Skip("There is no dnsperf (Debian package dnsperf)")
	}
	if os.Getenv("BENCH_BINARY") == "" {
		path := filepath.Join(t.TempDir(), "coredns")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./coredns")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("Building the server: %v\n%s", err, output)
		}
		t.Setenv("BENCH_BINARY", path)
	}
	var out bytes.Buffer
	if err := command(t.Context(), strings.Fields("-sets 3 -rounds 1 -duration 100ms"), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	wanted := []string{
		"| single, 3 sets: CPU, of empty's | 1.05x | ", "| 1000 a second | ",
		"| 1000 changes a second: answers that were wrong or lost | 0 | ",
	}
	for _, c := range field(3, true) {
		program := map[string]string{gdnsd: "gdnsd", powerDNS: "pdns_server"}[c.who]
		if _, err := installed(program); program != "" && errors.Is(err, errNotInstalled) {
			continue
		}
		who := c.who
		if c.prometheus {
			who += ", prometheus"
		}
		wanted = append(wanted, "| "+who+" | "+c.answers+" | 3 | ")
	}
	for _, start := range wanted {
		if !strings.Contains("\n"+out.String(), "\n"+start) {
			t.Errorf("Expected a line that begins with %q in\n%s", start, &out)
		}
	}
}

func TestCommand_Refuses(t *testing.T) {
	t.Setenv("BENCH_BINARY", filepath.Join(t.TempDir(), "coredns"))
	for _, tc := range []struct{ args, want string }{
		{"-sets many", "not a number of record sets"},
		{"-only bind", `no contestant "bind"`},
		{"-duration 1ms", "-duration is 100ms and"},
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
	of := func(who string, prometheus bool, cpu ...float64) figures {
		return figures{contestant: contestant{who, single, 7, prometheus}, cpu: cpu}
	}
	// The machine was slow in the second round: the ratios count.
	all := []figures{
		of(empty, false, 10, 20, 10), of(failover, false, 11, 21, 10.4), of(hosts, false, 10, 22, 11), of(gdnsd, false, 4, 4, 4),
		of(empty, true, 12), of(failover, true, 11), of(file, true, 30),
	}
	change := &changeFigures{changes: 1, quiet: flow{p99: []float64{100}}, changed: flow{p99: []float64{130}}, lost: 1}
	got := map[string]string{}
	for _, j := range judge(all, change) {
		got[j.What] = j.Limit + " " + j.Measured + " " + j.Verdict()
	}
	for what, want := range map[string]string{
		"single, 7 sets: CPU, of empty's":                             "1.05x 1.05x (11.00 us, 10.00 us) met",
		"single, 7 sets: CPU, of hosts's":                             "below 0.95x (11.00 us, 11.00 us) met",
		"single, 7 sets: CPU, of gdnsd's":                             "",
		"single with prometheus, 7 sets: CPU, of empty's":             "1.05x 0.92x (11.00 us, 12.00 us) met",
		"single with prometheus, 7 sets: CPU, of file's":              "below 0.37x (11.00 us, 30.00 us) met",
		"1000 changes a second: answers that were wrong or lost":      "0 0 wrong, 1 lost MISSED",
		"1000 changes a second: p99 at full load, of the quiet run's": "1.2x 1.30x (130 us, 100 us) MISSED",
	} {
		if got[what] != want {
			t.Errorf("Expected %q of %q, got %q", want, what, got[what])
		}
	}
}

func TestParsePerf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	said := `[Status] Sending queries (to 127.0.0.1:53)
> NOERROR s0000000.example.org A 0.000100
> NOERROR s0000001.example.org A 0.000300
> NOERROR s0000002.example.org A 0.000200
Statistics:

  Queries sent:         4
  Queries completed:    3 (75.00%)
  Queries lost:         1 (25.00%)

  Response codes:       NOERROR 3 (100.00%)
  Average packet size:  request 38, response 74
  Run time (s):         2.000364
  Queries per second:   171636.762109

  Average Latency (s):  0.000541 (min 0.000012, max 0.003197)
`
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(said)
	p, err := parsePerf(path)
	if err != nil || p.answered != 3 || p.lost != 1 || p.rate != 171636.762109 || p.p50.Microseconds() != 200 ||
		p.p99.Microseconds() != 300 {
		t.Errorf("Got %+v and error %v", p, err)
	}
	write(strings.Replace(said, "NOERROR 3", "NXDOMAIN 3", 1))
	if p, err := parsePerf(path); err == nil {
		t.Errorf("Expected an error where no answer is NOERROR, got %+v", p)
	}
	write("")
	if p, err := parsePerf(path); err == nil {
		t.Errorf("Expected an error where nothing is answered, got %+v", p)
	}
}
