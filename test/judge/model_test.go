package judge

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// record is a line of both configurations: the values of one type at a name that is relative to the zone. The type ""
// is that of a set of addresses.
type record struct {
	name, rrtype string
	values       []string
}

// model is a zone without health, to be served by both. It is made at random and always the same for a seed.
type model struct {
	origin  string
	records []record
	lines   []string // of the failover stanza
	random  *rand.Rand
}

// labels are few, so that names lie above, below and beside each other.
var labels = []string{"a", "b", "c", "d", `e\.f`, "_g", "0", "xn--h"}

// data are values of the types that are plain data to both. A TXT value is one string.
var data = map[string][]string{
	"TXT":       {"text", "two words", `quo"ted`},
	"MX":        {"10 mx.example.net.", "20 a"},
	"SRV":       {"0 0 443 b", "1 2 53 c.example.net."},
	"CAA":       {`0 issue "ca.example.net"`},
	"HTTPS":     {"1 . alpn=h2", "2 a port=8443"},
	"SVCB":      {"1 b"},
	"PTR":       {"a", "host.example.net."},
	"NAPTR":     {`100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .`},
	"SSHFP":     {"4 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"},
	"TLSA":      {"3 1 1 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"},
	"LOC":       {"52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"},
	"HINFO":     {`"VAX" "VMS"`},
	"DS":        {"60485 13 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"},
	"RP":        {"a b"},
	"URI":       {`10 1 "https://www.example.net/"`},
	"TYPE65280": {`\# 3 616263`},
}

func newModel(origin string, seed uint64) *model {
	m := &model{origin: origin, random: rand.New(rand.NewPCG(seed, seed))}
	types := slices.Sorted(maps.Keys(data))
	names := m.names()
	for _, name := range names {
		if name != "@" && m.random.IntN(4) == 0 {
			m.cname(name, names)
			continue
		}
		if m.random.IntN(3) > 0 {
			m.addresses(name)
		}
		for range m.random.IntN(3) {
			if t := types[m.random.IntN(len(types))]; !m.has(name, t) {
				m.values(name, t, m.sample(data[t]))
			}
		}
	}
	// A chain of twelve, to be entered anywhere, and a loop; and more than fits into a datagram.
	for i := range 12 {
		m.static("chain"+strconv.Itoa(i), "CNAME", "chain"+strconv.Itoa(i+1))
	}
	m.static("chain12", "", "192.0.2.99")
	m.static("loop1", "CNAME", "loop2")
	m.static("loop2", "CNAME", "loop1")
	var big [16]string
	for i := range big {
		big[i] = strconv.Itoa(i) + strings.Repeat("x", 200)
	}
	m.static("big", "TXT", big[:]...)
	return m
}

