package failover

import (
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
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
	checkHeld = describe("check_held",
		"1 for a check that has failures enough to be unhealthy and is not believed yet.", "check", "target")
	lastProbe = describe("check_last_probe_timestamp_seconds",
		"When the last probe of a check ended, and how.", "check", "target", "outcome", "reason")
	transitions = describe("check_transitions_total",
		"Counter of the changes of a check's state, by the state it went to and the reason.",
		"check", "target", "state", "reason")
	loaded = describe("config_loaded_timestamp_seconds",
		"When the configuration that answers was loaded.")
	runningChecks = describe("checks",
		"Number of distinct checks that run.")
	inFlight = describe("probes_in_flight",
		"Number of probes under way.")
	waiting = describe("probes_waiting",
		"Number of checks that are due and wait for their turn.")
	latest = describe("probe_lateness_max_seconds",
		"The longest that a probe of the last minute began after its time.")
	cutOff = describe("isolated",
		"1 while this server seems to be cut off, so that what fails is not believed.")
	answers = describe("answers_total",
		"Counter of answers by record set and kind.", "zone", "name", "type", "kind")
	allDown = describe("all_down",
		"1 while no record of the set is healthy, else 0.", "zone", "name", "type")
	switchCounts = describe("switches_total",
		"Counter of the changes of record sets, by kind: failover, failback, all_down, recovered.",
		"zone", "name", "type", "kind")
	manualStates = describe("manual_states",
		"Number of manual states in force.")
	manualCheck = describe("manual_check",
		"1 for a check that has a manual state, and which.", "check", "target", "state")
	active = describe("active",
		"1 for the record that a failover set is on.", "zone", "name", "type", "id")
	offPrimary = describe("off_primary",
		"1 for a failover set that is on another record than its primary.", "zone", "name", "type")
)

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		checkState, checkHeld, lastProbe, transitions, loaded, runningChecks, inFlight, waiting, latest, cutOff, answers, allDown, active,
		switchCounts, manualStates, manualCheck, offPrimary,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	collectProbing(ch) // first: to gather what follows can itself make probes late, which the next scrape will tell
	if at := live.loaded(); !at.IsZero() {
		ch <- prometheus.MustNewConstMetric(loaded, prometheus.GaugeValue, float64(at.UnixMilli())/1000)
	}
	runners := liveRunners()
	collectChecks(runners, ch)
	collectSets(runners, ch)
	tallies.eachSwitched(func(zoneName, setName string, rrtype uint16, kind zone.SwitchKind, times uint64) {
		ch <- prometheus.MustNewConstMetric(switchCounts, prometheus.CounterValue, float64(times),
			zoneName, setName, dns.Type(rrtype).String(), string(kind))
	})
	ch <- prometheus.MustNewConstMetric(manualStates, prometheus.GaugeValue, float64(len(manuals.list())))
	tallies.each(func(zoneName, setName string, rrtype uint16, t *zone.Tally) {
		counter := func(label, kind string, v uint64) {
			if v == 0 {
				return // most kinds never come up, and there may be very many sets
			}
			ch <- prometheus.MustNewConstMetric(answers, prometheus.CounterValue, float64(v),
				zoneName, setName, label, kind)
		}
		if setName == "" {
			counter("", "nxdomain", t.NXDomain.Load())
			counter("other", "nodata", t.NoData.Load())
			return
		}
		label := dns.Type(rrtype).String()
		counter(label, "healthy", t.Healthy.Load())
		counter(label, "all_down", t.AllDown.Load())
		counter(label, "nodata", t.NoData.Load())
	})
}

func collectChecks(runners []*runner, ch chan<- prometheus.Metric) {
	type series struct{ check, target string }
	type view struct {
		state  float64
		manual health.State
		held   bool
		last   probe.Result
		probed time.Time
	}
	views := make(map[series]view)
	combined := make(map[string]health.State) // manual states of checks that are not probed
	value := map[health.State]float64{health.Healthy: 1, health.Unhealthy: 0, health.Unknown: -1}
	for _, r := range runners {
		for i := range r.config.Checks {
			c := &r.config.Checks[i]
			status := r.lease.Status(i)
			v := view{state: value[status.State], manual: status.Manual, held: status.Held}
			v.last, v.probed = r.lease.Last(i)
			target := c.Probe.Target()
			for _, n := range c.Names {
				key := series{n, target}
				if old, ok := views[key]; !ok || v.state < old.state {
					views[key] = v
				}
			}
		}
	}
	for _, r := range runners {
		for i, n := range r.config.Combined {
			if state := r.lease.Status(len(r.config.Checks) + i).Manual; state != health.Unknown {
				combined[n] = state
			}
		}
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for m := range names.transitions() {
		ch <- prometheus.MustNewConstMetric(transitions, prometheus.CounterValue, float64(m.times),
			m.name, m.target, m.to.String(), string(m.reason))
	}
	for n, state := range combined {
		gauge(manualCheck, 1, n, "", state.String())
	}
	for key, v := range views {
		gauge(checkState, v.state, key.check, key.target)
		if v.manual != health.Unknown {
			gauge(manualCheck, 1, key.check, key.target, v.manual.String())
		}
		if v.held {
			gauge(checkHeld, 1, key.check, key.target)
		}
		if !v.probed.IsZero() {
			gauge(lastProbe, float64(v.probed.UnixMilli())/1000, key.check, key.target,
				v.last.Outcome.String(), string(v.last.Reason))
		}
	}
}

// collectProbing tells how the probing itself goes.
func collectProbing(ch chan<- prometheus.Metric) {
	stats := checks.Stats()
	isolated := 0
	if stats.Isolated {
		isolated = 1
	}
	for d, v := range map[*prometheus.Desc]float64{
		runningChecks: float64(stats.Checks), inFlight: float64(stats.InFlight), waiting: float64(stats.Waiting),
		latest: stats.Lateness.Seconds(), cutOff: float64(isolated),
	} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
}

func collectSets(runners []*runner, ch chan<- prometheus.Metric) {
	type series struct{ zone, name, rrtype, id string }
	down := make(map[series]float64)
	on := make(map[series]bool)
	off := make(map[series]bool) // an id does not tell: a primary may have any
	for _, r := range runners {
		for s := range r.index.Sets() {
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
					if record != s.Config.Records[0] {
						off[key] = true
					}
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
	for k := range off {
		ch <- prometheus.MustNewConstMetric(offPrimary, prometheus.GaugeValue, 1, k.zone, k.name, k.rrtype)
	}
}
