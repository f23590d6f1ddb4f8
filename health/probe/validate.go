package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// group is a part of a Spec that some kinds have: which fields, and what is wrong with them.
type group struct {
	fields []string
	check  func(Spec) error
}

var (
	fieldsEndpoint = group{[]string{"Host", "Port", "Source", "Resolver"}, Spec.checkEndpoint}
	fieldsTLS      = group{[]string{
		"ServerName", "Insecure", "CertFile", "KeyFile", "CAFile", "MinTLS", "Expires",
	}, Spec.checkTLS}
)

// Validate tells what is wrong with s, without touching files or the network.
func (s Spec) Validate() error {
	k, known := kinds[s.Scheme]
	if !known {
		return fmt.Errorf("scheme: %q is not one that can be probed", s.Scheme)
	}
	if err := s.checkForeign(k.takes); err != nil {
		return err
	}
	for _, g := range k.takes {
		if g.check == nil {
			continue
		}
		if err := g.check(s); err != nil {
			return err
		}
	}
	if k.check != nil {
		return k.check(s)
	}
	return nil
}

// checkForeign refuses what does not belong to the kind: it would be ignored silently.
func (s Spec) checkForeign(takes []group) error {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		mine := func(g group) bool { return slices.Contains(g.fields, name) }
		if name != "Scheme" && !v.Field(i).IsZero() && !slices.ContainsFunc(takes, mine) {
			return fmt.Errorf("a check of the kind %s takes no %s", s.Scheme, strings.ToLower(name))
		}
	}
	return nil
}

func (s Spec) checkEndpoint() error {
	addr, err := netip.ParseAddr(s.Host)
	if err != nil && !isHostName(s.Host) {
		return fmt.Errorf("target: %q is neither an address nor a host name", s.Host)
	}
	if s.Port == 0 && s.Scheme != ICMP {
		return errors.New("target: a port is missing")
	}
	if err == nil && s.Source.IsValid() && addr.Unmap().Is4() != s.Source.Unmap().Is4() {
		return fmt.Errorf("source: %s and the target %s are of different address families", s.Source, addr)
	}
	return s.checkResolver()
}

func (s Spec) checkTLS() error {
	if _, err := netip.ParseAddr(s.ServerName); err != nil && s.ServerName != "" && !isHostName(s.ServerName) {
		return fmt.Errorf("sni: %q is neither a host name nor an address", s.ServerName)
	}
	if (s.CertFile == "") != (s.KeyFile == "") {
		return errors.New("tls: a certificate needs its key, and a key its certificate")
	}
	if s.MinTLS != 0 && (s.MinTLS < tls.VersionTLS10 || s.MinTLS > tls.VersionTLS13) {
		return fmt.Errorf("tls_min: %s is not one of 1.0, 1.1, 1.2 and 1.3", tls.VersionName(s.MinTLS))
	}
	if s.Expires < 0 {
		return errors.New("expires: less than nothing cannot be left")
	}
	return nil
}

// isHostName is lenient: what is not a name is found out when it is resolved. It only keeps out what would be something
// else in a URL or a Host header.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 || name[0] == '.' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
