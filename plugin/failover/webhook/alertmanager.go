package webhook

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An alert ends by itself unless it is told again, so that a server that is gone leaves none behind. As Prometheus does
// it, an alert is told every minute and lasts for a few of these.
const (
	alertEvery = time.Minute
	alertLasts = 5 * time.Minute
)

// alertsPath is that of the API, version 2, below the address of an Alertmanager.
const alertsPath = "/api/v2/alerts"

// alert is a postableAlert of that API.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// alertsOf words what a message says of each condition. The end of one is told even where nothing is known of its
// beginning, which may have been told by an earlier process. What is no condition is an alert that ends by itself.
func alertsOf(m *message, b believed, instance string, now time.Time) []alert {
	conditions := conditionsOf(&m.Event)
	if len(conditions) == 0 {
		one := condition{"Failover" + strings.ToUpper(string(m.Kind[:1])) + string(m.Kind[1:]), "info"}
		return []alert{alertOf(m, one, instance, m.At, m.At.Add(alertLasts))}
	}
	all := make([]alert, 0, len(conditions))
	order := func(x, y condition) int { return cmp.Compare(x.name, y.name) }
	news := slices.Contains(slices.Collect(maps.Values(conditions)), true)
	for _, c := range slices.SortedFunc(maps.Keys(conditions), order) {
		since := b.since(m.subject, c)
		if news && !conditions[c] && since.IsZero() {
			continue // that it is not so is no news
		}
		switch {
		case conditions[c] && since.IsZero():
			since = m.At
		case since.IsZero() || since.After(m.At): // a clock that was set back must not make it end before it began
			since = m.At
		}
		ends := m.At
		if conditions[c] {
			ends = now.Add(alertLasts)
		}
		all = append(all, alertOf(m, c, instance, since, ends))
	}
	return all
}

func alertOf(m *message, c condition, instance string, starts, ends time.Time) alert {
	labels := map[string]string{"alertname": c.name, "severity": c.severity, "instance": instance}
	notes := map[string]string{"summary": m.Text}
	// What tells one alert from another must be the same at its beginning and its end; all else is annotation.
	for name, value := range map[string]string{
		"zone": m.Zone, "name": m.Set, "type": m.Type, "check": m.Check, "target": m.Target,
	} {
		put(labels, name, value)
	}
	for name, value := range map[string]string{
		"from": m.From, "to": m.To, "reason": m.Reason, "description": m.Detail, "author": m.Author,
	} {
		put(notes, name, value)
	}
	if m.Manual != nil && c == byHand {
		labels["check"], labels["manual"] = m.Manual.Checks, strconv.FormatUint(m.Manual.ID, 10)
		put(notes, "state", m.Manual.State)
	}
	if m.Flapping != nil {
		notes["flapping"] = strconv.FormatBool(!m.Flapping.Over)
	}
	return alert{Labels: labels, Annotations: notes, StartsAt: starts, EndsAt: ends}
}

func put(to map[string]string, name, value string) {
	if value != "" {
		to[name] = value
	}
}

func (a *alert) order() string {
	parts := make([]string, 0, len(a.Labels))
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		parts = append(parts, name+"="+a.Labels[name])
	}
	return strings.Join(parts, "\x00")
}
