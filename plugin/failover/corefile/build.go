package corefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// builder makes the Config out of stanzas, one after the other.
type builder struct {
	config      *Config
	arena       arena
	definitions map[health.Definition]int // index in config.Checks
	names       map[int][]string          // by index in config.Checks: what it is called besides
	places      []Pos                     // parallel to config.Checks: the target of the first check that is defined so
	files       files
	zones       map[string]*zoneState
	stanzas     []*stanza
	warned      map[Warning]bool
	fileOrder   map[string]int // in which files were first met
	outside     map[string]*Outside
	resolversAt map[Pos]bool         // lines whose name servers are in config.Resolvers
	combined    []*health.Expression // the leaf of each is an index of config.Combined until all checks are known
}

// zoneState is a zone while stanzas add to it.
type zoneState struct {
	zone   *Zone
	byName map[string][]*setState
	places map[string]Pos // of the zone words
	exists map[string]bool
}

// setState is a record set while lines add to it.
type setState struct {
	set     *Set
	pos     Pos // of its first line
	stanza  *stanza
	lines   []*recordLine  // parallel to set.Records
	options map[string]Pos // nil until the first
	resolve [policy.Families]resolution
}

func newBuilder(root string, try func(probe.Spec) error) *builder {
	return &builder{
		config:      &Config{},
		definitions: make(map[health.Definition]int),
		names:       make(map[int][]string),
		files:       files{root: root, try: try, tried: make(map[probe.Spec]error)},
		zones:       make(map[string]*zoneState),
		warned:      make(map[Warning]bool),
		fileOrder:   make(map[string]int),
		outside:     make(map[string]*Outside),
		resolversAt: make(map[Pos]bool),
	}
}

// meet notes the files that a stanza's lines come from.
func (b *builder) meet(s *stanza) {
	note := func(file string) {
		if _, known := b.fileOrder[file]; !known {
			b.fileOrder[file] = len(b.fileOrder)
		}
	}
	note(s.pos.File)
	for _, l := range s.lines {
		note(l.pos.File)
	}
}

// add makes zones and record sets of a stanza whose checks are finished.
func (b *builder) add(s *stanza) error {
	b.stanzas = append(b.stanzas, s)
	if err := b.addState(s); err != nil {
		return err
	}
	for _, zone := range s.zones {
		if err := b.addZone(s, zone); err != nil {
			return err
		}
	}
	if err := s.resolveChecks(); err != nil {
		return err
	}
	if err := b.addCanaries(s); err != nil {
		return err
	}
	if err := b.addWebhooks(s); err != nil {
		return err
	}
	for _, r := range s.records {
		if err := b.addRecords(s, r); err != nil {
			return r.line.pos.errorf("%w", err)
		}
	}
	for _, o := range s.options {
		if err := b.applyOptions(s, o); err != nil {
			return o.line.pos.errorf("%w", err)
		}
	}
	for _, st := range s.sets {
		if err := st.finish(); err != nil {
			return err
		}
		st.set.Records = b.arena.recordLists.keep(st.set.Records)
	}
	return nil
}

// addZone makes the zone known and gives it the stanza's words.
func (b *builder) addZone(s *stanza, name string) error {
	zs := b.zones[name]
	if zs == nil {
		zs = &zoneState{
			zone: &Zone{
				Name: name, TTL: s.ttl,
				MName: under("ns.dns", name), RName: under("hostmaster", name), NS: []string{under("ns.dns", name)},
			},
			byName: make(map[string][]*setState),
			places: make(map[string]Pos),
		}
		b.zones[name] = zs
		b.config.Zones = append(b.config.Zones, zs.zone)
	}
	z := zs.zone
	z.TTL = TTL{Settled: min(z.TTL.Settled, s.ttl.Settled), Unsettled: min(z.TTL.Unsettled, s.ttl.Unsettled)}
	for _, word := range []string{"soa", "ns", "fallthrough", "cacheable"} {
		pos, given := s.places[word]
		if !given {
			continue
		}
		if first, again := zs.places[word]; again {
			return pos.errorf("%q is given twice for the zone %s, here and on %s", word, name, pos.other(first))
		}
		zs.places[word] = pos
		if err := s.give(z, word); err != nil {
			return pos.errorf("%s: %w", word, err)
		}
	}
	return nil
}

