//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// perf is what a run of dnsperf says.
type perf struct {
	answered, lost, failed float64 // failed is answers with another code than NOERROR
	rate                   float64
	p50, p99               time.Duration // of a run that reports each answer
}

// outstanding is how many questions dnsperf has open at a time: enough that the server never waits, and few enough that
// none is lost in its queue.
const outstanding = 100

// load runs dnsperf against a server. With a rate it asks only as often, and measures how long the answers take.
func (b *runner) load(ctx context.Context, questions string, port int, lasts time.Duration, rate int) (perf, error) {
	path, err := installed("dnsperf")
	if err != nil {
		return perf{}, err
	}
	args := []string{
		"-s", "127.0.0.1", "-p", strconv.Itoa(port), "-d", questions, "-c", "8", "-T", "1", "-q", strconv.Itoa(outstanding),
		"-l", strconv.FormatFloat(lasts.Seconds(), 'f', 3, 64), "-t", "1",
	}
	if rate > 0 {
		args = append(args, "-Q", strconv.Itoa(rate), "-v")
	}
	log := filepath.Join(b.dir, "dnsperf.log")
	p, err := bench.Launch(ctx, b.serving, log, nil, path, args...)
	if err != nil {
		return perf{}, err
	}
	defer p.End()
	if err := p.Wait(ctx); err != nil {
		return perf{}, err
	}
	return parsePerf(log)
}

// statistic is a line of the summary, and each a line for an answer.
var (
	statistic = regexp.MustCompile(`^  ([A-Z][a-z ]+)(?: \(s\))?: +(?:NOERROR )?([0-9.]+)`)
	each      = regexp.MustCompile(`^> (\S+) \S+ \S+ ([0-9.]+)$`)
)

func parsePerf(path string) (perf, error) {
	file, err := os.Open(path)
	if err != nil {
		return perf{}, err
	}
	defer file.Close()
	var (
		p     perf
		times []time.Duration
		good  float64
	)
	values := map[string]*float64{
		"Queries completed": &p.answered, "Queries lost": &p.lost, "Queries per second": &p.rate, "Response codes": &good,
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if m := each.FindStringSubmatch(lines.Text()); m != nil {
			seconds, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				return p, err
			}
			times = append(times, time.Duration(seconds*float64(time.Second)))
			continue
		}
		if m := statistic.FindStringSubmatch(lines.Text()); m != nil && values[strings.TrimSpace(m[1])] != nil {
			if *values[strings.TrimSpace(m[1])], err = strconv.ParseFloat(m[2], 64); err != nil {
				return p, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return p, err
	}
	if p.answered == 0 {
		return p, errors.New("dnsperf got no answer")
	}
	if p.failed = p.answered - good; p.failed > 0 {
		return p, fmt.Errorf("%.0f of %.0f answers are not NOERROR", p.failed, p.answered)
	}
	slices.Sort(times)
	p.p50, p.p99 = quantile(times, 0.5), quantile(times, 0.99)
	return p, nil
}

func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
