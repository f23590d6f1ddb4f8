package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// TypeOf reads a type's mnemonic or TYPEnnn (RFC 3597), in any case.
func TypeOf(word string) (uint16, bool) {
	upper := strings.ToUpper(word)
	if rrtype, ok := dns.StringToType[upper]; ok {
		return rrtype, true
	}
	if digits, ok := strings.CutPrefix(upper, "TYPE"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		return uint16(n), err == nil
	}
	return 0, false
}

// typeName is the mnemonic of a type, TYPEnnn for one without.
func typeName(rrtype uint16) string {
	if rrtype == dns.TypeNone || rrtype == dns.TypeReserved {
		return "TYPE" + strconv.Itoa(int(rrtype))
	}
	return dns.Type(rrtype).String()
}

// parseValues returns the RRs of a record's values.
func (b *builder) parseValues(set *Set, values []string) ([]dns.RR, error) {
	rrs := make([]dns.RR, 0, len(values))
	addrs := make(map[netip.Addr]bool)
	for _, text := range values {
		switch set.Type {
		case 0, dns.TypeA, dns.TypeAAAA:
			addr, err := addressValue(text, set.Type)
			if err != nil {
				return nil, err
			}
			if addrs[addr] {
				return nil, fmt.Errorf("the value %s is given twice", addr)
			}
			addrs[addr] = true
			rrs = append(rrs, b.arena.addressRR(set.Name, addr))
			continue
		}
		rr, err := parseRData(set, text)
		if err != nil {
			return nil, fmt.Errorf("%s value %q: %w", typeName(set.Type), text, err)
		}
		for _, other := range rrs {
			if dns.IsDuplicate(rr, other) {
				return nil, fmt.Errorf("the value %q is given twice", text)
			}
		}
		rrs = append(rrs, rr)
	}
	return rrs, nil
}

// addressValue reads an address of the type, or of either family for type 0.
func addressValue(text string, rrtype uint16) (netip.Addr, error) {
	addr, err := parseAddr(text)
	if err != nil && rrtype == 0 && !addr.IsValid() {
		if near := nearest(text, []string{"alias", "check", "id"}); near != "" {
			return addr, fmt.Errorf("%w, did you mean %q?", err, near)
		}
		return addr, fmt.Errorf("%w; a record of another kind needs its TYPE", err)
	}
	switch {
	case err != nil:
		return addr, err
	case rrtype == dns.TypeA && !addr.Is4():
		return addr, fmt.Errorf("%q is not an IPv4 address, which type A needs", text)
	case rrtype == dns.TypeAAAA && !addr.Is6():
		return addr, fmt.Errorf("%q is not an IPv6 address, which type AAAA needs", text)
	}
	return addr, nil
}

func (a *arena) addressRR(name string, addr netip.Addr) dns.RR {
	header := dns.RR_Header{Name: name, Rrtype: dns.TypeAAAA, Class: dns.ClassINET}
	octets := a.octets.keep(addr.AsSlice())
	if addr.Is4() {
		header.Rrtype = dns.TypeA
		rr := a.a.one()
		rr.Hdr, rr.A = header, octets
		return rr
	}
	rr := a.aaaa.one()
	rr.Hdr, rr.AAAA = header, octets
	return rr
}

// parseRData returns the RR with the RDATA that text gives in zone-file form; names in it are relative to the zone.
func parseRData(set *Set, text string) (dns.RR, error) {
	header := dns.RR_Header{Name: set.Name, Rrtype: set.Type, Class: dns.ClassINET}
	if set.Type == dns.TypeTXT || set.Type == dns.TypeSPF {
		octets, err := unescape(text)
		if err != nil {
			return nil, err
		}
		if set.Type == dns.TypeSPF {
			return normalize(&dns.SPF{Hdr: header, Txt: characterStrings(octets)}, header)
		}
		return normalize(&dns.TXT{Hdr: header, Txt: characterStrings(octets)}, header)
	}
	if strings.ContainsAny(text, "\n\r") {
		return nil, errors.New("a value is one line")
	}
	parser := dns.NewZoneParser(strings.NewReader(". 0 IN "+typeName(set.Type)+" "+text+"\n"), set.Zone.Name, "")
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil {
		return nil, parseError(err)
	}
	switch {
	case !ok:
		return nil, errors.New("no data")
	case parser.Comment() != "":
		return nil, errors.New(`";" begins a comment; what is meant to be sent goes in quotes`)
	case rr.Header().Rrtype != set.Type:
		return nil, fmt.Errorf("this is data of type %s", typeName(rr.Header().Rrtype))
	}
	if _, more := parser.Next(); more || parser.Err() != nil {
		return nil, errors.New("more than one record")
	}
	return normalize(rr, header)
}

// parseError takes from an error of the zone parser what only makes sense in a zone file.
func parseError(err error) error {
	text, _, _ := strings.Cut(err.Error(), " at line: ")
	return errors.New(strings.TrimPrefix(text, "dns: "))
}

// normalize returns the RR as it comes off the wire, which gives equal data one form and proves that it can be sent.
func normalize(rr dns.RR, header dns.RR_Header) (dns.RR, error) {
	*rr.Header() = header
	wire := make([]byte, dns.Len(rr)+len(header.Name)+16)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, err
	}
	sent, _, err := dns.UnpackRR(wire[:end], 0)
	if err != nil {
		return nil, err
	}
	*sent.Header() = header
	return sent, nil
}

// unescape returns the octets that text means in a zone file: \DDD is an octet, \X is X (RFC 1035, section 5.1).
func unescape(text string) ([]byte, error) {
	octets := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			octets = append(octets, text[i])
			continue
		}
		if i++; i == len(text) {
			return nil, errors.New(`a backslash at the end escapes nothing; write \\ for one`)
		}
		if text[i] < '0' || text[i] > '9' {
			octets = append(octets, text[i])
			continue
		}
		n, err := strconv.ParseUint(text[i:min(i+3, len(text))], 10, 8)
		if err != nil || i+3 > len(text) {
			return nil, errors.New(`a backslash and a digit begin \DDD, an octet from 000 to 255`)
		}
		octets = append(octets, byte(n))
		i += 2
	}
	return octets, nil
}

// characterStrings splits octets into strings of at most 255 and writes them as miekg/dns has them.
func characterStrings(octets []byte) []string {
	var strs []string
	for len(octets) > 0 {
		n := min(len(octets), 255)
		var text strings.Builder
		for _, octet := range octets[:n] {
			switch {
			case octet == '"' || octet == '\\':
				text.WriteByte('\\')
				text.WriteByte(octet)
			case octet < ' ' || octet > '~':
				fmt.Fprintf(&text, "\\%03d", octet)
			default:
				text.WriteByte(octet)
			}
		}
		strs = append(strs, text.String())
		octets = octets[n:]
	}
	return strs
}