// give sets what a zone word says.
func (s *stanza) give(z *Zone, word string) (err error) {
	switch word {
	case "soa":
		if z.MName, err = host(s.soa[0], z.Name); err == nil {
			z.RName, err = host(s.soa[1], z.Name)
		}
	case "ns":
		z.NS = nil
		for _, name := range s.ns {
			fqdn, err := host(name, z.Name)
			if err != nil {
				return err
			}
			if slices.Contains(z.NS, fqdn) {
				return fmt.Errorf("%s is named twice", fqdn)
			}
			z.NS = append(z.NS, fqdn)
		}
	case "fallthrough":
		z.Fall = s.fall
	case "cacheable":
		z.Cacheable = true
	}
	return err
}

// under puts labels in front of a zone.
func under(labels, zone string) string { return labels + "." + strings.TrimPrefix(zone, ".") }

// inZones calls do with each zone of the stanza that the name as written belongs to, and what it means there.
func (b *builder) inZones(s *stanza, name string, do func(zs *zoneState, fqdn string) error) error {
	if name != "@" && dns.IsFqdn(name) {
		fqdn, err := owner(name, ".")
		if err != nil {
			return err
		}
		zone, ok := longest(fqdn, func(zone string) bool { return s.inZones[zone] })
		if !ok {
			return fmt.Errorf("%s lies in no zone of this stanza (%s)", fqdn, strings.Join(s.zones, " "))
		}
		return do(b.zones[zone], fqdn)
	}
	for _, zone := range s.zones {
		fqdn, err := owner(name, zone)
		if err != nil {
			return err
		}
		if err := do(b.zones[zone], fqdn); err != nil {
			return err
		}
	}
	return nil
}

// addRecords adds the record of a line to its set in each zone.
func (b *builder) addRecords(s *stanza, r *recordLine) error {
	return b.inZones(s, r.name, func(zs *zoneState, fqdn string) error {
		st, err := b.setFor(s, zs, fqdn, r)
		if err != nil {
			return err
		}
		record, err := b.newRecord(st, r)
		if err != nil {
			return err
		}
		st.set.Records = append(st.set.Records, record)
		st.lines = append(st.lines, r)
		return nil
	})
}

// setFor returns the set that a record line adds to, a new one for its first.
func (b *builder) setFor(s *stanza, zs *zoneState, fqdn string, r *recordLine) (*setState, error) {
	pos := r.line.pos
	for _, st := range zs.byName[fqdn] {
		set := st.set
		switch {
		case set.Type == r.rrtype && st.stanza != s:
			return nil, fmt.Errorf("the record set %s is in two stanzas, here and on %s", set, pos.other(st.pos))
		case set.Type == r.rrtype && set.Kind != r.kind:
			return nil, fmt.Errorf("the record set %s has two policies, %s here and %s on %s",
				set, r.kind, set.Kind, pos.other(st.pos))
		case set.Type == r.rrtype:
			return st, st.onePrimary(r)
		case set.Type == dns.TypeCNAME || r.rrtype == dns.TypeCNAME:
			return nil, fmt.Errorf("%s has a CNAME beside other data, here and on %s; use alias", fqdn, pos.other(st.pos))
		case addressesTwice(set.Type, r.rrtype):
			return nil, fmt.Errorf("%s has addresses with and without a TYPE, here and on %s", fqdn, pos.other(st.pos))
		}
	}
	if r.rrtype == dns.TypeCNAME && fqdn == zs.zone.Name {
		return nil, errors.New("a CNAME cannot stand at the apex of a zone; use alias")
	}
	st := &setState{set: b.arena.sets.one(), pos: pos, stanza: s}
	*st.set = Set{Zone: zs.zone, Name: b.arena.names.keep(fqdn), Type: r.rrtype, Kind: r.kind, TTL: s.ttl}
	if r.kind == policy.Multivalue {
		st.set.Max = DefaultMax
	}
	zs.byName[fqdn] = append(zs.byName[fqdn], st)
	zs.zone.Sets = append(zs.zone.Sets, st.set)
	s.sets = append(s.sets, st)
	return st, nil
}

// onePrimary refuses a second primary.
func (st *setState) onePrimary(r *recordLine) error {
	if !r.primary {
		return nil
	}
	for _, other := range st.lines {
		if other.primary {
			return fmt.Errorf("the record set %s has two primaries, here and on %s",
				st.set, r.line.pos.other(other.line.pos))
		}
	}
	return nil
}

// addressesTwice tells that of two types one is A or AAAA and the other is none, which means both.
func addressesTwice(a, b uint16) bool {
	isAddress := func(t uint16) bool { return t == dns.TypeA || t == dns.TypeAAAA }
	return a == 0 && isAddress(b) || b == 0 && isAddress(a)
}

// String names the set in messages.
func (s *Set) String() string {
	if s.Type == 0 {
		return s.Name
	}
	return s.Name + " " + typeName(s.Type)
}
