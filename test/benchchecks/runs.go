//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// who probes.
const (
	failover = "failover"
	gdnsd    = "gdnsd"
	bare     = "net/http"
)

// kinds of checks.
const (
	kindTCP  = bench.KindTCP
	kindHTTP = bench.KindHTTP
)

// run is one line of the table: who checks how many targets how often.
type run struct {
	who      string
	kind     string
	checks   int
	interval time.Duration
}

func (r run) String() string {
	return fmt.Sprintf("%s, %d %s checks at %v", r.who, r.checks, r.kind, r.interval)
}

// perSecond is how many probes there are to be.
func (r run) perSecond() float64 { return float64(r.checks) / r.interval.Seconds() }

// warmUp is how long a prober runs before it is measured: the first probes of all but the bare client come together or
// in another rhythm.
func (r run) warmUp() time.Duration {
	if r.who == bare {
		return 2 * time.Second
	}
	return min(r.interval, 10*time.Second) + time.Second
}

// measured is how long it is measured then: an interval at least, in which each target has its turn.
func (r run) measured(duration time.Duration) time.Duration { return max(duration, r.interval) }

// sideBySide is done in every round, so that what it compares ran within a minute of each other.
var sideBySide = []run{
	{failover, kindTCP, 10_000, 10 * time.Second},
	{gdnsd, kindTCP, 10_000, 10 * time.Second},
	{failover, kindHTTP, 10_000, 10 * time.Second},
	{bare, kindHTTP, 10_000, 10 * time.Second},
}

// large is done once. 10,000 probes a second may be more than one core can do; then the figures show how that goes, and
// the same number at a longer interval that it holds.
var large = []run{
	{failover, kindTCP, 100_000, 10 * time.Second},
	{failover, kindTCP, 100_000, 60 * time.Second},
	{failover, kindHTTP, 100_000, 10 * time.Second},
	{failover, kindHTTP, 100_000, 60 * time.Second},
}

// options are those of the command line.
type options struct {
	duration   time.Duration
	rounds     int
	single     *run // the only run, if not nil
	references bool
	insist     bool // on the metric of the worst lateness
	profiles   string
}

func parseOptions(args []string) (options, error) {
	var o options
	var r run
	set := flag.NewFlagSet("benchchecks", flag.ContinueOnError)
	set.DurationVar(&o.duration, "duration", 12*time.Second, "how long a run is measured; an interval at least")
	set.IntVar(&o.rounds, "rounds", 2, "how often the runs that are compared are done")
	set.StringVar(&r.kind, "kind", "", "make a single run: tcp or http")
	set.IntVar(&r.checks, "checks", 0, "make a single run: number of checks")
	set.DurationVar(&r.interval, "interval", 0, "make a single run: interval of the checks")
	set.BoolVar(&o.references, "references", false, "compare a single run with gdnsd or net/http")
	set.BoolVar(&o.insist, "lateness", true, "insist on the metric of the worst lateness, which old binaries lack")
	set.StringVar(&o.profiles, "profiles", "", "folder for CPU and heap profiles of failover, taken after the figures")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if o.duration < time.Second || o.rounds < 1 {
		return o, errors.New("-duration is 1s and -rounds 1 at least")
	}
	if r.checks < 0 || r.checks > bench.MaxTargets || r.interval < 0 {
		return o, fmt.Errorf("-checks and -interval are not negative, and -checks is %d at most", bench.MaxTargets)
	}
	if r == (run{}) {
		return o, nil
	}
	r.who = failover
	if r.kind == "" {
		r.kind = kindTCP
	}
	if r.kind != kindTCP && r.kind != kindHTTP {
		return o, fmt.Errorf("-kind is tcp or http, not %q", r.kind)
	}
	if r.checks == 0 {
		r.checks = 10_000
	}
	if r.interval == 0 {
		r.interval = 10 * time.Second
	}
	o.single = &r
	return o, nil
}

// runs is what to do, in order.
func (o options) runs() []run {
	var all []run
	if o.single == nil {
		for range o.rounds {
			all = append(all, sideBySide...)
		}
		return append(all, large...)
	}
	all = append(all, *o.single)
	if o.references {
		r := *o.single
		r.who = map[string]string{kindTCP: gdnsd, kindHTTP: bare}[r.kind]
		all = append(all, r)
	}
	return all
}