// names draws names at all depths, some of them wildcards; what lies between them is empty.
func (m *model) names() []string {
	names := []string{"@"}
	for range 10 + m.random.IntN(15) {
		var parts []string
		if m.random.IntN(4) == 0 {
			parts = append(parts, "*")
		}
		for range 1 + m.random.IntN(3) {
			parts = append(parts, labels[m.random.IntN(len(labels))])
		}
		if name := strings.Join(parts, "."); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (m *model) has(name, rrtype string) bool {
	return slices.ContainsFunc(m.records, func(r record) bool { return r.name == name && r.rrtype == rrtype })
}

// sample draws one or more of them.
func (m *model) sample(from []string) []string {
	drawn := slices.Clone(from)
	m.random.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	return drawn[:1+m.random.IntN(len(drawn))]
}

// cname leads to a name that is there, one that may be, one of the next zone, or one outside.
func (m *model) cname(name string, names []string) {
	target := []string{
		strings.ReplaceAll(names[m.random.IntN(len(names))], "*", "x"),
		labels[m.random.IntN(len(labels))] + "." + labels[m.random.IntN(len(labels))],
		labels[m.random.IntN(len(labels))] + ".z0.example.org.",
		"host.example.net.", "nowhere.example.net.", "broken.example.net.", "refused.example.com.",
	}[m.random.IntN(7)]
	if target == "@" {
		target = m.origin
	}
	m.values(name, "CNAME", []string{target})
}

func (m *model) addresses(name string) {
	pool := make([]string, 0, 7)
	for i := range 4 {
		pool = append(pool, fmt.Sprintf("192.0.2.%d", 1+m.random.IntN(50)*4+i))
	}
	for i := range 3 {
		pool = append(pool, fmt.Sprintf("2001:db8::%x", 1+m.random.IntN(50)*4+i))
	}
	if m.random.IntN(4) == 0 {
		if sets := m.addressSets(); len(sets) > 0 {
			target := sets[m.random.IntN(len(sets))]
			// What a wildcard's name is written with must not be one of the labels: another name could stand before it.
			through := strings.ReplaceAll(target.name, "*", "w")
			m.lines = append(m.lines, "primary "+quoted(name)+" alias "+quoted(through))
			m.records = append(m.records, record{name, "", target.values})
			return
		}
	}
	m.values(name, "", m.sample(pool))
}

func (m *model) addressSets() []record {
	var sets []record
	for _, r := range m.records {
		if r.rrtype == "" {
			sets = append(sets, r)
		}
	}
	return sets
}

// static writes a record set that has no health in it either way.
func (m *model) static(name, rrtype string, values ...string) {
	m.records = append(m.records, record{name, rrtype, values})
	m.line("static", name, rrtype, values)
}

// values writes them with a policy that always answers all of them.
func (m *model) values(name, rrtype string, values []string) {
	m.records = append(m.records, record{name, rrtype, values})
	decoy := []string{"203.0.113.66", "2001:db8:66::66"}
	if rrtype != "" {
		decoy = []string{values[0]}
	}
	switch m.random.IntN(4) {
	case 0:
		m.line("static", name, rrtype, values)
	case 1:
		m.line("primary", name, rrtype, values)
		m.line("secondary", name, rrtype, decoy, "id decoy")
	case 2:
		m.line("weight 7", name, rrtype, values)
		if rrtype != "" || hasBoth(values) {
			m.line("weight 0", name, rrtype, decoy, "id decoy")
		}
	case 3:
		if rrtype == "CNAME" { // a set of several needs one that is chosen
			m.line("static", name, rrtype, values)
			return
		}
		for _, value := range values {
			m.line("answer", name, rrtype, []string{value})
		}
	}
}

// hasBoth tells whether there are addresses of both families: a reserve answers for the one that is not there.
func hasBoth(values []string) bool {
	is4 := func(v string) bool { return netip.MustParseAddr(v).Is4() }
	return slices.ContainsFunc(values, is4) && slices.ContainsFunc(values, func(v string) bool { return !is4(v) })
}

func (m *model) line(keyword, name, rrtype string, values []string, rest ...string) {
	words := []string{keyword, quoted(name)}
	if rrtype != "" {
		words = append(words, rrtype)
	}
	for _, value := range values {
		words = append(words, quoted(value))
	}
	m.lines = append(m.lines, strings.Join(append(words, rest...), " "))
}

// What a name is in a zone (RFC 4592).
type kind int

const (
	absent      kind = iota
	nonTerminal      // it exists and has nothing
	owner            // it, or a wildcard for it, has records
)

// find returns what a name is, and the types that it has. It is asked of the records, not of either server.
func (m *model) find(name string) (kind, []string) {
	name = strings.ToLower(name)
	if k, types := m.exact(name); k != absent {
		return k, types
	}
	for encloser := parent(name); ; encloser = parent(encloser) {
		if k, _ := m.exact(encloser); k != absent {
			return m.exact("*." + encloser)
		}
	}
}

// target is where the CNAME of a name leads, fully qualified, or "".
func (m *model) target(name string) string {
	name = strings.ToLower(name)
	stored := name
	for encloser := parent(name); ; encloser = parent(encloser) {
		if k, _ := m.exact(stored); k != absent || !strings.HasSuffix(encloser, m.origin) {
			break
		}
		stored = "*." + encloser
	}
	for _, r := range m.records {
		if r.rrtype == "CNAME" && r.name+"."+m.origin == stored {
			if target := r.values[0]; dns.IsFqdn(target) {
				return target
			}
			return r.values[0] + "." + m.origin
		}
	}
	return ""
}

// parent cuts the first label off.
func parent(name string) string {
	off, _ := dns.NextLabel(name, 0)
	return name[off:]
}

func (m *model) exact(name string) (kind, []string) {
	if name == m.origin {
		return owner, append(m.types("@"), "SOA", "NS")
	}
	relative := strings.TrimSuffix(name, "."+m.origin)
	if types := m.types(relative); len(types) > 0 {
		return owner, types
	}
	below := func(r record) bool { return strings.HasSuffix(r.name, "."+relative) }
	if slices.ContainsFunc(m.records, below) {
		return nonTerminal, nil
	}
	return absent, nil
}

func (m *model) types(relative string) []string {
	var types []string
	for _, r := range m.records {
		switch {
		case r.name != relative:
		case r.rrtype != "":
			types = append(types, r.rrtype)
		default:
			for _, value := range r.values {
				types = append(types, addressType(value))
			}
		}
	}
	return types
}

func addressType(value string) string {
	if netip.MustParseAddr(value).Is4() {
		return "A"
	}
	return "AAAA"
}

// quoted is a value of a Corefile. Only the quote is escaped in it.
func quoted(value string) string { return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"` }

// zoneFile is what the file plugin reads. The serial is not ours.
func (m *model) zoneFile() string {
	var text strings.Builder
	fmt.Fprintf(&text, "$ORIGIN %s\n$TTL 60\n@ SOA ns.dns hostmaster 1 7200 1800 86400 60\n@ NS ns.dns\n", m.origin)
	for _, r := range m.records {
		for _, value := range r.values {
			rrtype := r.rrtype
			switch rrtype {
			case "":
				rrtype = addressType(value)
			case "TXT":
				value = `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
			}
			fmt.Fprintf(&text, "%s %s %s\n", r.name, rrtype, value)
		}
	}
	return text.String()
}
