package lookup

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const (
	// maxAddrs bounds what is kept of an answer, by family.
	maxAddrs = 64
	// maxCNAMEs bounds the CNAMEs that are followed in an answer.
	maxCNAMEs = 16
)

// read takes the addresses of a name out of an answer: those that its CNAMEs lead to, of the type that was asked for.
// Whatever else is there is ignored; the TTL is the lowest on the way.
func read(answer []dns.RR, name string, qtype uint16) Family {
	f := Family{TTL: ^uint32(0)}
	owner := name
	for range maxCNAMEs {
		cname := cnameOf(answer, owner)
		if cname == nil {
			break
		}
		owner = strings.ToLower(cname.Target)
		f.CNAMEs = append(f.CNAMEs, owner)
		f.TTL = min(f.TTL, cname.Hdr.Ttl)
	}
	for _, rr := range answer {
		h := rr.Header()
		if h.Rrtype != qtype || h.Class != dns.ClassINET || !strings.EqualFold(h.Name, owner) {
			continue
		}
		if addr, ok := addressOf(rr); ok {
			f.Addrs = append(f.Addrs, addr)
			f.TTL = min(f.TTL, h.Ttl)
		}
	}
	slices.SortFunc(f.Addrs, netip.Addr.Compare)
	f.Addrs = slices.Compact(f.Addrs)
	if len(f.Addrs) > maxAddrs {
		f.Addrs = slices.Clone(f.Addrs[:maxAddrs])
	}
	if len(f.Addrs) == 0 {
		f.TTL = 0
	}
	return f
}

func cnameOf(answer []dns.RR, owner string) *dns.CNAME {
	for _, rr := range answer {
		if cname, ok := rr.(*dns.CNAME); ok && cname.Hdr.Class == dns.ClassINET && strings.EqualFold(cname.Hdr.Name, owner) {
			return cname
		}
	}
	return nil
}

// addressOf is the address of a record that is fit to be handed on.
func addressOf(rr dns.RR) (netip.Addr, bool) {
	var addr netip.Addr
	var ok bool
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok = netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		addr, ok = netip.AddrFromSlice(rr.AAAA.To16())
	}
	return addr, ok && addr.IsValid()
}
