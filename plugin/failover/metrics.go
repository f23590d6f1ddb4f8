package failover

import (
	"fmt"

	"github.com/seed-a19ac2b6/failover/health"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics that count events of checks. All labels come from the configuration, or from closed lists. What is a state,
// and the answers, which are counted where queries find them without a lookup, are gathered by the collector.
var (
	probes = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: name,
		Name:      "probes_total",
		Help:      "Counter of finished probes by check, outcome and reason.",
	}, []string{"check", "outcome", "reason"})

	probeDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   name,
		Name:                        "probe_duration_seconds",
		Buckets:                     prometheus.ExponentialBuckets(0.00025, 4, 9), // 0.25 ms to 16 s
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
		Help:                        "Histogram of the time that probes took, by check.",
	}, []string{"check"})

	transitions = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: name,
		Name:      "check_transitions_total",
		Help:      "Counter of the changes of a check's state, by the state it went to and the reason.",
	}, []string{"check", "target", "state", "reason"})

	panics = promauto.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: name,
		Name:      "panics_total",
		Help:      "Counter of panics survived while making answers.",
	})
)

// observer counts and logs what the checks report. It is called from the goroutines that probe.
type observer struct{}

var _ health.Observer = observer{}

func (observer) Probed(d *health.Definition, r health.Result) {
	check := names.of(d)
	if check == "" {
		return // released while the probe was under way
	}
	probes.WithLabelValues(check, r.Outcome.String(), string(r.Reason)).Inc()
	probeDuration.WithLabelValues(check).Observe(r.Duration.Seconds())
}

func (observer) Transition(d *health.Definition, t health.Transition) {
	check, target := names.of(d), d.Probe.Target()
	if check == "" {
		return
	}
	transitions.WithLabelValues(check, target, t.To.String(), string(t.Reason)).Inc()
	text := fmt.Sprintf("check %s %s is %s, was %s: %s", check, target, t.To, t.From, because(t))
	if t.To == health.Unhealthy {
		log.Warning(text)
		return
	}
	log.Info(text)
}

// because words what decided: "status 500 (status, 3 failures)".
func because(t health.Transition) string {
	text := fmt.Sprintf("(%s, %d failures)", t.Reason, t.Failures)
	switch {
	case t.Passes == 1:
		text = fmt.Sprintf("(%s, 1 pass)", t.Reason)
	case t.Passes > 1:
		text = fmt.Sprintf("(%s, %d passes)", t.Reason, t.Passes)
	case t.Failures == 1:
		text = fmt.Sprintf("(%s, 1 failure)", t.Reason)
	}
	if t.Detail != "" {
		text = t.Detail + " " + text
	}
	return text
}
