//go:build race

package health

import "time"

// lawfulTime is how long the laws are watched: not the full hour, for which the race detector takes minutes.
const lawfulTime = 20 * time.Minute
