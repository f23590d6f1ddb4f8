package webhook

import (
	"strconv"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// message is an event as a receiver is told of it.
type message struct {
	api.Event

	// Flapping is there where the event stands for several.
	Flapping *Flapping `json:"flapping,omitempty"`

	// id is the same in all attempts, so that a receiver knows what it has had already.
	id string
	// subject is what the message is about: a later message with the same one supersedes it. Empty for what is no state.
	subject string
	queued  time.Time
}

// Flapping tells that a check or a record set changes too often for every change to be told.
type Flapping struct {
	// Changes are those since it was last told of.
	Changes int `json:"changes"`
	// Over tells that it has calmed down, so that the event is how it came to rest; else more is to be expected.
	Over bool `json:"over"`
}

// subjectOf is what an event is about.
func subjectOf(e *api.Event) string {
	switch e.Kind {
	case api.EventTransition:
		return "check " + e.Check + "@" + e.Target
	case api.EventFailover, api.EventFailback, api.EventAllDown, api.EventRecovered:
		return "set " + e.Zone + " " + e.Set + " " + e.Type
	case api.EventIsolated, api.EventConnected:
		return "server"
	case api.EventStale, api.EventFresh:
		return "cluster " + e.Target
	case api.EventManual, api.EventRestored:
		if e.Manual != nil {
			return "manual " + strconv.FormatUint(e.Manual.ID, 10)
		}
	case api.EventDrill, api.EventDrillEnd:
		return "drill " + e.Zone + " " + e.Set + " " + e.Type
	}
	return ""
}

// flaps tells that events of the kind come by themselves, and so may come too often.
func flaps(kind api.EventKind) bool {
	switch kind {
	case api.EventTransition, api.EventFailover, api.EventFailback, api.EventAllDown, api.EventRecovered,
		api.EventIsolated, api.EventConnected, api.EventStale, api.EventFresh:
		return true
	}
	return false
}

// condition is something that may be wrong with a subject.
type condition struct {
	name, severity string
}

// The conditions. Their names are also those of the alert rules of Prometheus that watch the same.
var (
	allDown    = condition{"FailoverAllDown", "critical"}
	offPrimary = condition{"FailoverOffPrimary", "warning"}
	unhealthy  = condition{"FailoverCheckUnhealthy", "warning"}
	isolated   = condition{"FailoverIsolated", "critical"}
	stale      = condition{"FailoverProbesIndeterminate", "warning"}
	byHand     = condition{"FailoverManualState", "info"}
	drilled    = condition{"FailoverDrill", "info"}
)

// conditionsOf tells what an event says of the conditions of its subject. What it is silent of stays as it is.
func conditionsOf(e *api.Event) map[condition]bool {
	switch e.Kind {
	case api.EventTransition:
		return map[condition]bool{unhealthy: e.To == api.Unhealthy}
	case api.EventFailover, api.EventFailback:
		return map[condition]bool{offPrimary: !e.First, allDown: false}
	case api.EventAllDown:
		return map[condition]bool{allDown: true}
	case api.EventRecovered:
		// Of sets without tiers there is no To, and they are on nothing but what is best.
		return map[condition]bool{allDown: false, offPrimary: e.To != "" && !e.First}
	case api.EventIsolated, api.EventConnected:
		return map[condition]bool{isolated: e.Kind == api.EventIsolated}
	case api.EventStale, api.EventFresh:
		return map[condition]bool{stale: e.Kind == api.EventStale}
	case api.EventManual, api.EventRestored:
		return map[condition]bool{byHand: e.Kind == api.EventManual}
	case api.EventDrill, api.EventDrillEnd:
		return map[condition]bool{drilled: e.Kind == api.EventDrill}
	}
	return nil
}
