package flood

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

// parse reads an answer with one A record for a query. It is by hand, since a library would take as long for it as the
// server that is to be loaded takes for the answer; it refuses whatever looks otherwise than it should.
func parse(m, query []byte) (answer, error) {
	const header, rest = 12, 10 // octets: of a message, and of a record between its name and its data
	const flags = 0x8400        // QR and AA, of an authoritative answer without error
	name := query[header : len(query)-4]
	switch {
	case binary.BigEndian.Uint16(m[2:])&^0x0100 != flags: // RD is as it was asked
		return answer{}, fmt.Errorf("flags %#04x", binary.BigEndian.Uint16(m[2:]))
	case !bytes.Equal(m[4:8], []byte{0, 1, 0, 1}):
		return answer{}, fmt.Errorf("counts %x", m[4:header])
	case !bytes.HasPrefix(m[header:], query[header:]):
		return answer{}, fmt.Errorf("another question: %x", m)
	}
	m = m[len(query):]
	if owner, ok := bytes.CutPrefix(m, []byte{0xc0, header}); ok {
		m = owner
	} else if owner, ok := bytes.CutPrefix(m, name); ok {
		m = owner
	} else {
		return answer{}, fmt.Errorf("another owner: %x", m)
	}
	if len(m) != rest+4 || binary.BigEndian.Uint16(m) != dns.TypeA || binary.BigEndian.Uint16(m[8:]) != 4 {
		return answer{}, fmt.Errorf("no A record, or more than one: %x", m)
	}
	return answer{addr: netip.AddrFrom4([4]byte(m[rest:])), ttl: binary.BigEndian.Uint32(m[4:])}, nil
}
