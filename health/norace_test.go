//go:build !race

package health

import "time"

// lawfulTime is how long the laws are watched.
const lawfulTime = time.Hour
