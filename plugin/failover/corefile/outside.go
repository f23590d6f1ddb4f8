package corefile

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// Outside is a name outside the record sets of a server block that its addresses are taken from: the target of an alias
// (statement A08) or of a CNAME (D03). It is looked up through the rest of the server block.
type Outside struct {
	Name string // lower case, fully qualified; distinct in a Config
	// Leaf is the index in Config.Checks of the check that looks it up for an alias, NoLeaf for a name that only CNAMEs
	// lead to: the addresses of those are for the convenience of clients, and no health depends on them.
	Leaf int
	// Pos and Path are those of the first alias that leads there, Path with the names on the way.
	Pos  Pos
	Path string
}

// Check is the check that looks the name up; nil for one with NoLeaf.
func (o *Outside) Check() *health.Expression {
	if o.Leaf == NoLeaf {
		return nil
	}
	return &health.Expression{Leaf: int32(o.Leaf)}
}

// NoLeaf is the Leaf of an Outside without a check.
const NoLeaf = -1

// Via says through whose plugins an Outside is looked up: it is distinct among the server blocks of a Corefile, and for
// one that stays as it is the same over reloads.
func (c *Config) Via() string { return c.via }

// LookUpVia has the names outside be looked up through the plugins of that name. It is to be called before the checks run.
func (c *Config) LookUpVia(via string) {
	c.via = via
	for _, o := range c.Outside {
		if o.Leaf != NoLeaf {
			spec := probe.Spec{Scheme: probe.Lookup, Name: o.Name, Via: via}
			c.Checks[o.Leaf].Probe = spec.ID()
		}
	}
}

// RefuseOutside refuses aliases to names that nobody can be asked for, since no plugin comes after this one in the
// server block (statement A07).
func (c *Config) RefuseOutside() error {
	for _, o := range c.Outside {
		if o.Leaf != NoLeaf {
			return o.Pos.errorf("alias leads to no record set, and no plugin that could look the name up "+
				"comes after this one in the server block: %s", o.Path)
		}
	}
	return nil
}

// lookupTiming is how a name is looked up for aliases. An answer counts at once, since it is what others get; only
// failures are waited out.
var lookupTiming = health.Timing{
	Interval: 5 * time.Second, Timeout: 4 * time.Second, Fast: time.Second, Fall: DefaultFall, Rise: 1,
}

// lookedUp is the Outside of a name, which an alias at the end of path leads to.
func (b *builder) lookedUp(name string, pos Pos, path string) *Outside {
	if known := b.outside[name]; known != nil {
		return known
	}
	spec := probe.Spec{Scheme: probe.Lookup, Name: name, Via: b.config.via}
	o := &Outside{Name: name, Leaf: len(b.config.Checks), Pos: pos, Path: path}
	traits := &Traits{Timing: lookupTiming, Names: []string{"lookup " + name}}
	b.config.Checks = append(b.config.Checks, Check{Probe: spec.ID(), Traits: traits})
	b.places = append(b.places, pos)
	b.outside[name] = o
	b.config.Outside = append(b.config.Outside, o)
	return o
}

// aliasOutside resolves an alias to a name without record sets, for one family of the set at the end of path.
func (b *builder) aliasOutside(alias *Alias, pos *Pos, path []hop) error {
	last := path[len(path)-1]
	rrtype := last.st.set.Types()[last.family]
	way := pathOf(append(path, hop{name: alias.Name}))
	zone, ok := b.isOutside(alias.Name)
	switch {
	case !ok:
		return pos.errorf("alias leads to no record set, and the zone %s has no fallthrough for the name: %s", zone, way)
	case rrtype != dns.TypeA && rrtype != dns.TypeAAAA:
		return pos.errorf("alias leads to no record set, and of other names only addresses are looked up: %s", way)
	}
	alias.Outside = b.lookedUp(alias.Name, *pos, way)
	if rrtype == dns.TypeAAAA {
		alias.Family[last.family] = 1
	}
	known := &last.st.resolve[last.family]
	known.answers, known.checked = true, true
	known.records++
	known.depth = max(known.depth, 2)
	return nil
}

// isOutside tells whether questions for a name without record sets are left to other plugins: it is in none of the
// zones, or in one that falls through for it. If not, the zone is given.
func (b *builder) isOutside(name string) (zone string, ok bool) {
	zone, in := longest(name, func(zone string) bool { return b.zones[zone] != nil })
	if !in {
		return "", true
	}
	zs := b.zones[zone]
	zs.learnNames()
	return zone, !zs.exists[name] && zs.zone.Fall.Through(name)
}

// outsideCNAMEs finds the names elsewhere that CNAMEs lead to, and no alias does.
func (b *builder) outsideCNAMEs() {
	for _, z := range b.config.Zones {
		for _, set := range z.Sets {
			if set.Type != dns.TypeCNAME {
				continue
			}
			for _, record := range set.Records {
				b.outsideTargets(record)
			}
			if set.Fixed != nil {
				b.outsideTargets(set.Fixed)
			}
		}
	}
}

func (b *builder) outsideTargets(record *Record) {
	for _, rr := range record.Values(0) {
		cname, ok := rr.(*dns.CNAME)
		if !ok || cname.Target == "." || b.outside[cname.Target] != nil || len(b.lookup(cname.Target)) > 0 {
			continue
		}
		if _, outside := b.isOutside(cname.Target); outside {
			o := &Outside{Name: cname.Target, Leaf: NoLeaf}
			b.outside[o.Name] = o
			b.config.Outside = append(b.config.Outside, o)
		}
	}
}

// viaKey is under which a Corefile's server blocks are counted by their keys.
type viaKey struct{}

// viaOf tells server blocks apart: by their keys, and those with the same keys by their order, until LookUpVia.
func viaOf(c *caddy.Controller) string {
	keys := strings.Join(c.ServerBlockKeys, " ")
	counts, ok := c.Get(viaKey{}).(map[string]int)
	if !ok {
		counts = make(map[string]int)
		c.Set(viaKey{}, counts)
	}
	counts[keys]++
	if n := counts[keys]; n > 1 {
		return fmt.Sprintf("%s (%d)", keys, n)
	}
	return keys
}
