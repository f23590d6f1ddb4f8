package failover

import (
	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

func init() { prometheus.MustRegister(collector{}) }

// collector gathers states when it is scraped: nothing has to be kept up to date, and no series outlives a reload.
// Where generations or server blocks have the same series, it appears once, with the worse value.
type collector struct{}

func describe(metric, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, name, metric), help, labels, nil)
}

var (
	checkState = describe("check_state",
		"State of a running check: 1 healthy, 0 unhealthy, -1 unknown.", "check", "target")
	answers = describe("answers_total",
		"Counter of answers by record set and kind.", "zone", "name", "type", "kind")
	allDown = describe("all_down",
		"1 while no record of the set is healthy, else 0.", "zone", "name", "type")
	active = describe("active",
		"1 for the record that a failover set is on.", "zone", "name", "type", "id")
)

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{checkState, answers, allDown, active} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	runners := liveRunners()
	collectChecks(runners, ch)
	collectSets(runners, ch)
	tallies.each(func(key tallyKey, t *zone.Tally) {
		counter := func(rrtype, kind string, v uint64) {
			if v == 0 {
				return // most kinds never come up, and there may be very many sets
			}
			ch <- prometheus.MustNewConstMetric(answers, prometheus.CounterValue, float64(v),
				key.zone, key.name, rrtype, kind)
		}
		if key.name == "" {
			counter("", "nxdomain", t.NXDomain.Load())
			counter("other", "nodata", t.NoData.Load())
			return
		}
		counter(key.rrtype, "healthy", t.Healthy.Load())
		counter(key.rrtype, "all_down", t.AllDown.Load())
		counter(key.rrtype, "nodata", t.NoData.Load())
	})
}

func collectChecks(runners []*runner, ch chan<- prometheus.Metric) {
	type series struct{ check, target string }
	states := make(map[series]float64)
	value := map[health.State]float64{health.Healthy: 1, health.Unhealthy: 0, health.Unknown: -1}
	for _, r := range runners {
		for i := range r.config.Checks {
			c := &r.config.Checks[i]
			v := value[r.lease.Status(i).State]
			for _, n := range c.Names {
				key := series{n, c.Definition.Probe.Target()}
				if old, ok := states[key]; !ok || v < old {
					states[key] = v
				}
			}
		}
	}
	for key, v := range states {
		ch <- prometheus.MustNewConstMetric(checkState, prometheus.GaugeValue, v, key.check, key.target)
	}
}

func collectSets(runners []*runner, ch chan<- prometheus.Metric) {
	type series struct{ zone, name, rrtype, id string }
	down := make(map[series]float64)
	on := make(map[series]bool)
	for _, r := range runners {
		for _, s := range r.index.Sets() {
			for f, rrtype := range s.Config.Types() {
				a := s.Answer(f)
				if a == nil {
					continue
				}
				key := series{s.Config.Zone.Name, s.Config.Name, dns.Type(rrtype).String(), ""}
				v := 0.0
				if a.AllDown {
					v = 1
				}
				down[key] = max(down[key], v)
				if record := s.Active(); record != nil {
					key.id = record.ID
					on[key] = true
				}
			}
		}
	}
	for k, v := range down {
		ch <- prometheus.MustNewConstMetric(allDown, prometheus.GaugeValue, v, k.zone, k.name, k.rrtype)
	}
	for k := range on {
		ch <- prometheus.MustNewConstMetric(active, prometheus.GaugeValue, 1, k.zone, k.name, k.rrtype, k.id)
	}
}
