package corefile

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// hostName reads an address, without brackets, or a host name, and returns it as probe.Spec has it.
func hostName(text string) (string, error) {
	if strings.Contains(text, ":") {
		if _, err := netip.ParseAddr(text); err != nil {
			return "", fmt.Errorf("%q is neither an address nor a host name", text)
		}
		addr, err := parseAddr(text)
		return addr.String(), err
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.String(), nil
	}
	name := strings.TrimSuffix(strings.ToLower(text), ".")
	if !plain(name + ".") {
		return "", fmt.Errorf("%q is not a host name", text)
	}
	// An address with a slip in it would be looked up as a name for ever.
	if last := name[strings.LastIndexByte(name, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("%q is neither an address nor a host name", text)
	}
	return name, nil
}

// hostHeader reads NAME[:PORT].
func hostHeader(text string) (string, error) {
	name, port, withPort := text, "", false
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		name, port, withPort = text[:i], text[i+1:], true
	}
	inner, bracketed := strings.CutPrefix(name, "[")
	if bracketed {
		inner = strings.TrimSuffix(inner, "]")
	}
	canonical, err := hostName(inner)
	if err != nil {
		return "", err
	}
	if is6 := strings.Contains(canonical, ":"); is6 != bracketed {
		return "", fmt.Errorf("%q: brackets go around an IPv6 address, and only there", text)
	} else if is6 {
		canonical = "[" + canonical + "]"
	}
	if withPort {
		n, err := integer(port, 1, 65535)
		if err != nil {
			return "", fmt.Errorf("port %w", err)
		}
		canonical += ":" + strconv.Itoa(n)
	}
	return canonical, nil
}

// parseAddr reads an address of a record or an endpoint.
func parseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return addr, fmt.Errorf("%q is not an address", text)
	case addr.Zone() != "":
		return addr, fmt.Errorf("%q: an address with a zone means something on one machine only", text)
	case addr.Is4In6():
		return addr, fmt.Errorf("%q: write it as %s", text, addr.Unmap())
	}
	return addr, nil
}

// isAddress tells an address from a host name, both as in probe.Spec.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// sameFamily tells whether a probe from source can reach host, as far as that is known.
func sameFamily(source netip.Addr, host string) bool {
	addr, err := netip.ParseAddr(host)
	return err != nil || addr.Is4() == source.Is4()
}
