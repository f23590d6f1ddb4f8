package webhook

import (
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The label webhook is the receiver's host, and its port where the URL has one.
var (
	sent = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: "failover",
		Name:      "webhook_sent_total",
		Help:      "Counter of requests to receivers of webhooks, by what came of them.",
	}, []string{"webhook", "result"})

	lost = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: "failover",
		Name:      "webhook_dropped_total",
		Help:      "Counter of messages that a receiver of webhooks was not told, and will not be.",
	}, []string{"webhook"})

	waiting = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: "failover",
		Name:      "webhook_queue",
		Help:      "Gauge of messages that a receiver of webhooks has yet to be told.",
	}, []string{"webhook"})
)

// show makes the series of a receiver, so that their first increase is seen.
func show(label string) {
	for _, r := range []result{ok, retry, refused} {
		sent.WithLabelValues(label, string(r))
	}
	lost.WithLabelValues(label)
	waiting.WithLabelValues(label)
}

// hide forgets them.
func hide(label string) {
	sent.DeletePartialMatch(prometheus.Labels{"webhook": label})
	lost.DeleteLabelValues(label)
	waiting.DeleteLabelValues(label)
}
