package failover

import (
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/caddy"
)

// Status implements admin.Backend.
func (backend) Status() api.Status {
	d := listed.get()
	stats := checks.Stats()
	s := api.Status{
		Version: caddy.AppName + "-" + caddy.AppVersion, Now: time.Now().Round(0), Ready: (*Failover)(nil).Ready(),
		Isolated: stats.Isolated, Manual: len(manuals.list()),
		StateFile: stateTrouble(),
	}
	live.Lock()
	s.Started = live.since.Round(0)
	live.Unlock()
	s.Event = events.seq()
	s.Checks.Held = stats.Held
	for at := 0; at < len(d.checks); {
		same := d.sameID(at)
		at += len(same)
		switch d.stateOf(same).state {
		case api.Healthy:
			s.Checks.Healthy++
		case api.Unhealthy:
			s.Checks.Unhealthy++
		default:
			s.Checks.Unknown++
		}
	}
	for i := range d.sets {
		set := d.sets[i].set
		s.Sets.All++
		if isAllDown(set) {
			s.Sets.AllDown++
		}
		if hasFailedOver(set) {
			s.Sets.FailedOver++
		}
	}
	return s
}

// isAllDown tells that a set has no healthy record of one of its types.
func isAllDown(set *zone.Set) bool {
	for f := range set.Config.Types() {
		if a := set.Answer(f); a != nil && a.AllDown {
			return true
		}
	}
	return false
}

// hasFailedOver tells that a failover set is not on its first record.
func hasFailedOver(set *zone.Set) bool {
	active := set.Active()
	return active != nil && set.Config.Kind == policy.Failover && active != set.Config.Records[0]
}
