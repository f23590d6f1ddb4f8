package failover

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// directoryKept is how long the directory is kept when nobody asks any more.
const directoryKept = time.Minute

// listed is the directory of all that is configured, in order, for those who ask for it page by page. To make it for
// hundreds of thousands of checks takes a good part of a second, and to keep it megabytes; so it is made when somebody
// asks, and forgotten soon after.
var listed directoryCache

type directoryCache struct {
	mu      sync.Mutex
	runners []*runner // of which it is
	made    *directory
	forget  *time.Timer
}

// directory is everything that is configured. It is not changed any more.
type directory struct {
	checks []checkEntry // by id; where server blocks have the same check it is there for each
	sets   []setEntry   // by name and type
	// combined are the expressions of the checks that are not probed, by runner and leaf.
	combined map[leafOf][]*health.Expression

	counting sync.Mutex
	counts   map[health.Pattern]int // how many checks patterns are about
}

type leafOf struct {
	runner *runner
	leaf   int
}

type checkEntry struct {
	leafOf

	id string
}

// name and target are the parts of the id. Names have no "@".
func (e *checkEntry) name() string   { n, _, _ := strings.Cut(e.id, "@"); return n }
func (e *checkEntry) target() string { _, t, _ := strings.Cut(e.id, "@"); return t }

type setEntry struct {
	runner *runner
	set    *zone.Set
	key    string // name and types
}

// get gives the directory of the configuration that is answered by.
func (c *directoryCache) get() *directory {
	runners := newestRunners()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil || !slices.Equal(c.runners, runners) {
		c.runners, c.made = runners, newDirectory(runners)
	}
	if c.forget != nil {
		c.forget.Stop()
	}
	c.forget = time.AfterFunc(directoryKept, c.drop)
	return c.made
}

// drop forgets the directory, and what it holds on to.
func (c *directoryCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runners, c.made = nil, nil
	if c.forget != nil {
		c.forget.Stop()
		c.forget = nil
	}
}

func newDirectory(runners []*runner) *directory {
	d := &directory{combined: make(map[leafOf][]*health.Expression)}
	for _, r := range runners {
		for i := range r.config.Checks {
			c := &r.config.Checks[i]
			target := c.Probe.Target()
			for _, name := range c.Names {
				d.checks = append(d.checks, checkEntry{leafOf{r, i}, name + "@" + target})
			}
		}
		for i, name := range r.config.Combined {
			d.checks = append(d.checks, checkEntry{leafOf{r, len(r.config.Checks) + i}, name})
		}
		for s := range r.index.Sets() {
			d.sets = append(d.sets, setEntry{r, s, setName(s.Config)})
		}
		d.combine(r)
	}
	slices.SortStableFunc(d.checks, func(a, b checkEntry) int { return cmp.Compare(a.id, b.id) })
	slices.SortStableFunc(d.sets, func(a, b setEntry) int { return cmp.Compare(a.key, b.key) })
	return d
}

// combine finds the expressions of the checks that are not probed. A template is one for each of the values.
func (d *directory) combine(r *runner) {
	seen := make(map[*health.Expression]bool)
	eachExpression(r.config, func(e *health.Expression) {
		if int(e.Leaf) >= len(r.config.Checks) && !seen[e] {
			seen[e] = true
			key := leafOf{r, int(e.Leaf)}
			d.combined[key] = append(d.combined[key], e)
		}
	})
}

// eachExpression calls fn for every check of every record, and all below it, as often as they are there.
func eachExpression(config *corefile.Config, fn func(*health.Expression)) {
	var walk func(e *health.Expression)
	walk = func(e *health.Expression) {
		fn(e)
		if e.Combination != nil {
			for _, child := range e.Children {
				walk(child)
			}
		}
	}
	for _, z := range config.Zones {
		for _, s := range z.Sets {
			for _, record := range s.Records {
				if record.Alias != nil && record.Alias.Check != nil {
					walk(record.Alias.Check)
				}
				for f := range s.Types() {
					for _, e := range record.Checks(f) {
						walk(e)
					}
				}
			}
		}
	}
}

// typesOf names the types that a set answers: "A/AAAA" for one of addresses.
func typesOf(set *corefile.Set) string {
	types := make([]string, 0, 2)
	for _, t := range set.Types() {
		types = append(types, dns.Type(t).String())
	}
	return strings.Join(types, "/")
}

// setName is what a set is called: its name and types.
func setName(set *corefile.Set) string { return set.Name + " " + typesOf(set) }
