package corefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// recordLine is one record line as written; it makes a record in each zone that its name is relative to.
type recordLine struct {
	line        *line
	kind        policy.Kind
	primary     bool
	weight      uint16
	name        string
	rrtype      uint16 // 0: addresses
	values      []string
	alias       string // empty: a record with values
	evaluateOff bool
	checks      []*check
	checkNames  []string
	id          string
}

// readRecord reads NAME [TYPE] VALUE... [check NAME...] [id ID] into r.
func (s *stanza) readRecord(l *line, r *recordLine, words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("%s takes a name and values", l.words[0])
	}
	r.name, words = words[0], words[1:]
	var err error
	if r.rrtype, words, err = readType(words); err != nil {
		return err
	}
	end := 0
	for end < len(words) && words[end] != "check" && words[end] != "id" {
		end++
	}
	r.values, words = words[:end], words[end:]
	if len(r.values) == 0 {
		return fmt.Errorf("%s %s has no value", l.words[0], r.name)
	}
	if r.values[0] == "alias" {
		if err := r.readAlias(r.values[1:]); err != nil {
			return err
		}
	}
	if err := r.readOptions(words); err != nil {
		return err
	}
	if r.kind == policy.Static && len(r.checkNames) > 0 {
		return errors.New("static takes no check; use answer")
	}
	s.records = append(s.records, r)
	return nil
}

func (r *recordLine) readAlias(words []string) error {
	if len(words) == 0 {
		return errors.New("alias takes the name of a record set")
	}
	r.alias, r.values = words[0], nil
	switch words = words[1:]; {
	case len(words) == 0:
		return nil
	case words[0] != "evaluate":
		return fmt.Errorf("alias: %w", unknownWord(words[0], []string{"evaluate", "check", "id"}, nil))
	case len(words) != 2 || words[1] != "off":
		return errors.New("alias: evaluate takes the one word off")
	}
	r.evaluateOff = true
	return nil
}

// readOptions reads what stands behind the values.
func (r *recordLine) readOptions(words []string) error {
	for len(words) > 0 {
		end := 1
		for end < len(words) && words[end] != "check" && words[end] != "id" {
			end++
		}
		args := words[1:end]
		switch words[0] {
		case "check":
			if len(args) == 0 {
				return errors.New("check takes names of checks")
			}
			if r.checkNames != nil {
				return errors.New("check is given twice; one check takes several names")
			}
			if name, twice := repeated(args); twice {
				return fmt.Errorf("check names %q twice", name)
			}
			r.checkNames = args
		case "id":
			if len(args) != 1 {
				return errors.New("id takes one value")
			}
			if r.id != "" {
				return errors.New("id is given twice")
			}
			if err := label("id", args[0]); err != nil {
				return err
			}
			r.id = args[0]
		}
		words = words[end:]
	}
	return nil
}

// readType returns the type that begins words, if one does, and the words after it.
func readType(words []string) (uint16, []string, error) {
	rrtype, ok := TypeOf(words[0])
	if !ok {
		return 0, words, nil
	}
	if err := refusedType(rrtype); err != nil {
		return 0, nil, err
	}
	return rrtype, words[1:], nil
}

// refusedType says why records of a type are not for the configuration to give.
func refusedType(rrtype uint16) error {
	name := typeName(rrtype)
	switch rrtype {
	case dns.TypeSOA:
		return errors.New("a SOA is given by the word soa")
	case dns.TypeNS:
		return errors.New("a zone's NS are given by the word ns, and below its apex this plugin does not delegate")
	case dns.TypeDNAME:
		return errors.New("a DNAME stands for all names below it, which this plugin does not do; use aliases or CNAMEs")
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return fmt.Errorf("the dnssec plugin makes %s records", name)
	case dns.TypeNone, dns.TypeOPT, dns.TypeReserved:
		return fmt.Errorf("%s is not a type of records", name)
	}
	// RFC 6895, section 3.1: meta and question types.
	if rrtype >= 128 && rrtype <= 255 {
		return fmt.Errorf("%s is not a type of records", name)
	}
	return nil
}

// resolveChecks finds the checks that record lines name.
func (s *stanza) resolveChecks() error {
	for _, r := range s.records {
		if err := r.misspelt(s); err != nil {
			return r.line.pos.errorf("%w", err)
		}
		for _, name := range r.checkNames {
			c := s.checks[name]
			if c == nil {
				return r.line.pos.errorf("%w", s.undefined(name))
			}
			s.use(c)
			r.checks = append(r.checks, c)
		}
	}
	return nil
}

