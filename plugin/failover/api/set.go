package api

import "time"

// Set is a record set as it answers now.
type Set struct {
	Zone   string `json:"zone"`
	Name   string `json:"name"`
	Type   string `json:"type"` // "A/AAAA" for a set of addresses without a TYPE
	Policy string `json:"policy"`
	TTL    uint32 `json:"ttl"`
	// Settled tells that all that it depends on is in its best state.
	Settled bool `json:"settled"`
	// AllDown tells that no record is healthy, be it of one family only, so that the set's all_down decides.
	AllDown bool `json:"all_down,omitempty"`
	// Active is the id of the record that a failover set is on.
	Active string `json:"active,omitempty"`
	// FailbackWaits is the id of a better record that would be taken but for the set's failback, FailbackAt when it will
	// be, nil where somebody has to say so.
	FailbackWaits string     `json:"failback_waits,omitempty"`
	FailbackAt    *time.Time `json:"failback_at,omitempty"`
	Records       []Record   `json:"records"`
}

// Record is a record of a set.
type Record struct {
	ID      string `json:"id"`
	Healthy bool   `json:"healthy"`
	// Odds are the chance that an answer has it, from 0 to 1; of a set of addresses the larger one of its families'.
	Odds   float64 `json:"odds"`
	Weight *uint16 `json:"weight,omitempty"`
	Values []Value `json:"values,omitempty"`
	// Alias is the name that it leads to: that of a record set, or one that others answer for, of which Values are the
	// addresses that were found.
	Alias string `json:"alias,omitempty"`
	// Checks are the ids of the checks on the line of an alias, and of the one that looks its name up.
	Checks []string `json:"checks,omitempty"`
}

// Value is one value of a record.
type Value struct {
	Data    string   `json:"data"` // in zone-file form
	Type    string   `json:"type"`
	Healthy bool     `json:"healthy"`
	Checks  []string `json:"checks,omitempty"` // ids
}
