package corefile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// finish checks what can be said only once the set has all its records and options.
func (st *setState) finish() error {
	set := st.set
	if set.Kind == policy.Failover {
		i := slices.IndexFunc(st.lines, func(r *recordLine) bool { return r.primary })
		if i < 0 {
			return st.pos.errorf("the record set %s has a secondary and no primary", set)
		}
		for ; i > 0; i-- {
			set.Records[i], set.Records[i-1] = set.Records[i-1], set.Records[i]
			st.lines[i], st.lines[i-1] = st.lines[i-1], st.lines[i]
		}
	}
	if set.Type == dns.TypeCNAME {
		if err := st.oneCNAME(); err != nil {
			return err
		}
	}
	if err := st.optionsFit(); err != nil {
		return err
	}
	for _, record := range set.Records {
		record.live(set.TTL.Settled)
	}
	if set.Fixed != nil {
		set.Fixed.live(set.TTL.Settled)
	}
	return st.assignIDs()
}

// live gives the values their TTL.
func (r *Record) live(ttl uint32) {
	for _, rr := range r.values {
		rr.Header().Ttl = ttl
	}
}

// oneCNAME sees to it that no answer has two CNAMEs (RFC 2181, section 10.1).
func (st *setState) oneCNAME() error {
	for i, r := range st.lines {
		if len(r.values) > 1 {
			return r.line.pos.errorf("a CNAME has one value")
		}
		if i > 0 && (r.kind == policy.Multivalue || r.kind == policy.Static) {
			return r.line.pos.errorf("%s would answer with two CNAMEs, this and the one on %s",
				st.set, r.line.pos.other(st.lines[0].line.pos))
		}
	}
	return nil
}

// optionsFit refuses options that could never have an effect.
func (st *setState) optionsFit() error {
	set := st.set
	values, most := 0, Pos{}
	for i, record := range set.Records {
		for family := range set.Types() {
			if n := len(record.Values(family)); n > values {
				values, most = n, st.lines[i].line.pos
			}
		}
	}
	for _, word := range []string{"all_down", "min"} {
		if pos, ok := st.options[word]; ok && set.Kind == policy.Static {
			return pos.errorf("%s is for sets with checks; %s is static", word, set)
		}
	}
	place, ok := st.options["min"]
	if ok && values == 0 {
		return place.errorf("min counts values, and %s has aliases only", set)
	}
	if set.Min.N > values {
		// A record with fewer needs them all; but that none has so many cannot be meant.
		return place.errorf("min %d is more than any record of %s has values of one family (%d on %s)",
			set.Min.N, set, values, place.other(most))
	}
	return nil
}

// assignIDs gives each record the id of its line, or one made from its place or value.
func (st *setState) assignIDs() error {
	given := make(map[string]Pos)
	for i, r := range st.lines {
		if r.id == "" {
			continue
		}
		if first, again := given[r.id]; again {
			return r.line.pos.errorf("the id %q is given twice in %s, here and on %s", r.id, st.set, r.line.pos.other(first))
		}
		given[r.id] = r.line.pos
		st.set.Records[i].ID = r.id
	}
	made := make(map[string]int) // how often each was asked for
	for i, r := range st.lines {
		if r.id != "" {
			continue
		}
		record := st.set.Records[i]
		id := record.ID
		switch {
		case r.primary:
			id = "primary"
		case r.kind == policy.Failover:
			id = "secondary"
		case r.alias != "":
			id = shorten(r.alias)
		}
		base := id
		for {
			if pos, clash := given[id]; clash {
				return pos.errorf("the id %q is also that of the record on %s, which has no id of its own",
					id, pos.other(r.line.pos))
			}
			if made[id] == 0 {
				break
			}
			made[base]++
			id = base + "-" + strconv.Itoa(made[base])
		}
		made[id]++
		record.ID = id
	}
	return nil
}

// defaultID names a record by a value.
func defaultID(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.String()
	case *dns.AAAA:
		return rr.AAAA.String()
	}
	return shorten(describe(rr))
}

// shorten keeps an id made from a value fit for a label.
func shorten(text string) string {
	const longest = 64
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "")
}
