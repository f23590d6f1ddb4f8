package zone

import (
	"github.com/miekg/dns"
)

// MaxChain bounds the CNAMEs that one answer follows; the file plugin's number.
const MaxChain = 8

// Node is a name that exists in a zone. One without sets is the apex or an empty non-terminal.
type Node struct {
	short    shortName
	zone     *Zone
	set      *Set   // the first, which leads to the others
	wildcard nodeID // the child "*", when it exists
	apex     bool
}

// bareNode is a Node without sets.
type bareNode struct {
	Node
	name string
}

// Set returns the set that answers the type at this name and the family to take from it, or nil.
func (n *Node) Set(rrtype uint16) (*Set, int) {
	for s := n.set; s != nil; s = s.sibling {
		if family, ok := s.family(rrtype); ok {
			return s, family
		}
	}
	return nil, 0
}

// Empty tells that the name has no record sets of its own: it is an empty non-terminal, or an apex without any.
func (n *Node) Empty() bool { return n.set == nil }

// Name is the name of the node's record sets, of which there must be one.
func (n *Node) Name() string { return n.set.Config.Name }

// CNAME returns the set of the name's CNAME, which answers every type (D03), or nil. It has no other sets beside it.
func (n *Node) CNAME() *Set {
	if n.set == nil || n.set.rrtype != dns.TypeCNAME {
		return nil
	}
	return n.set
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
	if n := x.node(x.find(name)); n != nil {
		m.Zone, m.Node, m.Apex = n.zone, n, n.apex
		return m
	}
	encloser := x.encloser(qname, name)
	if encloser == nil {
		return m
	}
	m.Zone = encloser.zone
	m.Node = x.node(encloser.wildcard)
	m.Wildcard = m.Node != nil
	m.Through = m.Node == nil && through(m.Zone.Config.Fall.Zones, name)
	return m
}

// encloser returns the node of the closest encloser of a name that does not exist (RFC 4592, section 3.3.1), or nil for
// a name in no zone.
func (x *Index) encloser(qname string, name []byte) *Node {
	for off, end := dns.NextLabel(qname, 0); !end; off, end = dns.NextLabel(qname, off) {
		if n := x.node(x.find(name[off:])); n != nil {
			return n
		}
	}
	return x.node(x.find([]byte(".")))
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
