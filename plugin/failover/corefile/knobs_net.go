package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

const (
	maxResolvers = 8
	// maxSend keeps what is sent within what most networks carry without a second thought.
	maxSend = 4096
	// maxRcode is the last code that says something of a question and not of EDNS or TSIG.
	maxRcode = 15
)

// setResolver reads ADDRESS[:PORT]...
func setResolver(s *settings, v []string) error {
	servers := make([]string, 0, len(v))
	for _, text := range v {
		server, err := nameServer(text)
		if err != nil {
			return err
		}
		servers = append(servers, server.String())
	}
	if server, twice := repeated(servers); twice {
		return fmt.Errorf("%s is named twice", server)
	}
	s.probe.Resolver = strings.Join(servers, " ")
	return nil
}

// nameServer reads ADDRESS[:PORT], an IPv6 address with or, where it has no port, without brackets.
func nameServer(text string) (netip.AddrPort, error) {
	address, port := text, "53"
	if inner, ok := strings.CutPrefix(text, "["); ok {
		var rest string
		address, rest, ok = strings.Cut(inner, "]")
		if !ok || rest != "" && rest[0] != ':' || !strings.Contains(address, ":") {
			return netip.AddrPort{}, fmt.Errorf("%q is not an address with a port", text)
		}
		if rest != "" {
			port = rest[1:]
		}
	} else if strings.Count(text, ":") == 1 {
		address, port, _ = strings.Cut(text, ":")
	}
	addr, err := parseAddr(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if addr.IsUnspecified() || addr.IsMulticast() {
		return netip.AddrPort{}, fmt.Errorf("%q is not the address of one host", text)
	}
	n, err := integer(port, 1, 65535)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %w", err)
	}
	return netip.AddrPortFrom(addr, uint16(n)), nil // #nosec G115 -- checked above
}

// octets reads what is to be sent. Errors do not repeat it, since it may hold a password.
func octets(text string) (string, error) {
	var out strings.Builder
	for rest := text; rest != ""; {
		plain, escaped, found := strings.Cut(rest, `\`)
		out.WriteString(plain)
		if !found {
			break
		}
		if escaped == "" {
			return "", errors.New("a backslash at the end escapes nothing")
		}
		letter := escaped[0]
		rest = escaped[1:]
		switch letter {
		case 'r':
			out.WriteByte('\r')
		case 'n':
			out.WriteByte('\n')
		case 't':
			out.WriteByte('\t')
		case '0':
			out.WriteByte(0)
		case '\\':
			out.WriteByte('\\')
		case 'x':
			if len(rest) < 2 {
				return "", errors.New(`\x takes two hexadecimal digits`)
			}
			octet, err := strconv.ParseUint(rest[:2], 16, 8)
			if err != nil {
				return "", errors.New(`\x takes two hexadecimal digits`)
			}
			out.WriteByte(byte(octet))
			rest = rest[2:]
		default:
			return "", errors.New(`a backslash stands before r, n, t, 0, x or another backslash only`)
		}
	}
	if out.Len() > maxSend {
		return "", fmt.Errorf("it is longer than %d bytes", maxSend)
	}
	return out.String(), nil
}

// setRcode reads CODE,CODE...
func setRcode(s *settings, v []string) error {
	var codes []int
	for name := range strings.SplitSeq(v[0], ",") {
		code, known := dns.StringToRcode[strings.ToUpper(name)]
		if !known || code > maxRcode {
			return unknownCode(name)
		}
		codes = append(codes, code)
	}
	slices.Sort(codes)
	names := make([]string, 0, len(codes))
	for _, code := range slices.Compact(codes) {
		names = append(names, dns.RcodeToString[code])
	}
	s.probe.Rcode = strings.Join(names, ",")
	return nil
}

func unknownCode(name string) error {
	// nearest compares in small letters.
	small := make([]string, 0, len(dns.StringToRcode))
	for text, code := range dns.StringToRcode {
		if code <= maxRcode {
			small = append(small, strings.ToLower(text))
		}
	}
	if near := nearest(name, small); near != "" {
		return fmt.Errorf("%q is not a response code, did you mean %q?", name, strings.ToUpper(near))
	}
	return fmt.Errorf("%q is not a response code such as NOERROR or NXDOMAIN", name)
}
