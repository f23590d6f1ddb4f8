//go:build linux

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestF12_Starved takes the processor away from the server: its targets are well, and that it is late is its own doing.
func TestF12_Starved(t *testing.T) {
	const checks = 150
	plain, encrypted := serve(t, nil, false), serve(t, nil, true)
	stanza := fmt.Sprintf(`
		check * interval 1s timeout 500ms fast 500ms fall 2
		check on-http  http://:%d/
		check on-https https://:%d/ insecure
		%s %s`, plain.port, encrypted.port, loopbacks(checks, "on-http"), loopbacks(checks, "on-https"))
	d := 6 * time.Second
	if full {
		d = time.Minute
	}
	watch := func(t *testing.T, s *harness.Server) {
		t.Helper()
		used, began := processorTime(t, s), time.Now()
		during(t, d, nothingFalls(s))
		t.Logf("The server got %.1f %% of a processor", 100*(processorTime(t, s)-used).Seconds()/time.Since(began).Seconds())
	}

	// It has the time that nobody else wants, and others want all of it.
	t.Run("idle", func(t *testing.T) {
		s := harness.StartBy(t, []string{"chrt", "--idle", "0"}, harness.Zone(stanza, withMetrics))
		awaitHealthy(t, s, 2*checks)
		for range runtime.NumCPU() {
			// Nicer than this process, whose targets have to be quick.
			other := exec.Command("nice", "-n", "10", "/proc/self/exe")
			other.Env = append(os.Environ(), role+"=busy", "GOMAXPROCS=1")
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = other.Process.Kill()
				_ = other.Wait()
			})
		}
		watch(t, s)
	})

	// It is stopped for most of each period, as a control group with a quota is, which not every system lets us make.
	t.Run("throttled", func(t *testing.T) {
		s := start(t, stanza)
		awaitHealthy(t, s, 2*checks)
		ended, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			throttle(s.Cmd.Process, 15*time.Millisecond, 185*time.Millisecond, ended)
		}()
		defer func() { close(ended); <-done }()
		watch(t, s)
	})
}

// throttle lets a process run and stops it, in turn, and leaves it running in the end.
func throttle(p *os.Process, run, stop time.Duration, ended <-chan struct{}) {
	for {
		for _, phase := range []struct {
			signal syscall.Signal
			lasts  time.Duration
		}{{syscall.SIGSTOP, stop}, {syscall.SIGCONT, run}} {
			_ = p.Signal(phase.signal)
			select {
			case <-ended:
				_ = p.Signal(syscall.SIGCONT)
				return
			case <-time.After(phase.lasts):
			}
		}
	}
}

// TestF13_Stopped stops the process for longer than anything of a check lasts, as a suspended machine is.
func TestF13_Stopped(t *testing.T) {
	t.Parallel()
	d := 5 * time.Second
	if full {
		d = time.Minute
	}
	const checks = 50
	stop := func(t *testing.T, s *harness.Server) {
		t.Helper()
		s.Signal(t, syscall.SIGSTOP)
		t.Cleanup(func() { _ = s.Cmd.Process.Signal(syscall.SIGCONT) })
		during(t, d, func() string { return "" })
	}
	t.Run("targets well", func(t *testing.T) {
		t.Parallel()
		web := serve(t, nil, false)
		// Slow, so that it is stopped with many probes under way.
		web.pause.Store(int64(200 * time.Millisecond))
		s := start(t, fmt.Sprintf("check web http://:%d/ interval 1s timeout 400ms fast 1s fall 2\n%s",
			web.port, loopbacks(checks, "web")))
		awaitHealthy(t, s, checks)
		stop(t, s)
		seen := web.count()
		s.Signal(t, syscall.SIGCONT)
		during(t, 4*time.Second, nothingFalls(s))
		if got := web.count() - seen; got < 2*checks || got > 6*checks {
			t.Errorf("Expected probes to go on and none to be caught up, got %d of %d checks in 4s", got, checks)
		}
	})
	t.Run("network not back yet", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		web := serve(t, w, false)
		lines := fmt.Sprintf("check * interval 1s timeout 400ms fast 1s fall 4\ncheck web http://:%d/\n", web.port)
		for n := range 6 {
			lines += fmt.Sprintf("answer www %s check web\n", w.address(n*125))
		}
		// Something passes, and not on this machine: that everything fails would be held for a reason of its own.
		elsewhere := newWorld(t)
		lines += fmt.Sprintf("check other http://%s:%d/\nanswer other 192.0.2.1 check other",
			elsewhere.address(0), serve(t, elsewhere, false).port)
		s := start(t, lines)
		awaitHealthy(t, s, 7)
		// The first of them is one failure before its fall then, and the last no more than two.
		w.drop(t, w.prefix())
		harness.Eventually(t, harness.Soon, "three failures of a target", func() bool {
			return probes(t, s, "fail", "timeout") >= 2*6+1
		})
		stop(t, s)
		s.Signal(t, syscall.SIGCONT)
		during(t, 2*time.Second, nothingFalls(s))
		w.mend(t)
		during(t, 3*time.Second, nothingFalls(s))
	})
}
