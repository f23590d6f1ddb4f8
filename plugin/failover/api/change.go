package api

import "time"

// NewManual asks for a manual state. For and Until exclude each other; with neither it stands until it is ended.
type NewManual struct {
	Checks string     `json:"checks"`
	State  string     `json:"state"`
	Reason string     `json:"reason"`
	Author string     `json:"author"`
	For    string     `json:"for,omitempty"` // a Go duration, like 30m
	Until  *time.Time `json:"until,omitempty"`
}

// NewFailback asks a failover set to take its best healthy record now, whatever its failback says.
type NewFailback struct {
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"` // for a name with several failover sets
	Author string `json:"author"`
}

// NewDrill asks for a drill: the checks of the record that a failover set is on are unhealthy by hand for a while. Unless
// it is forced, a drill is refused after which the set would be on the same record still, or after which it or another
// record set would have no healthy record.
type NewDrill struct {
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"`
	Author string `json:"author"`
	For    string `json:"for,omitempty"` // a Go duration of a day at most; 5m without
	Force  bool   `json:"force,omitempty"`
}

// Drill is a drill under way. It ends by itself with its manual states, whatever becomes of who has asked for it.
type Drill struct {
	ID     uint64    `json:"id"`
	Zone   string    `json:"zone"`
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Author string    `json:"author"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	// Record is the id of the record that is forced down, Next of the one that answers instead, empty for none.
	Record string `json:"record"`
	Next   string `json:"next"`
	// Before and After are what the set could answer before the drill, and can with it, in zone-file form.
	Before []string `json:"before"`
	After  []string `json:"after"`
	// Manual are the manual states of the drill, Also the other record sets whose answers they change, Down those of all
	// that have no healthy record then. Of sets in thousands only some are looked at.
	Manual []Manual `json:"manual"`
	Also   []string `json:"also,omitempty"`
	Down   []string `json:"down,omitempty"`
}

// Error is what a request comes to that cannot be met. Field names what is wrong in it, where it is one field.
type Error struct {
	Error string `json:"error"`
	Field string `json:"field,omitempty"`
}
