package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// resolveBySystem gives the look-up by the system's resolver; dial is how its servers are reached, nil for the usual way.
//
// Of what is said of A, of AAAA and of the names that the search list makes, package net believes but one answer. So a
// server that knows by heart that there is no AAAA record, and fails for A, seems to say that there is no such host.
// That is believed only if it is said of each family when asked for by itself, and nothing fails.
func resolveBySystem(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(
	ctx context.Context, family, host string,
) ([]netip.Addr, error) {
	lenient := &net.Resolver{PreferGo: true, Dial: dial}
	strict := &net.Resolver{PreferGo: true, Dial: dial, StrictErrors: true}
	return func(ctx context.Context, family, host string) ([]netip.Addr, error) {
		addrs, err := lenient.LookupNetIP(ctx, family, host)
		if !isNotFound(err) {
			return addrs, err
		}
		families := []string{family}
		if family == "ip" {
			families = []string{"ip4", "ip6"}
		}
		for _, family := range families {
			found, again := strict.LookupNetIP(ctx, family, host)
			addrs = append(addrs, found...)
			if again != nil && !isNotFound(again) {
				err = again
			}
		}
		if len(addrs) > 0 {
			return addrs, nil
		}
		return nil, err
	}
}

// isNotFound tells whether a name server says that there is no such host, or no address of the family.
func isNotFound(err error) bool {
	missing, ok := errors.AsType[*net.DNSError](err)
	return ok && missing.IsNotFound
}
