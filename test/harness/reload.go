package harness

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// SignalReload writes a Corefile, sends SIGUSR1 and waits for what comes of it.
func (s *Server) SignalReload(t *testing.T, corefile string, bad bool) {
	t.Helper()
	const done, failed = "Reloading complete", "[ERROR] SIGUSR1"
	before, failures := s.Log.Count(done, failed), s.Log.Count(failed)
	s.Write(t, "Corefile", s.Expand(t, corefile))
	s.Signal(t, syscall.SIGUSR1)
	Eventually(t, 20*time.Second, "the end of a reload", func() bool { return s.Log.Count(done, failed) > before })
	if got := s.Log.Count(failed) > failures; got != bad {
		t.Fatalf("Expected a reload to fail: %v, it did: %v", bad, got)
	}
}

var goroutineTotal = regexp.MustCompile(`goroutine profile: total (\d+)`)

// Usage returns how many goroutines and open files the server has; 0 files where that cannot be told.
func (s *Server) Usage(t *testing.T) (goroutines, files int) {
	t.Helper()
	_, page, err := s.Get(t, "@PPROF@", "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatalf("Expected the list of goroutines, got error: %v", err)
	}
	match := goroutineTotal.FindStringSubmatch(page)
	if match == nil {
		t.Fatalf("Expected the number of goroutines, got:\n%s", page)
	}
	goroutines, _ = strconv.Atoi(match[1])
	if runtime.GOOS == "linux" {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		files = len(entries)
	}
	return goroutines, files
}
