//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mainField is the number of record sets at which all contestants run, unless there is but one number.
const mainField = 1000

// options are those of the command line.
type options struct {
	duration time.Duration
	rounds   int
	sets     []int
	who      []string // nil for all
	changes  bool
	profiles string
}

func parseOptions(args []string) (options, error) {
	o := options{sets: []int{1, mainField, 100_000}}
	set := flag.NewFlagSet("benchquery", flag.ContinueOnError)
	set.DurationVar(&o.duration, "duration", 1500*time.Millisecond, "how long a contestant is loaded in a round")
	set.IntVar(&o.rounds, "rounds", 4, "how often all contestants are loaded")
	set.BoolVar(&o.changes, "changes", true, "measure what health changes do to the answers, too")
	set.StringVar(&o.profiles, "profiles", "", "folder for CPU profiles of the plugins, taken after the figures")
	set.Func("sets", "numbers of record sets, separated by commas; 0 for none (default 1,1000,100000)", func(s string) error {
		o.sets = nil
		for field := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(field)
			if err != nil || n < 0 || n > 9_999_999 {
				return errors.New("not a number of record sets")
			}
			if n > 0 {
				o.sets = append(o.sets, n)
			}
		}
		return nil
	})
	set.Func("only", "contestants beside empty and failover, separated by commas (default all)", func(s string) error {
		o.who = append(strings.Split(s, ","), empty, failover)
		for _, who := range o.who {
			if !slices.ContainsFunc(field(1, true), func(c contestant) bool { return c.who == who }) {
				return fmt.Errorf("no contestant %q", who)
			}
		}
		return nil
	})
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if o.duration < 100*time.Millisecond || o.rounds < 1 {
		return o, errors.New("-duration is 100ms and -rounds 1 at least")
	}
	return o, nil
}

// field gives the contestants that are wanted.
func (o options) field(sets int) []contestant {
	return slices.DeleteFunc(field(sets, sets == mainField || len(o.sets) == 1), func(c contestant) bool {
		return o.who != nil && !slices.Contains(o.who, c.who)
	})
}
