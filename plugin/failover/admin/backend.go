package admin

import (
	"net/netip"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// Backend is what the API is about. Its methods are called from many goroutines at a time and return soon. An error that
// is a *Refusal tells what is wrong with a request.
type Backend interface {
	Status() api.Status
	Checks(CheckQuery) (api.Checks, error)
	Check(id string) (api.Check, error)
	Sets(SetQuery) (api.Sets, error)
	// Events gives the first events after a number, at most limit of them.
	Events(after uint64, limit int) api.Events
	// Explain tells how an answer comes about.
	Explain(Question) (api.Explanation, error)
	// News gives a channel that holds a signal while there are new events, until stop is called.
	News() (news <-chan struct{}, stop func())

	Manual() api.Manuals
	NewManual(api.NewManual) (api.Manual, error)
	EndManual(id uint64, author string) (api.Ended, error)
	EndManualOf(pattern, author string) (api.Ended, error)
	Failback(api.NewFailback) (api.Failback, error)

	Drills() api.Drills
	// NewDrill begins a drill, or with dry only tells what it would be.
	NewDrill(asked api.NewDrill, dry bool) (api.Drill, error)
	EndDrill(id uint64, author string) (api.Drill, error)

	// HeartbeatToken gives the token of a check that others post for, nil for none of its own, and whether there is such a
	// check. Heartbeat is called when somebody has posted who may.
	HeartbeatToken(name string) (token func() string, known bool)
	Heartbeat(name string)

	// Audit keeps that somebody has changed something.
	Audit(Change)
}

// CheckQuery chooses checks; zero values choose all.
type CheckQuery struct {
	Match string // a pattern as of a manual state
	State string // what counts
	After string // the last id of the page before
	Limit int
}

// SetQuery chooses record sets; zero values choose all.
type SetQuery struct {
	Match string // a name with "*" and "?"
	Zone  string
	Type  string
	// Trouble chooses those without a healthy record, and failover sets that are not on their first record.
	Trouble bool
	After   string // as Sets.Next has given it
	Limit   int
}

// Question is what is to be explained; all but the name may be empty.
type Question struct {
	Name, Type, Client string
	Assume             []string // ID=STATE
}

// Change is a request that has changed something.
type Change struct {
	Author string
	Remote netip.AddrPort // zero for a client on a socket
	What   string         // the method and the path
}

// Refusal is an error that tells what is wrong with a request.
type Refusal struct {
	Status int    // of HTTP
	Field  string // what is wrong in it, where it is one field
	Text   string
}

func (r *Refusal) Error() string {
	if r.Field != "" {
		return r.Field + ": " + r.Text
	}
	return r.Text
}
