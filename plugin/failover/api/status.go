package api

import "time"

// Status is this server as a whole.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`
	Ready   bool      `json:"ready"`
	// Isolated tells that this server seems to be cut off, so that what fails is not believed.
	Isolated bool `json:"isolated"`
	// Checks counts checks by what counts, Sets record sets: all, those without a healthy record, and failover sets that
	// are not on their first record.
	Checks struct {
		Healthy   int `json:"healthy"`
		Unhealthy int `json:"unhealthy"`
		Unknown   int `json:"unknown"`
		Held      int `json:"held"`
	} `json:"checks"`
	Sets struct {
		All        int `json:"all"`
		AllDown    int `json:"all_down"`
		FailedOver int `json:"failed_over"`
	} `json:"sets"`
	Manual int    `json:"manual"` // manual states in force
	Event  uint64 `json:"event"`  // number of the last event
	// StateFile is the trouble with the state file, empty where there is none.
	StateFile string `json:"state_file,omitempty"`
}
