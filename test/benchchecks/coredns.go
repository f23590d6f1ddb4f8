//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// timeout is the checks'.
const timeout = 4 * time.Second

// coredns is the server that is measured.
type coredns struct {
	*process
	prometheus, pprof string // addresses
}

// perSet is how many values a record set has, each with a check instance of its own.
const perSet = 2

// startCoreDNS runs the server, and returns when it has loaded its configuration. Without checks it has the same
// records: the difference is what checks need.
func (b *bench) startCoreDNS(ctx context.Context, r run, port int, checks bool) (*coredns, error) {
	dir, err := os.MkdirTemp(b.dir, "coredns")
	if err != nil {
		return nil, err
	}
	var ports [3]int
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	c := &coredns{
		prometheus: "127.0.0.1:" + strconv.Itoa(ports[1]),
		pprof:      "127.0.0.1:" + strconv.Itoa(ports[2]),
	}
	err = writeFile(filepath.Join(dir, "Corefile"), func(w *bufio.Writer) {
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
				fmt.Fprint(w, " ", target(j))
			}
			fmt.Fprint(w, check, "\n")
		}
		fmt.Fprint(w, " }\n}\n")
	})
	if err != nil {
		return nil, err
	}
	c.process, err = launch(ctx, b.measured, filepath.Join(dir, "log"), nil, b.binary, "-conf", "Corefile")
	if err != nil {
		return nil, err
	}
	if err := c.waitUp(ctx); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// waitUp returns when the last of what CoreDNS starts is there, which is after everything has been loaded.
func (c *coredns) waitUp(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := c.goroutines(ctx); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server did not come up within a minute: %w", c.ended())
		}
		if err := c.pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// goroutines is how many there are. It is asked of pprof, which counts them at next to no cost, while the prometheus
// plugin would collect all series for it.
func (c *coredns) goroutines(ctx context.Context) (int, error) {
	body, err := get(ctx, "http://"+c.pprof+"/debug/pprof/goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	var n int
	if _, err := fmt.Sscanf(string(body), "goroutine profile: total %d", &n); err != nil {
		return 0, fmt.Errorf("the profile of goroutines: %w", err)
	}
	return n, nil
}

// heap is the live heap in bytes, after a collection.
func (c *coredns) heap(ctx context.Context) (float64, error) {
	body, err := get(ctx, "http://"+c.pprof+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, err
	}
	return value(string(body), "# HeapAlloc = ")
}

// latenessMetric is the worst delay of a probe's start behind its time, in seconds, of the last minute.
const latenessMetric = "coredns_failover_probe_lateness_max_seconds"

var errNoMetric = errors.New("is not there")

// lateness asks for latenessMetric. It costs the server a collection of all its series.
func (c *coredns) lateness(ctx context.Context) (time.Duration, error) {
	body, err := get(ctx, "http://"+c.prometheus+"/metrics?name[]="+latenessMetric)
	if err != nil {
		return 0, err
	}
	seconds, err := value(string(body), latenessMetric+" ")
	return time.Duration(seconds * float64(time.Second)), err
}

// value finds the number behind a name at the beginning of a line.
func value(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if number, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseFloat(strings.TrimSpace(number), 64)
		}
	}
	return 0, fmt.Errorf("%q %w", strings.TrimSpace(name), errNoMetric)
}

// profile writes a profile of pprof into a file.
func (c *coredns) profile(ctx context.Context, query, path string) error {
	body, err := get(ctx, "http://"+c.pprof+"/debug/pprof/"+query)
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o600)
}

// errNoAnswer is a question that the server did not answer in time.
var errNoAnswer = errors.New("no answer")

// get asks with a fresh connection, so that none stays open in the server between two questions. CoreDNS breaks off an
// answer that takes longer than 5 s.
func get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(address + ": " + response.Status)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: reading %s: %w", errNoAnswer, address, err)
	}
	return body, nil
}
