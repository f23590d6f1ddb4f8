package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/parse"

	"github.com/miekg/dns"
)

// Canonical returns name fully qualified, in lower case and in the one presentation form that a name has on the wire,
// so that equal names are equal strings.
func Canonical(name string) (string, error) {
	if endsInEscape(name) {
		return "", fmt.Errorf("%q ends in a backslash that escapes nothing", name)
	}
	fqdn := dns.Fqdn(name)
	if plain(fqdn) {
		return fqdn, nil
	}
	if _, ok := dns.IsDomainName(fqdn); !ok {
		return "", fmt.Errorf("%q is not a domain name", name)
	}
	var wire [255]byte
	end, err := dns.PackDomainName(fqdn, wire[:], 0, nil, false)
	if err != nil {
		return "", fmt.Errorf("%q is not a domain name: %w", name, err)
	}
	text, _, err := dns.UnpackDomainName(wire[:end], 0)
	if err != nil {
		return "", fmt.Errorf("%q is not a domain name: %w", name, err)
	}
	// Octets beyond ASCII are escaped by now, so this touches letters a-z only, as RFC 4343 has it.
	return strings.ToLower(text), nil
}

// endsInEscape tells that the last backslash of name has nothing to escape.
func endsInEscape(name string) bool {
	return (len(name)-len(strings.TrimRight(name, `\`)))%2 == 1
}

// plain tells that fqdn is canonical as it stands. Nearly all names are; the long way costs ten times as much, which
// counts with a hundred thousand of them.
func plain(fqdn string) bool {
	if len(fqdn) > 254 {
		return false
	}
	length := 0
	for i := range len(fqdn) {
		switch c := fqdn[i]; {
		case c == '.':
			if length == 0 {
				return false
			}
			length = 0
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			if length++; length > 63 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// qualify returns what name means in zone: "@" is the zone itself, a trailing dot makes it absolute.
func qualify(name, zone string) (string, error) {
	switch {
	case name == "@":
		return zone, nil
	case endsInEscape(name):
		// It would make the dot behind it part of the label, and lead out of the zone.
		return Canonical(name)
	case dns.IsFqdn(name):
		return Canonical(name)
	case zone == ".":
		return Canonical(name + ".")
	}
	return Canonical(name + "." + zone)
}

// owner is qualify for the name of a record set, which may have a wildcard as its leftmost label.
func owner(name, zone string) (string, error) {
	fqdn, err := qualify(name, zone)
	if err != nil {
		return "", err
	}
	if i := strings.LastIndexByte(fqdn, '*'); i > 0 || i == 0 && !strings.HasPrefix(fqdn, "*.") {
		return "", fmt.Errorf("%q: a wildcard \"*\" is the whole leftmost label of a name", name)
	}
	return fqdn, nil
}

// host is qualify for a name that others are sent to.
func host(name, zone string) (string, error) {
	fqdn, err := qualify(name, zone)
	if err == nil && strings.Contains(fqdn, "*") {
		err = fmt.Errorf("%q: a wildcard is only for the name of a record set", name)
	}
	return fqdn, err
}

// zoneArg reads a zone as CoreDNS does (a reverse zone may be a CIDR), but refuses what CoreDNS drops.
func zoneArg(arg string) ([]string, error) {
	if _, rest := parse.Transport(arg); rest != arg {
		return nil, fmt.Errorf("%q: a zone has no scheme", arg)
	}
	address, _, isCIDR := strings.Cut(arg, "/")
	if _, err := netip.ParsePrefix(arg); isCIDR && err != nil {
		// What looks like a prefix and is none would become a zone of that odd name.
		if _, err := netip.ParseAddr(address); err == nil {
			return nil, fmt.Errorf("%q is not a prefix", arg)
		}
	}
	if strings.ContainsAny(arg, "*{}") {
		return nil, fmt.Errorf("%q is not a zone", arg)
	}
	hosts, port, err := plugin.SplitHostPort(arg)
	if err != nil {
		return nil, fmt.Errorf("%q is not a zone: %w", arg, err)
	}
	if port != "" {
		return nil, fmt.Errorf("%q: a zone has no port", arg)
	}
	for i := range hosts {
		if hosts[i], err = Canonical(hosts[i]); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

// zonesOf returns the zones of a stanza: those it names, else those of the server block.
func zonesOf(args, keys []string) ([]string, error) {
	var zones []string
	seen := make(map[string]bool)
	for _, arg := range args {
		hosts, err := zoneArg(arg)
		if err != nil {
			return nil, err
		}
		for _, zone := range hosts {
			if seen[zone] {
				return nil, fmt.Errorf("the zone %s is named twice", zone)
			}
			seen[zone] = true
			zones = append(zones, zone)
		}
	}
	if len(args) > 0 {
		return zones, nil
	}
	zones, err := zonesOfKeys(keys)
	if err == nil && len(zones) == 0 {
		err = errors.New("no zone: neither the stanza nor the server block names one")
	}
	return zones, err
}

// zonesOfKeys returns the zones of a server block. One zone on two ports is one zone for us.
func zonesOfKeys(keys []string) ([]string, error) {
	var zones []string
	seen := make(map[string]bool)
	for _, key := range keys {
		hosts := plugin.Host(key).NormalizeExact()
		if len(hosts) == 0 {
			return nil, fmt.Errorf("the server block's %q is not a zone; name the zones of the stanza", key)
		}
		// The server has vetted its keys.
		for _, host := range hosts {
			zone, err := Canonical(host)
			if err != nil {
				return nil, err
			}
			if !seen[zone] {
				seen[zone] = true
				zones = append(zones, zone)
			}
		}
	}
	return zones, nil
}

// apart tells that a zone has no name in common with any of the zones.
func apart(zone string, zones []string) bool {
	return !slices.ContainsFunc(zones, func(other string) bool {
		return dns.IsSubDomain(other, zone) || dns.IsSubDomain(zone, other)
	})
}

// longest calls is with fqdn and its ancestors, longest first, and returns the first that is accepted.
func longest(fqdn string, is func(string) bool) (string, bool) {
	for off, end := 0, false; !end; off, end = dns.NextLabel(fqdn, off) {
		if is(fqdn[off:]) {
			return fqdn[off:], true
		}
	}
	return ".", is(".")
}
