package zone

import (
	"hash/maphash"
	"math/bits"
	"strings"

	"github.com/miekg/dns"
)

// names is where the nodes of an index are found by their names: an open hash table of our own, since with very many
// names each line and each page of memory that a query has to read counts. It is one line of this table, which is small
// and has nothing in it for the garbage collector, and then the node itself. A map would have three lines read before.
type names struct {
	seed  maphash.Seed
	slots []slot
	taken int
	bits  int // of a slot, that are a nodeID
}

// slot is a nodeID and, in the bits above it, the tag of a name: of its hash what there is room for, so that few nodes
// are read in vain. It is 0 where there is no node.
type slot uint32

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
		return &x.bare[at-len(x.sets)].Node
	}
}

// name is that of a node.
func (x *Index) name(id nodeID) string {
	if at := int(id) - 1; at >= len(x.sets) {
		return x.bare[at-len(x.sets)].name
	}
	return x.sets[id-1].Config.Name
}

// find returns the node of a name in small letters, 0 if there is none.
func (x *Index) find(name []byte) nodeID {
	n := &x.names
	at, tag := n.place(name)
	for {
		s := n.slots[at]
		if s == 0 {
			return 0
		}
		if (s^tag)>>n.bits == 0 {
			id := nodeID(s ^ tag)
			if node := x.node(id); node.short.is(name) || !node.short.fits(name) && x.name(id) == string(name) {
				return id
			}
		}
		if at++; at == len(n.slots) {
			at = 0
		}
	}
}

// place is where the search for a name begins, and its tag.
func (n *names) place(name []byte) (at int, tag slot) {
	hash := maphash.Bytes(n.seed, name)
	hi, _ := bits.Mul64(hash, uint64(len(n.slots)))
	return int(hi), slot(hash) << n.bits
}

// insert adds a node whose name is not there yet.
func (x *Index) insert(id nodeID) {
	n := &x.names
	if n.taken++; 3*n.taken > 2*len(n.slots) {
		x.resize(2 * n.taken)
	}
	at, tag := n.place([]byte(x.name(id)))
	for n.slots[at] != 0 {
		at = (at + 1) % len(n.slots)
	}
	n.slots[at] = tag | slot(id)
}

// resize makes room for more names. There are always more slots than nodes.
func (x *Index) resize(slots int) {
	old := x.names
	x.names = names{seed: maphash.MakeSeed(), slots: make([]slot, slots), bits: bits.Len(uint(slots))}
	for _, s := range old.slots {
		if s != 0 {
			x.insert(nodeID(s & (1<<old.bits - 1)))
		}
	}
	x.names.taken = old.taken
}

// shortName is a name where it is compared, unless it is too long for that.
type shortName struct {
	length uint8
	octets [31]byte
}

func newShortName(name string) (s shortName) {
	if s.fits([]byte(name)) {
		s.length = uint8(copy(s.octets[:], name))
	}
	return s
}

func (s *shortName) fits(name []byte) bool { return len(name) <= len(s.octets) }

func (s *shortName) is(name []byte) bool {
	return s.length > 0 && string(s.octets[:s.length]) == string(name)
}

// connect makes the nodes of all names: of those of the sets, and of those above them up to the zones'. None is in two
// zones, since a configuration has no set where another zone would answer for its name.
func (x *Index) connect() {
	x.resize(3 * (len(x.sets) + len(x.zones) + 1) / 2)
	for i := len(x.outside); i < len(x.sets); i++ {
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
	for s := range x.Sets() {
		x.ascend(s)
	}
}

// ensure returns the node of a name of the zone, making one without sets if there is none.
func (x *Index) ensure(z *Zone, name string) nodeID {
	id := x.find([]byte(name))
	if id == 0 {
		x.bare = append(x.bare, bareNode{Node{short: newShortName(name), zone: z}, name})
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
