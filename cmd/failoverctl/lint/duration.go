package lint

import (
	"encoding/json"
	"time"
)

// Duration is one that is written as in a Corefile, "10s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// Seconds is the duration as a number.
func (d Duration) Seconds() float64 { return time.Duration(d).Seconds() }

// MarshalJSON writes it as a text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }
