package failover

import (
	"context"
	"strconv"
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/miekg/dns"
)

// pickAndTell draws an answer and publishes what was drawn as metadata. It is only for server blocks with the metadata
// plugin, which pay for it with a few allocations a query.
func pickAndTell(ctx context.Context, a *zone.Answer, draw zone.Draw) zone.Picked {
	ids := make([]string, 0, 1)
	draw.IDs = &ids
	got := a.Pick(draw)
	set := a.Set().Config
	metadata.SetValueFunc(ctx, "failover/record", func() string {
		return set.Name + " " + dns.Type(set.Types()[a.Family]).String()
	})
	metadata.SetValueFunc(ctx, "failover/policy", func() string { return set.Kind.String() })
	metadata.SetValueFunc(ctx, "failover/id", func() string {
		if len(ids) == 0 {
			return "-" // as the log plugin writes what is empty
		}
		return strings.Join(ids, ",")
	})
	metadata.SetValueFunc(ctx, "failover/degraded", func() string { return strconv.FormatBool(a.Degraded) })
	return got
}
