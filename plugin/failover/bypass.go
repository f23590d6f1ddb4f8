package failover

import (
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/miekg/dns"
)

// maxBypass bounds the list for the cache plugin, which walks it for every query of the server block.
const maxBypass = 32

// CacheBypassZones tells the cache plugin of the same server block what never to keep: our zones, or only the names of
// our record sets where the next plugins answer for the others (D10). It is asked at startup, maybe before our own.
func (f *Failover) CacheBypassZones() []string {
	var zones []string
	for _, z := range f.config.Zones {
		switch {
		case z.Cacheable:
		case z.Name == "." || len(z.Fall.Zones) > 0:
			zones = append(zones, bypassNames(z)...)
		default:
			zones = append(zones, z.Name)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// bypassNames lists the names of a zone's sets, shortened label by label while there are too many of them; a name
// stands for all below it. It never gives the root, which would turn the cache off for everything.
func bypassNames(z *corefile.Zone) []string {
	names := make([]string, 0, len(z.Sets))
	for _, s := range z.Sets {
		names = append(names, strings.TrimPrefix(s.Name, "*."))
	}
	for {
		slices.Sort(names)
		names = slices.Compact(names)
		deepest := 0
		for _, n := range names {
			deepest = max(deepest, dns.CountLabel(n))
		}
		if len(names) <= maxBypass || deepest <= max(1, dns.CountLabel(z.Name)) {
			break
		}
		for i, n := range names {
			if dns.CountLabel(n) == deepest {
				off, _ := dns.NextLabel(n, 0)
				names[i] = n[off:]
			}
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "." })
}
