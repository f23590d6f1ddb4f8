//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// perSet is how many records a set has, each with a check instance of its own.
const perSet = 2

// plan is a configuration: a number of failover sets, of which the first depends on one switch beside its checks, and
// the next ones on another.
type plan struct {
	sets    int
	checked int // sets with checks of their own
	many    int // sets that the larger switch touches
	// interval of the checks. It is how long the first round takes, up to where more than a thousand begin in a second.
	interval time.Duration
}

func (s plan) checks() int { return perSet * s.checked }

// A million sets are to be measured even where the memory does not do for their checks: then as many have checks as it
// does for. These are rough bounds of what a set takes while it is loaded.
const (
	needChecked   = 10 << 10
	needUnchecked = 4 << 10
)

func (b *runner) plan(sets int) (plan, error) {
	s := plan{sets: sets, checked: sets, many: min(b.many, sets-1), interval: time.Minute}
	if sets > 200_000 {
		s.interval = 10 * time.Minute // or one round would not be over when the next begins
	}
	free, err := available()
	if err != nil {
		return s, err
	}
	if missing := sets*needChecked - free*8/10; missing > 0 {
		s.checked = max(0, sets-missing/(needChecked-needUnchecked))
	}
	return s, nil
}

// available is the memory in bytes that processes can have yet.
func available() (int, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no MemAvailable")
}

// The switches are files, since those are what tells of a change at once; the time until a probe finds out is set by
// the operator. Each is written aside and moved to where it is watched.
const (
	switchOne  = "one"
	switchMany = "many"
)

func turn(dir, name string, up bool) error {
	word := "down\n"
	if up {
		word = "up\n"
	}
	aside := filepath.Join(dir, "aside")
	if err := os.WriteFile(aside, []byte(word), 0o600); err != nil {
		return err
	}
	return os.Rename(aside, filepath.Join(dir, "switches", name))
}

// write makes the Corefile and the switches.
func (s plan) write(dir string, endpoint int, c *server) error {
	if err := os.Mkdir(filepath.Join(dir, "switches"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{switchOne, switchMany} {
		if err := turn(dir, name, true); err != nil {
			return err
		}
	}
	return bench.WriteFile(filepath.Join(dir, "Corefile"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "example.org:%d {\n bind 127.0.0.1\n root %s/switches\n pprof %s\n failover {\n", c.port, dir, c.pprof)
		fmt.Fprintf(w, "  check t tcp://:%d interval %v\n", endpoint, s.interval)
		for _, name := range []string{switchOne, switchMany} {
			fmt.Fprintf(w, "  check %s file %s interval 1h\n", name, name)
		}
		for i := range s.sets {
			var own, other string
			if i < s.checked {
				own, other = " t", " check t"
			}
			switch {
			case i == 0:
				own += " " + switchOne
			case i <= s.many:
				own += " " + switchMany
			}
			if own != "" {
				own = " check" + own
			}
			fmt.Fprintf(w, "  primary s%d %s%s\n  secondary s%d %s%s\n",
				i, bench.Target(perSet*i), own, i, bench.Target(perSet*i+1), other)
		}
		fmt.Fprint(w, " }\n}\n")
	})
}
