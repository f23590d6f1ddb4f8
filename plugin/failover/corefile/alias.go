package corefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// resolution is what is known of one family of a set once its aliases have been followed to their ends.
type resolution struct {
	visit     visit
	answers   bool // some record has a value or leads to one
	checked   bool // some check is in the tree
	unchecked *Pos // a record in the tree that is always healthy
	records   int  // in the tree, each as often as ways lead to it
	depth     int  // of the tree; 1 without an alias
}

// The size of a tree is bounded, since every set keeps ready answers for all that its aliases lead to.
const (
	maxTreeRecords = 10_000
	maxTreeDepth   = 32
)

// hop is one step along a path of aliases.
type hop struct {
	name   string // as the alias has it
	st     *setState
	family int
}

// resolveAliases points every alias at its record sets and refuses loops and dead ends (statement A07).
func (b *builder) resolveAliases() error {
	for _, s := range b.stanzas {
		for _, st := range s.sets {
			for family := range st.set.Types() {
				if err := b.follow([]hop{{st.set.Name, st, family}}); err != nil {
					return err
				}
			}
		}
	}
	for _, s := range b.stanzas {
		for _, st := range s.sets {
			for i, record := range st.set.Records {
				if a := record.Alias; a != nil && a.Target == [policy.Families]*Set{} && a.Outside == nil {
					return st.lines[i].line.pos.errorf("alias leads to no answer of type %s: %s -> %s",
						typesOf(st.set), st.set.Name, a.Name)
				}
			}
		}
	}
	return nil
}

// follow resolves the last hop of path. Loops are judged for each type by itself: A of a name may lead to A of
// another whose AAAA leads back.
func (b *builder) follow(path []hop) error {
	last := path[len(path)-1]
	st, family := last.st, last.family
	known := &st.resolve[family]
	if known.visit == visited {
		return nil
	}
	known.visit, known.depth = underway, 1
	for i, record := range st.set.Records {
		pos := &st.lines[i].line.pos
		if record.Alias != nil {
			if err := b.followAlias(record, pos, path); err != nil {
				return err
			}
			continue
		}
		if len(record.Values(family)) > 0 {
			known.answers = true
			known.records++
			known.checked = known.checked || record.Checked
			if !record.Checked && known.unchecked == nil {
				known.unchecked = pos
			}
		}
	}
	known.visit = visited
	return nil
}

// followAlias resolves one alias record, which stands at pos, of the last hop of path.
func (b *builder) followAlias(record *Record, pos *Pos, path []hop) error {
	last := path[len(path)-1]
	known := &last.st.resolve[last.family]
	alias := record.Alias
	known.checked = known.checked || record.Checked
	sets := b.lookup(alias.Name)
	if len(sets) == 0 {
		return b.aliasOutside(alias, pos, path)
	}
	next, family, err := answering(sets, last.st.set.Types()[last.family])
	if err != nil {
		return pos.errorf("alias %w: %s", err, pathOf(append(path, hop{name: alias.Name})))
	}
	if next == nil {
		return nil
	}
	here := hop{alias.Name, next, family}
	if next.resolve[family].visit == underway {
		from := slices.IndexFunc(path, func(h hop) bool { return h.st == next && h.family == family })
		return pos.errorf("aliases in a loop: %s", pathOf(append(path[from:], here)))
	}
	if err := b.follow(append(path, here)); err != nil {
		return err
	}
	found := next.resolve[family]
	if !found.answers {
		return nil
	}
	known.records += found.records
	known.depth = max(known.depth, found.depth+1)
	if known.records > maxTreeRecords {
		return pos.errorf("the aliases of %s lead to more than %d records", last.st.set, maxTreeRecords)
	}
	if known.depth > maxTreeDepth {
		return pos.errorf("the aliases of %s are more than %d deep", last.st.set, maxTreeDepth)
	}
	alias.Target[last.family], alias.Family[last.family] = next.set, family
	known.answers = true
	known.checked = known.checked || found.checked
	if alias.EvaluateOff {
		found.unchecked = pos
	}
	if known.unchecked == nil {
		known.unchecked = found.unchecked
	}
	return nil
}

// pathOf writes the names of a path, with the wildcard that a name is covered by.
func pathOf(path []hop) string {
	names := make([]string, 0, len(path))
	for _, h := range path {
		name := h.name
		if h.st != nil && h.st.set.Name != name {
			name += " (" + h.st.set.Name + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, " -> ")
}

// answering returns which of the sets of a name answers the type, and as which family; none if they are of other types.
func answering(sets []*setState, rrtype uint16) (*setState, int, error) {
	for _, st := range sets {
		for family, answered := range st.set.Types() {
			if answered == rrtype {
				return st, family, nil
			}
		}
	}
	if sets[0].set.Type == dns.TypeCNAME {
		return nil, 0, errors.New("leads to a CNAME, which has no answer of its own; name its target")
	}
	return nil, 0, nil
}

// lookup returns the sets that answer for a name: its own, or those of the wildcard that covers it (RFC 4592).
func (b *builder) lookup(fqdn string) []*setState {
	zone, ok := longest(fqdn, func(name string) bool { return b.zones[name] != nil })
	if !ok {
		return nil
	}
	zs := b.zones[zone]
	if sets := zs.byName[fqdn]; len(sets) > 0 {
		return sets
	}
	zs.learnNames()
	if zs.exists[fqdn] {
		return nil
	}
	encloser, _ := longest(fqdn, func(name string) bool { return zs.exists[name] })
	return zs.byName[under("*", encloser)]
}

// learnNames finds all names that exist in the zone, those in between without records too.
func (zs *zoneState) learnNames() {
	if zs.exists != nil {
		return
	}
	zs.exists = map[string]bool{zs.zone.Name: true}
	for name := range zs.byName {
		// Stops at the first ancestor that is known; those above it are known as well.
		longest(name, func(name string) bool {
			known := zs.exists[name]
			zs.exists[name] = true
			return known
		})
	}
}

// typesOf names the types that a set answers.
func typesOf(set *Set) string {
	names := make([]string, 0, len(set.Types()))
	for _, rrtype := range set.Types() {
		names = append(names, typeName(rrtype))
	}
	return strings.Join(names, " or ")
}

// hidden refuses sets that no query would reach, since a zone of the server block below theirs holds their name.
func (b *builder) hidden() error {
	if len(b.zones) < 2 {
		return nil
	}
	for _, s := range b.stanzas {
		for _, st := range s.sets {
			set := st.set
			zone, _ := longest(set.Name, func(name string) bool { return b.zones[name] != nil })
			if zone != set.Zone.Name {
				return st.pos.errorf("%w", fmt.Errorf("%s in the zone %s never answers: the name lies in the zone %s",
					set, set.Zone.Name, zone))
			}
		}
	}
	return nil
}