// misspelt refuses a value that is most likely the word check: one like it, before the name of a check. Where any text
// is a value, as for TXT, nothing else would tell.
func (r *recordLine) misspelt(s *stanza) error {
	for i, value := range r.values[:max(0, len(r.values)-1)] {
		if s.checks[r.values[i+1]] != nil && nearest(value, []string{"check"}) != "" {
			return fmt.Errorf("%q before the name of a check, did you mean \"check\"?", value)
		}
	}
	return nil
}

// newRecord makes the record of the line in a set.
func (b *builder) newRecord(st *setState, r *recordLine) (*Record, error) {
	set := st.set
	record := b.arena.records.one()
	*record = Record{Weight: r.weight, Checked: len(r.checks) > 0}
	if r.alias != "" {
		name, err := host(r.alias, set.Zone.Name)
		if err != nil {
			return nil, fmt.Errorf("alias: %w", err)
		}
		record.Alias = &Alias{Name: name, EvaluateOff: r.evaluateOff}
		record.Alias.Check, err = b.expressAll(st.stanza, r, nil)
		return record, err
	}
	rrs, err := b.parseValues(set, r.values)
	if err != nil {
		return nil, err
	}
	checks, err := b.expressValues(st.stanza, r, rrs)
	if err != nil {
		return nil, err
	}
	record.ID = b.hostOf(checks, defaultID(rrs[0]))
	b.fill(record, set, rrs, checks)
	return record, nil
}

// hostOf gives an id that is the host of the first check as the same string, which is one less to keep.
func (b *builder) hostOf(checks []*health.Expression, id string) string {
	if len(checks) == 0 || checks[0].Kind != health.ExprCheck || checks[0].Disabled {
		return id
	}
	if host := b.config.Checks[checks[0].Leaf].Probe.Host(); host == id {
		return host
	}
	return id
}

// expressValues returns what must be healthy for each of the values of a line, nil if it names no check.
func (b *builder) expressValues(s *stanza, r *recordLine, rrs []dns.RR) ([]*health.Expression, error) {
	if len(r.checks) == 0 {
		return nil, nil
	}
	template := slices.ContainsFunc(r.checks, func(c *check) bool { return c.template })
	checks := make([]*health.Expression, len(rrs))
	for i, rr := range rrs {
		var at *endpoint
		if template {
			leads, err := endpointOf(rr)
			if err != nil {
				return nil, fmt.Errorf("check %s has no host in its target: %w", templateName(r.checks), err)
			}
			at = &leads
		}
		var err error
		if checks[i], err = b.expressAll(s, r, at); err != nil {
			return nil, err
		}
	}
	return checks, nil
}

// fill gives a record its values and, unless they are nil, the check of each: one family after the other, and else in
// the order of the line.
func (b *builder) fill(record *Record, set *Set, rrs []dns.RR, checks []*health.Expression) {
	record.values = b.arena.rrs.take(len(rrs))[:0]
	if checks != nil {
		record.checks = b.arena.checks.take(len(rrs))[:0]
	}
	for family := range set.Types() {
		for i, rr := range rrs {
			if set.family(rr) != family {
				continue
			}
			record.values = append(record.values, rr)
			if checks != nil {
				record.checks = append(record.checks, checks[i])
			}
		}
		if family == 0 {
			record.first = uint32(len(record.values))
		}
	}
}

func templateName(checks []*check) string {
	i := slices.IndexFunc(checks, func(c *check) bool { return c.template })
	return checks[i].name
}

// together names the checks that must all be healthy for what leads to an endpoint.
type together struct {
	checks string
	at     endpoint
}

// expressAll returns an expression for all checks of a line, nil if it names none.
func (b *builder) expressAll(s *stanza, r *recordLine, at *endpoint) (*health.Expression, error) {
	switch len(r.checks) {
	case 0:
		return nil, nil
	case 1:
		return b.express(s, r.checks[0], at)
	}
	key := together{checks: strings.Join(r.checkNames, " ")}
	if at != nil {
		key.at = *at
	}
	if made := s.together[key]; made != nil {
		return made, nil
	}
	all := make([]*health.Expression, len(r.checks))
	for i, c := range r.checks {
		var err error
		if all[i], err = b.express(s, c, at); err != nil {
			return nil, err
		}
	}
	e := b.arena.expressions.one()
	e.Kind, e.Leaf = health.ExprAtLeast, health.Unnamed
	e.Combination = &health.Combination{AtLeast: len(all), Children: all}
	s.together[key] = e
	return e, nil
}

// family tells which of the set's families an RR belongs to.
func (s *Set) family(rr dns.RR) int {
	if s.Type == 0 && rr.Header().Rrtype == dns.TypeAAAA {
		return 1
	}
	return 0
}
