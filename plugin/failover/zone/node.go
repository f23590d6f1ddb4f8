package zone

import (
	"strings"

	"github.com/miekg/dns"
)

// Node is a name that exists in a zone. One without sets is the apex or an empty non-terminal.
type Node struct {
	types    []typed
	cname    *Set
	wildcard *Node // the child "*", when it exists
}

// typed is the set that answers an RR type, and which of its families does.
type typed struct {
	rrtype uint16
	family int
	set    *Set
}

// Set returns the set that answers the type at this name and the family to take from it, or nil.
func (n *Node) Set(rrtype uint16) (*Set, int) {
	for i := range n.types {
		if n.types[i].rrtype == rrtype {
			return n.types[i].set, n.types[i].family
		}
	}
	return nil, 0
}

// Empty tells that the name has no record sets of its own: it is an empty non-terminal, or an apex without any.
func (n *Node) Empty() bool { return len(n.types) == 0 }

// CNAME returns the set of the name's CNAME, which answers every type (D03), or nil.
func (n *Node) CNAME() *Set { return n.cname }

// ensure returns the node of a name of the zone, making it and the empty non-terminals above it.
func (z *Zone) ensure(name string) *Node {
	if n := z.nodes[name]; n != nil {
		return n
	}
	n := new(Node)
	z.nodes[name] = n
	if name != z.Config.Name {
		off, end := dns.NextLabel(name, 0)
		parent := "."
		if !end {
			parent = name[off:]
		}
		up := z.ensure(parent)
		if strings.HasPrefix(name, "*.") {
			up.wildcard = n
		}
	}
	return n
}

func (z *Zone) add(s *Set) {
	n := z.ensure(s.Config.Name)
	for f, t := range s.Config.Types() {
		n.types = append(n.types, typed{rrtype: t, family: f, set: s})
		if t == dns.TypeCNAME {
			n.cname = s
		}
	}
}

// Match is where a name leads.
type Match struct {
	Zone *Zone
	// Node is nil for a name error.
	Node *Node
	// Apex tells that the name is that of the zone.
	Apex bool
	// Wildcard tells that Node is that of a wildcard which covers the name (RFC 4592).
	Wildcard bool
	// Folded tells that the name has capital letters, which prebuilt records lack.
	Folded bool
	// Through tells that a name error is for the next plugin.
	Through bool
}

// Match finds the longest zone that holds the name, at label boundaries and whatever the letters' case (D04), and the
// node that answers for the name in it. Without a zone Match.Zone is nil. It allocates nothing.
func (x *Index) Match(qname string) (m Match) {
	var space [256]byte
	name := space[:0]
	if len(qname) > len(space) { // escapes take more than one octet in text
		name = make([]byte, 0, len(qname))
	}
	for i := range len(qname) {
		c := qname[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
			m.Folded = true
		}
		name = append(name, c)
	}
	apex := 0
	for end := false; ; {
		if m.Zone = x.zones[string(name[apex:])]; m.Zone != nil {
			break
		}
		if end || len(name) == 1 {
			return m
		}
		if apex, end = dns.NextLabel(qname, apex); end {
			if m.Zone = x.zones["."]; m.Zone == nil {
				return m
			}
			apex = len(name)
			break
		}
	}
	m.Apex = apex == 0
	if m.Node = m.Zone.nodes[string(name)]; m.Node == nil {
		m.Node = m.Zone.wildcard(qname, name, apex)
		m.Wildcard = m.Node != nil
		m.Through = m.Node == nil && through(m.Zone.Config.Fall.Zones, name)
	}
	return m
}

// through tells whether a name lies in one of the zones. It does what fall.F does, without its garbage.
func through(zones []string, name []byte) bool {
	for _, z := range zones {
		at := len(name) - len(z)
		switch {
		case z == ".":
			return true
		case at < 0 || string(name[at:]) != z:
		case at == 0 || boundary(name, at):
			return true
		}
	}
	return false
}

// boundary tells whether a label begins at octet at, behind a dot that is not escaped.
func boundary(name []byte, at int) bool {
	if name[at-1] != '.' {
		return false
	}
	escapes := 0
	for i := at - 2; i >= 0 && name[i] == '\\'; i-- {
		escapes++
	}
	return escapes%2 == 0
}

// wildcard returns the node of the wildcard at the closest encloser of a name that does not exist, or nil (RFC 4592,
// section 3.3.1). The zone begins at octet apex of the name.
func (z *Zone) wildcard(qname string, name []byte, apex int) *Node {
	for off := 0; off < apex; {
		next, end := dns.NextLabel(qname, off)
		if end || next >= apex {
			return z.nodes[z.Config.Name].wildcard
		}
		if n := z.nodes[string(name[next:])]; n != nil {
			return n.wildcard
		}
		off = next
	}
	return nil
}
