package api

// Checks is a page of checks in the order of their ids. Next is what to ask for the checks after, empty at the end.
type Checks struct {
	Checks []Check `json:"checks"`
	Next   string  `json:"next,omitempty"`
}

// Sets is a page of record sets in the order of their names. Next is what to ask for the sets after, empty at the end.
type Sets struct {
	Sets []Set  `json:"sets"`
	Next string `json:"next,omitempty"`
}

// Events are events, the oldest first, and the number of the last one that there is.
type Events struct {
	Events []Event `json:"events"`
	Last   uint64  `json:"last"`
}

// Manuals are the manual states in force, in the order in which they were made.
type Manuals struct {
	Manual []Manual `json:"manual"`
}

// Ended are the manual states that a request has ended.
type Ended struct {
	Ended []Manual `json:"ended"`
}

// Failback is what a failover set went back from and to; the same, where it was on its best healthy record already.
type Failback struct {
	Zone string `json:"zone"`
	Name string `json:"name"`
	Type string `json:"type"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Drills are the drills under way, in the order in which they were begun.
type Drills struct {
	Drills []Drill `json:"drills"`
}
