package failover

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"time"
	"unique"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
)

// content is what the state file is to hold. It looks at one check at a time, so nothing waits for it.
func content(final bool) state.Content {
	runners := newestRunners()
	header := state.Header{Saved: time.Now(), Final: final, Serials: zone.SavedSerials()}
	header.Manual, header.LastManual = manuals.kept()
	return state.Content{
		Header: header,
		Sets: func(yield func(state.Set) bool) {
			for _, r := range runners {
				for set := range (zone.Block{Keys: r.key, Index: r.index}).Keep() {
					if !yield(set) {
						return
					}
				}
			}
		},
		Checks: func(yield func(state.Check) bool) {
			ids := newIdentities()
			var seen map[health.Definition]bool
			if len(runners) > 1 {
				seen = make(map[health.Definition]bool) // a check of several server blocks is one
			}
			for _, r := range runners {
				for i := range r.config.Checks {
					c := &r.config.Checks[i]
					if seen != nil {
						d := c.Definition()
						if seen[d] {
							continue
						}
						seen[d] = true
					}
					if record, ok := r.lease.Record(i); ok && !yield(ids.check(c, record)) {
						return
					}
				}
			}
		},
	}
}

// identities are how checks are known in the state file: by what they are, since a name can be given to something else.
type identities struct {
	definitions map[unique.Handle[probe.Spec]]string
	timings     map[health.Timing]string
}

func newIdentities() *identities {
	return &identities{
		definitions: make(map[unique.Handle[probe.Spec]]string), timings: make(map[health.Timing]string),
	}
}

// definition hashes all of a probe but its endpoint, which is told openly. A field of Spec that nobody uses makes no
// difference, so that a new version with more of them knows the checks of the one before.
func (ids *identities) definition(id probe.ID) string {
	common := id.Common()
	text, known := ids.definitions[common]
	if known {
		return text
	}
	h := sha256.New()
	spec := reflect.ValueOf(common.Value())
	for i := range spec.NumField() {
		if field := spec.Field(i); !field.IsZero() {
			fmt.Fprintf(h, "%s %q\n", spec.Type().Field(i).Name, fmt.Sprint(field.Interface()))
		}
	}
	text = hex.EncodeToString(h.Sum(nil)[:12])
	ids.definitions[common] = text
	return text
}

func (ids *identities) timing(t health.Timing) string {
	text, known := ids.timings[t]
	if !known {
		text = fmt.Sprintf("interval %s timeout %s fast %s fall %d/%d rise %d hold %s %s",
			t.Interval, t.Timeout, t.Fast, t.Fall, t.FallOf, t.Rise, t.Hold, t.HoldMax)
		ids.timings[t] = text
	}
	return text
}

func (ids *identities) check(c *corefile.Check, r health.Record) state.Check {
	return state.Check{
		Check: c.Probe.Target(), Definition: ids.definition(c.Probe), Timing: ids.timing(c.Timing),
		State: r.State.String(), Since: r.Since, Moved: r.Moved, Hold: state.Duration(r.Hold),
		Passed: r.Result.Outcome == probe.Pass, Reason: string(r.Result.Reason), Detail: r.Result.Detail,
		Took: state.Duration(r.Result.Duration), Probed: r.Probed,
	}
}

// records gives what is known of the checks of a configuration, as far as it can be trusted. What was known by another
// timing will do where nothing is by the same.
func records(saved []state.Check, blocks []block, now time.Time) map[health.Definition]health.Record {
	type key struct{ check, definition, timing string }
	found := make(map[key]*state.Check, 2*len(saved))
	for i := range saved {
		c := &saved[i]
		found[key{c.Check, c.Definition, c.Timing}] = c
		found[key{c.Check, c.Definition, ""}] = c
	}
	ids, known := newIdentities(), make(map[health.Definition]health.Record)
	for _, b := range blocks {
		for i := range b.handler.config.Checks {
			c := &b.handler.config.Checks[i]
			k := key{c.Probe.Target(), ids.definition(c.Probe), ids.timing(c.Timing)}
			one := found[k]
			if one == nil {
				k.timing = ""
				one = found[k]
			}
			if one == nil {
				continue
			}
			if r := recordOf(one); r.Trusted(c.Timing, now) {
				known[c.Definition()] = r
			}
		}
	}
	return known
}

func recordOf(c *state.Check) health.Record {
	r := health.Record{
		State: health.Healthy, Since: c.Since, Moved: c.Moved, Hold: time.Duration(c.Hold), Probed: c.Probed,
		Result: probe.Result{
			Outcome: probe.Fail, Reason: probe.Reason(c.Reason), Detail: c.Detail, Duration: time.Duration(c.Took),
		},
	}
	if c.State == health.Unhealthy.String() {
		r.State = health.Unhealthy
	}
	if c.Passed {
		r.Result.Outcome = probe.Pass
	}
	return r
}
