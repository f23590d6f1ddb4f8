package failover

import (
	"fmt"
	"time"

	"github.com/seed-a19ac2b6/failover/health/cluster"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// clusters follows the Kubernetes clusters of the process: a reload must find what is followed already.
var clusters = cluster.New(clusterTold)

// verifyClusters refuses clusters to which there is no way: the language does not look into a kubeconfig.
func verifyClusters(config *corefile.Config) error {
	for _, c := range config.Clusters {
		err := cluster.Access{Kubeconfig: c.Kubeconfig, Context: c.Context}.Verify()
		switch {
		case err == nil:
		case c.Kubeconfig == "":
			return c.Errorf("kubernetes: %w (elsewhere, name a file with the word kubeconfig)", err)
		default:
			return c.Errorf("kubeconfig: %w", err)
		}
	}
	return nil
}

// clusterTold tells of an API server once, whatever number of checks it is about.
func clusterTold(n cluster.Notice) {
	e := api.Event{At: time.Now(), Kind: api.EventFresh, Target: n.Access.String()}
	switch {
	case n.Away:
		e.Kind, e.Reason, e.Detail = api.EventStale, "stale", n.Cause
		e.Text = fmt.Sprintf("the API server of %s is away, so checks of its Services keep their states: %s", e.Target, n.Cause)
		log.Warning(e.Text)
	case n.Unused:
		e.Text = fmt.Sprintf("the API server of %s, which was away, is not needed any more", e.Target)
	default:
		e.Text = fmt.Sprintf("the API server of %s is not away any more, and checks of its Services change their states again", e.Target)
		log.Info(e.Text)
	}
	events.add(e)
}
