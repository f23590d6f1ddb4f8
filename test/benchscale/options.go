//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// options are those of the command line.
type options struct {
	sets     []int
	many     int
	toggles  int
	settling time.Duration
	profiles string
}

func parseOptions(args []string) (options, error) {
	o := options{sets: []int{1000, 10_000, 100_000, 1_000_000}}
	set := flag.NewFlagSet("benchscale", flag.ContinueOnError)
	set.Func("sets", "numbers of record sets, separated by commas (default 1000,10000,100000,1000000)", func(s string) error {
		o.sets = nil
		for field := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(field)
			if err != nil || n < 2 || n > bench.MaxTargets/perSet {
				return errors.New("not a number of record sets")
			}
			o.sets = append(o.sets, n)
		}
		return nil
	})
	set.IntVar(&o.many, "many", 10_000, "how many sets the larger of the two changes touches")
	set.IntVar(&o.toggles, "changes", 40, "how many changes are timed")
	set.DurationVar(&o.settling, "settling", 75*time.Second, "how long is waited for all checks to be known, at most")
	set.StringVar(&o.profiles, "profiles", "", "folder for heap profiles")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if o.many < 1 || o.toggles < 2 || o.settling < 0 {
		return o, errors.New("-many is 1 and -changes 2 at least, and -settling is not negative")
	}
	return o, nil
}
