package corefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/policy"
)

// longTTL is, in seconds, from where on a TTL delays a change noticeably.
const longTTL = 60

// finish resolves what reaches across stanzas, and warns.
func (b *builder) finish() (*Config, error) {
	if err := b.hidden(); err != nil {
		return nil, err
	}
	if err := b.resolveAliases(); err != nil {
		return nil, err
	}
	b.outsideCNAMEs()
	for _, s := range b.stanzas {
		b.warnStanza(s)
		for _, c := range s.byOrder {
			b.warnCheck(s, c)
		}
		for _, st := range s.sets {
			b.warnSet(st)
		}
	}
	b.sortWarnings()
	for i := range b.config.Checks {
		c := &b.config.Checks[i]
		if c.Probe.Scheme() == probe.ICMP {
			if err := b.files.ping(*c, b.places[i]); err != nil {
				return nil, err
			}
		}
	}
	b.addNames()
	b.config.Checks = slices.Clone(b.config.Checks) // without the room that appending leaves
	for _, e := range b.combined {
		e.Leaf += int32(len(b.config.Checks))
	}
	for _, z := range b.config.Zones {
		z.Sets = slices.Clone(z.Sets)
	}
	return b.config, nil
}

// addNames gives the checks that have several names all of them. Those with equal traits share them again.
func (b *builder) addNames() {
	type key struct {
		timing health.Timing
		names  string
	}
	shared := make(map[key]*Traits)
	for i, others := range b.names {
		c := &b.config.Checks[i]
		// Only now: a thousand names of one definition must not cost a million comparisons.
		list := slices.Compact(slices.Sorted(slices.Values(append(others, c.Names...))))
		k := key{c.Timing, strings.Join(list, " ")}
		if shared[k] == nil {
			shared[k] = &Traits{Timing: c.Timing, Names: list}
		}
		c.Traits = shared[k]
	}
}

// warn notes a warning once, however many zones a line holds for.
func (b *builder) warn(pos Pos, format string, args ...any) {
	w := Warning{Pos: pos, Text: fmt.Sprintf(format, args...)}
	if !b.warned[w] {
		b.warned[w] = true
		b.config.Warnings = append(b.config.Warnings, w)
	}
}

// sortWarnings puts them in the order of the lines, imported files after the first that was read.
func (b *builder) sortWarnings() {
	slices.SortStableFunc(b.config.Warnings, func(one, two Warning) int {
		if one.Pos.File != two.Pos.File {
			return b.fileOrder[one.Pos.File] - b.fileOrder[two.Pos.File]
		}
		return one.Pos.Line - two.Pos.Line
	})
}

func (b *builder) warnStanza(s *stanza) {
	if len(s.records) == 0 {
		b.warn(s.pos, "this stanza has no records")
	}
	for _, zone := range s.zones {
		if len(s.asked) > 0 && apart(zone, s.asked) {
			b.warn(s.pos, "the zone %s is outside of the server block, which is for %s: nobody is sent here with its names",
				zone, strings.Join(s.asked, ", "))
		}
	}
	for _, zone := range s.fall.Zones {
		if apart(zone, s.zones) {
			b.warn(s.places["fallthrough"], "fallthrough: %s is outside of the stanza's zones, so this has no effect", zone)
		}
	}
	b.warnKubeconfig(s)
}

func (b *builder) warnCheck(s *stanza, c *check) {
	if !c.used {
		b.warn(c.pos, "check %s is not used", c.name)
	}
	if c.target.kind == onCombined {
		return
	}
	if c.timing.Interval < c.timing.Timeout {
		b.warn(c.pos, "check %s: the interval %s is shorter than the timeout %s",
			c.name, short(c.timing.Interval), short(c.timing.Timeout))
	}
	b.warnProbe(c)
	host := c.target.probe.Host
	if host == "" {
		return
	}
	for _, st := range b.lookup(host + ".") {
		if st.stanza == s {
			b.warn(c.target.pos, "check %s: its host %s is a name that this stanza answers, by the outcome of checks",
				c.name, host)
		}
	}
}

func (b *builder) warnSet(st *setState) {
	set := st.set
	checked := false
	for family := range set.Types() {
		checked = checked || st.resolve[family].checked
	}
	if checked && set.TTL.Settled > longTTL {
		if pos, own := st.options["ttl"]; own {
			b.warn(pos, "the TTL of %s is %d s: resolvers may keep an answer that long after its record went unhealthy",
				set, set.TTL.Settled)
		} else {
			b.warn(st.stanza.places["ttl"],
				"a TTL of %d s, also for sets with checks: resolvers may keep an answer that long after its record went unhealthy",
				set.TTL.Settled)
		}
	}
	for i, record := range set.Records {
		r := st.lines[i]
		if set.Kind == policy.Failover && r.primary && !record.Checked && (record.Alias == nil || r.evaluateOff) {
			text := "the primary of %q has no check: it always answers"
			if len(set.Records) > 1 {
				text += ", and no secondary ever does"
			}
			b.warn(r.line.pos, text, r.name)
		}
		// The only record of a set is not chosen by its health.
		if record.Alias != nil && !r.evaluateOff && len(set.Records) > 1 {
			b.warnBranch(r, record)
		}
	}
}

// warnBranch warns of a branch that can never be unhealthy.
func (b *builder) warnBranch(r *recordLine, record *Record) {
	for family, target := range record.Alias.Target {
		if target == nil {
			continue
		}
		unchecked := b.stateOf(target).resolve[record.Alias.Family[family]].unchecked
		if unchecked != nil {
			b.warn(r.line.pos, "the alias %q leads to a record without a check on %s, so this branch is always healthy",
				r.alias, r.line.pos.other(*unchecked))
			return
		}
	}
}

// stateOf returns the builder's view of a set.
func (b *builder) stateOf(set *Set) *setState {
	sets := b.zones[set.Zone.Name].byName[set.Name]
	return sets[slices.IndexFunc(sets, func(st *setState) bool { return st.set == set })]
}
