package failover

import "github.com/seed-a19ac2b6/failover/health/probe"

// newProber makes the prober of a check: most make single attempts, which package probe does; the others know more than an
// attempt can find out.
func newProber(s probe.Spec) (probe.Prober, error) {
	switch s.Scheme {
	case probe.Kubernetes:
		return clusters.NewProber(s)
	case probe.Lookup:
		return lookups.NewProber(s)
	default:
		return probe.New(s)
	}
}
