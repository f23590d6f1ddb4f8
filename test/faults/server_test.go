//go:build linux

package faults

import (
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// silent takes what net/http complains of when connections break, which here they are meant to.
var silent = log.New(io.Discard, "", 0)

// withMetrics is the plugin that all these servers have.
const withMetrics = "prometheus 127.0.0.1:@METRICS@"

// start runs a server with the stanza given.
func start(t *testing.T, stanza string) *harness.Server {
	t.Helper()
	return harness.Start(t, harness.Zone(stanza, withMetrics))
}

// healthy returns how many checks are.
func healthy(t *testing.T, s *harness.Server) int {
	t.Helper()
	n := 0
	for _, state := range s.Values(t, "coredns_failover_check_state") {
		if state == 1 {
			n++
		}
	}
	return n
}

// awaitHealthy waits until all of n checks are healthy.
func awaitHealthy(t *testing.T, s *harness.Server, n int) {
	t.Helper()
	// It is seconds, but for a server that gets the processor only when nobody else wants it.
	harness.Eventually(t, time.Minute, fmt.Sprintf("%d checks to be healthy", n), func() bool {
		return healthy(t, s) == n
	})
}

// fallen returns the lines of the log about checks that became unhealthy.
func fallen(s *harness.Server) []string { return s.Log.Lines("is unhealthy") }

// wantNoneFallen fails the test if a check ever was unhealthy.
func wantNoneFallen(t *testing.T, s *harness.Server) {
	t.Helper()
	if lines := fallen(s); len(lines) > 0 {
		t.Errorf("Expected no healthy target to be taken down, got %d, the first: %s", len(lines), lines[0])
	}
}

// probes returns how many probes ended so; the reason may be empty.
func probes(t *testing.T, s *harness.Server, outcome, reason string) float64 {
	t.Helper()
	labels := []string{"outcome", outcome}
	if reason != "" {
		labels = append(labels, "reason", reason)
	}
	return max(0, s.Metric(t, "coredns_failover_probes_total", labels...))
}

// during polls for a time and fails the test as soon as there is something wrong: for what must not happen.
func during(t *testing.T, d time.Duration, wrong func() string) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(d); time.Now().Before(deadline); <-poll.C {
		if message := wrong(); message != "" {
			t.Fatal(message)
		}
	}
}

// nothingFalls is for during.
func nothingFalls(s *harness.Server) func() string {
	return func() string {
		if lines := fallen(s); len(lines) > 0 {
			return fmt.Sprintf("Expected no healthy target to be taken down, got: %s", lines[0])
		}
		return ""
	}
}

// stalls watches how late a timer of this process is, and returns the worst so far. The machine makes the server as late,
// when others want it too; what the server adds is its own.
func stalls(t *testing.T) func() time.Duration {
	t.Helper()
	const tick = 5 * time.Millisecond
	var worst atomic.Int64
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	go func() {
		for {
			began := time.Now()
			select {
			case <-ended:
				return
			case <-time.After(tick):
				worst.Store(max(worst.Load(), int64(time.Since(began)-tick)))
			}
		}
	}()
	return func() time.Duration { return time.Duration(worst.Load()) }
}

// processorTime returns what the server has used so far, in user mode and in the kernel.
func processorTime(t *testing.T, s *harness.Server) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	// Fields 14 and 15, in ticks of 10 ms (USER_HZ, proc(5)); the second is in parentheses and may hold blanks.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		t.Fatalf("Expected the fields of proc(5), got: %s", stat)
	}
	ticks := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// limitFiles sets the soft limit of the server on open files and returns the one before.
func limitFiles(t *testing.T, s *harness.Server, n uint64) uint64 {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Prlimit(s.Cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(s.Cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: old.Max}, nil); err != nil {
		t.Fatal(err)
	}
	return old.Cur
}
