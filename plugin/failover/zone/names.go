package zone

import (
	"hash/maphash"
	"math/bits"
	"strings"

	"github.com/miekg/dns"
)

// names is where the nodes of an index are found by their names: an open hash table. A query reads one line of its
// memory, and the name in the node that it leads to, while a map would read three lines before the node; and the garbage
// collector has nothing to look for in it.
type names struct {
	seed  maphash.Seed
	slots []slot
	taken int
}

// slot is empty without a node.
type slot struct {
	tag  uint32 // of the hash of the name, those bits that do not tell where it lies
	node nodeID
}

// nodeID is one of the nodes of an index: 0 for none, then those in Index.sets, then those in Index.bare.
type nodeID uint32

// node is nil for none.
func (x *Index) node(id nodeID) *Node {
	switch at := int(id) - 1; {
	case at < 0:
		return nil
	case at < len(x.sets):
		return &x.sets[at].node
	default:
		return &x.bare[at-len(x.sets)]
	}
}

// find returns the node of a name in small letters, 0 if there is none.
func (x *Index) find(name []byte) nodeID {
	at, tag := x.names.place(name)
	for {
		s := &x.names.slots[at]
		if s.node == 0 || s.tag == tag && x.node(s.node).name == string(name) {
			return s.node
		}
		if at++; at == len(x.names.slots) {
			at = 0
		}
	}
}

// place is where the search for a name begins, and its tag.
func (n *names) place(name []byte) (at int, tag uint32) {
	hash := maphash.Bytes(n.seed, name)
	hi, _ := bits.Mul64(hash, uint64(len(n.slots)))
	return int(hi), uint32(hash)
}

// insert adds a node whose name is not there yet.
func (x *Index) insert(id nodeID) {
	n := &x.names
	if n.taken++; 3*n.taken > 2*len(n.slots) {
		x.resize(2 * n.taken)
	}
	at, tag := n.place([]byte(x.node(id).name))
	for n.slots[at].node != 0 {
		at = (at + 1) % len(n.slots)
	}
	n.slots[at] = slot{tag, id}
}

// resize makes room for more names.
func (x *Index) resize(slots int) {
	old := x.names
	x.names = names{maphash.MakeSeed(), make([]slot, slots), 0}
	for _, s := range old.slots {
		if s.node != 0 {
			x.insert(s.node)
		}
	}
	x.names.taken = old.taken
}

// connect makes the nodes of all names: of those of the sets, and of those above them up to the zones'. None is in two
// zones, since a configuration has no set where another zone would answer for its name.
func (x *Index) connect() {
	x.resize(3 * (len(x.sets) + len(x.zones) + 1) / 2)
	for i := range x.sets {
		s := &x.sets[i]
		if first := x.node(x.find([]byte(s.Config.Name))); first != nil {
			s.sibling, first.set.sibling = first.set.sibling, s
			continue
		}
		x.insert(nodeID(i + 1))
	}
	for name, z := range x.zones {
		x.node(x.ensure(z, name)).apex = true
	}
	for i := range x.sets {
		x.ascend(&x.sets[i])
	}
}

// ensure returns the node of a name of the zone, making one without sets if there is none.
func (x *Index) ensure(z *Zone, name string) nodeID {
	id := x.find([]byte(name))
	if id == 0 {
		x.bare = append(x.bare, Node{name: name, zone: z})
		id = nodeID(len(x.sets) + len(x.bare))
		x.insert(id)
	}
	return id
}

// ascend makes the empty non-terminals above a set.
func (x *Index) ascend(s *Set) {
	z, name := s.node.zone, s.Config.Name
	for name != z.Config.Name {
		child := name
		off, end := dns.NextLabel(name, 0)
		if name = name[off:]; end {
			name = "."
		}
		id := x.ensure(z, name)
		if strings.HasPrefix(child, "*.") {
			x.node(id).wildcard = x.find([]byte(child))
		}
	}
}
