package api

import "time"

// EventKind tells what has happened.
type EventKind string

// The kinds of events.
const (
	EventTransition EventKind = "transition" // a check has changed its state
	EventFailover   EventKind = "failover"   // a failover set has moved to a record further down
	EventFailback   EventKind = "failback"   // it has moved up
	EventAllDown    EventKind = "all_down"   // no record of a set is healthy any more
	EventRecovered  EventKind = "recovered"  // one is again
	EventIsolated   EventKind = "isolated"   // this server seems to be cut off
	EventConnected  EventKind = "connected"  // it is not any more
	EventResumed    EventKind = "resumed"    // this process was stopped for a while
	EventUnwatched  EventKind = "unwatched"  // a check that should tell of changes cannot
	EventStale      EventKind = "stale"      // a Kubernetes API server is away: what it said may be out of date
	EventFresh      EventKind = "fresh"      // it is not away any more
	EventManual     EventKind = "manual"     // a manual state was made
	EventRestored   EventKind = "restored"   // a manual state was ended, or its time is over
	EventDrill      EventKind = "drill"      // a drill was begun
	EventDrillEnd   EventKind = "drill_end"  // it has ended
	EventAudit      EventKind = "audit"      // somebody has asked the admin API for a change
)

// EventKinds are all kinds, in the order of the list above.
var EventKinds = []EventKind{
	EventTransition, EventFailover, EventFailback, EventAllDown, EventRecovered, EventIsolated, EventConnected,
	EventResumed, EventUnwatched, EventStale, EventFresh, EventManual, EventRestored, EventDrill, EventDrillEnd, EventAudit,
}

// Event is something that has happened to a check, a record set, or this server.
type Event struct {
	// Seq numbers the events of a process without a gap, from 1.
	Seq  uint64    `json:"seq"`
	At   time.Time `json:"at"`
	Kind EventKind `json:"kind"`
	// Text is the whole in one sentence, for people.
	Text string `json:"text"`

	// Check and Target are of a transition, Target also of a cluster whose API server is away; Set (with its Type) of what concerns a record set.
	Check  string `json:"check,omitempty"`
	Target string `json:"target,omitempty"`
	Zone   string `json:"zone,omitempty"`
	Set    string `json:"set,omitempty"`
	Type   string `json:"type,omitempty"`
	// From and To are states of a check, or ids of records.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// First tells that the record To is the best that the set has, its primary.
	First bool `json:"first,omitempty"`
	// Reason is a word of why, Detail a sentence.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Manual is that of a manual state.
	Manual *Manual `json:"manual,omitempty"`
	// Author is who did it, where it was somebody.
	Author string `json:"author,omitempty"`
}
