package failover

import (
	"fmt"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

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

	probePhase = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   name,
		Name:                        "probe_phase_seconds",
		Buckets:                     prometheus.ExponentialBuckets(0.00025, 4, 9), // 0.25 ms to 16 s
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
		Help:                        "Histogram of the time that the parts of probes took, by check and phase.",
	}, []string{"check", "phase"})

	processEvents = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: name,
		Name:      "events_total",
		Help:      "Counter of the events of this process, by kind.",
	}, []string{"event"})

	panics = promauto.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: name,
		Name:      "panics_total",
		Help:      "Counter of panics survived while making answers, or in the admin API.",
	})
)

// phases are the parts of a probe, in their order.
var phases = [...]string{"resolve", "connect", "tls", "first_byte"}

// observer counts and logs what the checks report. It is called from the goroutines that probe.
type observer struct{}

var _ health.Observer = observer{}

func (observer) Probed(d health.Definition, r probe.Result) {
	check := names.of(&d)
	if !names.probed(check, r.Outcome, r.Reason) {
		return // released while the probe was under way
	}
	// That an API server is away is told by clusterTold, once and not for each check; and what we broke off is no news.
	told := r.Reason == probe.ReasonStale || r.Reason == probe.ReasonCanceled
	if r.Outcome == probe.Indeterminate && !told && names.excuse(check, r.Reason, time.Now()) {
		log.Warningf("check %s %s: a probe says nothing of the target, so its state stays: %s (%s)",
			check, d.Probe.Target(), r.Detail, r.Reason)
	}
	latencies.add(&d, r.Duration)
	probeDuration.WithLabelValues(check).Observe(r.Duration.Seconds())
	for i, took := range [...]time.Duration{r.Phases.Resolve, r.Phases.Connect, r.Phases.TLS, r.Phases.FirstByte} {
		if took > 0 {
			probePhase.WithLabelValues(check, phases[i]).Observe(took.Seconds())
		}
	}
}

func (observer) Happened(e health.Event) {
	told := api.Event{At: e.At, Kind: api.EventKind(e.Kind)}
	switch e.Kind {
	case health.EventIsolated:
		told.Text = "this server seems to be cut off: what fails is not believed, and states stay as they are"
	case health.EventConnected:
		told.Text = "this server is not cut off any more: states change again"
	case health.EventUnwatched:
		told.Check, told.Target, told.Detail = names.of(&e.Definition), e.Definition.Probe.Target(), e.Cause
		told.Text = fmt.Sprintf("check %s %s cannot be watched, and is read every interval only: %s",
			told.Check, told.Target, e.Cause)
	case health.EventResumed:
		told.Text = fmt.Sprintf("this process was stopped for %s: everything is probed again before anything becomes unhealthy",
			e.Lasted.Round(time.Second))
	}
	if e.Kind == health.EventConnected {
		log.Info(told.Text)
	} else {
		log.Warning(told.Text)
	}
	events.add(told)
}

func (observer) Transition(d health.Definition, t health.Transition) {
	check, target := names.of(&d), d.Probe.Target()
	if check == "" {
		return
	}
	keeper.touch(false)
	names.moved(nameSeries{check, target}, t.To, t.Reason)
	text := fmt.Sprintf("check %s %s is %s, was %s: %s", check, target, t.To, t.From, because(t))
	events.add(api.Event{
		At: t.At, Kind: api.EventTransition, Text: text, Check: check, Target: target,
		From: t.From.String(), To: t.To.String(), Reason: string(t.Reason), Detail: t.Detail,
	})
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
