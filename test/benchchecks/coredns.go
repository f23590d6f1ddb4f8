//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// timeout is the checks'.
const timeout = 4 * time.Second

// coredns is the server that is measured.
type coredns struct {
	*bench.Process
	prometheus string // its address
	pprof      bench.Pprof
}

// perSet is how many values a record set has, each with a check instance of its own.
const perSet = 2

// startCoreDNS runs the server, and returns when it has loaded its configuration. Without checks it has the same
// records: the difference is what checks need.
func (b *runner) startCoreDNS(ctx context.Context, r run, port int, checks bool) (*coredns, error) {
	dir, err := os.MkdirTemp(b.dir, "coredns")
	if err != nil {
		return nil, err
	}
	var ports [3]int
	for i := range ports {
		if ports[i], err = bench.FreePort(); err != nil {
			return nil, err
		}
	}
	c := &coredns{
		prometheus: "127.0.0.1:" + strconv.Itoa(ports[1]),
		pprof:      bench.Pprof("127.0.0.1:" + strconv.Itoa(ports[2])),
	}
	err = bench.WriteFile(filepath.Join(dir, "Corefile"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "example.org:%d {\n bind 127.0.0.1\n prometheus %s\n pprof %s\n failover {\n",
			ports[0], c.prometheus, c.pprof)
		check := ""
		if checks {
			check = " check t"
			fmt.Fprintf(w, "  check t %s://:%d interval %v timeout %v\n", r.kind, port, r.interval, min(timeout, r.interval))
		}
		for i := 0; i < r.checks; i += perSet {
			fmt.Fprintf(w, "  answer n%d", i)
			for j := i; j < min(i+perSet, r.checks); j++ {
				fmt.Fprint(w, " ", bench.Target(j))
			}
			fmt.Fprint(w, check, "\n")
		}
		fmt.Fprint(w, " }\n}\n")
	})
	if err != nil {
		return nil, err
	}
	c.Process, err = bench.Launch(ctx, b.measured, filepath.Join(dir, "log"), nil, b.binary, "-conf", "Corefile")
	if err != nil {
		return nil, err
	}
	if err := c.waitUp(ctx); err != nil {
		c.End()
		return nil, err
	}
	return c, nil
}

// waitUp returns when the last of what CoreDNS starts is there, which is after everything has been loaded.
func (c *coredns) waitUp(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := c.pprof.Goroutines(ctx); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server did not come up within a minute: %w", c.Ended())
		}
		if err := c.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// latenessMetric is the worst delay of a probe's start behind its time, in seconds, of the last minute.
const latenessMetric = "coredns_failover_probe_lateness_max_seconds"

// lateness asks for latenessMetric. It costs the server a collection of all its series.
func (c *coredns) lateness(ctx context.Context) (time.Duration, error) {
	body, err := bench.Get(ctx, "http://"+c.prometheus+"/metrics?name[]="+latenessMetric)
	if err != nil {
		return 0, err
	}
	seconds, err := bench.Value(string(body), latenessMetric+" ")
	return time.Duration(seconds * float64(time.Second)), err
}
