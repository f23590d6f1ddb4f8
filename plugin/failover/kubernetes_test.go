package failover

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/cluster"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// That an API server is away is one line and one event, however many checks go by it.
func TestAnAPIServerAwayIsToldOnce(t *testing.T) {
	d := health.Definition{Probe: probe.Spec{Scheme: probe.Kubernetes, Namespace: "prod", Service: "db"}.ID()}
	names := []string{"db", "pg", "web"}
	for _, name := range names {
		config := &corefile.Config{Checks: []corefile.Check{checkOf(d, name)}}
		nameTableOf(t, config)
	}
	away := cluster.Notice{Access: cluster.Access{Kubeconfig: "/etc/k"}, Away: true, Cause: "it does not accept our credentials"}
	for _, test := range []struct {
		notice cluster.Notice
		kind   string
		want   string // logged
	}{
		{away, "stale", "[WARNING] plugin/failover: the API server of the cluster of /etc/k is away, so checks of its Services keep " +
			"their states: it does not accept our credentials\n"},
		{cluster.Notice{Access: cluster.Access{Kubeconfig: "/etc/k", Context: "c"}}, "fresh",
			"[INFO] plugin/failover: the API server of the cluster of /etc/k, context c is not away any more, and checks of its " +
				"Services change their states again\n"},
		{cluster.Notice{Unused: true}, "fresh", ""},
	} {
		before := series(t, "events_total")[test.kind]
		if got := logged(func() { clusterTold(test.notice) }); !strings.HasSuffix(got, test.want) || test.want == "" && got != "" {
			t.Errorf("Logged %q, want %q", got, test.want)
		}
		if got := series(t, "events_total")[test.kind] - before; got != 1 {
			t.Errorf("%s: counted %v times", test.kind, got)
		}
	}
	got := logged(func() {
		observer{}.Probed(d, probe.Result{Outcome: probe.Indeterminate, Reason: probe.ReasonStale, Detail: "away"})
	})
	if got != "" {
		t.Errorf("A check logs it too: %q", got)
	}
}

// nameTableOf makes the checks of a configuration known by their names for a test.
func nameTableOf(t *testing.T, config *corefile.Config) {
	t.Helper()
	names.add(config)
	t.Cleanup(func() { names.remove(config) })
}

// What only somebody who knows Kubernetes sees in a configuration stops the start, too.
func TestClustersAreVerified(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	pos := corefile.Pos{File: "Corefile", Line: 7}
	for _, test := range []struct {
		cluster corefile.Cluster
		want    string
	}{
		{corefile.Cluster{Pos: pos}, "Corefile:7 - kubernetes: this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set " +
			"(elsewhere, name a file with the word kubeconfig)"},
		{corefile.Cluster{Pos: pos, Kubeconfig: "/nonexistent"}, "Corefile:7 - kubeconfig: stat /nonexistent: no such file or directory"},
	} {
		err := verifyClusters(&corefile.Config{Clusters: []corefile.Cluster{test.cluster}})
		if err == nil || err.Error() != test.want {
			t.Errorf("Error %v, want %s", err, test.want)
		}
	}
	if err := verifyClusters(&corefile.Config{}); err != nil {
		t.Errorf("Without a cluster: %v", err)
	}
}

// A check of Kubernetes starts in any case, and counts as unknown until it is told something.
func TestKubernetesChecksRun(t *testing.T) {
	r := health.NewRegistry(health.Options{NewProber: newProber})
	spec := probe.Spec{Scheme: probe.Kubernetes, Namespace: "prod", Service: "db", Kubeconfig: "/nonexistent"}
	lease, err := r.Acquire([]health.Definition{{Probe: spec.ID(), Timing: health.Timing{
		Interval: time.Hour, Timeout: time.Second, Fast: time.Hour, Fall: 1, Rise: 1,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		last, _ := lease.Last(0)
		if last.Reason == probe.ReasonStale && strings.Contains(last.Detail, "no such file or directory") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("The last probe is %v", last)
		}
		<-time.After(5 * time.Millisecond)
	}
	if got := lease.Status(0).State; got != health.Unknown {
		t.Errorf("The state is %s", got)
	}
	lease.Release()
	clusters.Wait()
	r.Wait()
}
