//go:build linux && kube

package kube

import (
	"slices"
	"testing"
	"time"

	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// away is a cluster whose API server goes away, and a server in it. The Service "up" has a ready endpoint, "down" has
// one that is not, and "web" has both.
type away struct {
	*harness.Server
	plane                  *Plane
	namespace, role, token string
	address                string // of the Service "up"
}

func newAway(t *testing.T) *away {
	t.Helper()
	p := NewPlane(t)
	a := &away{plane: p, namespace: p.Namespace(t)}
	a.role = p.ServiceAccount(t, a.namespace, "coredns")
	a.token = p.ServiceAccountToken(t, a.namespace, "coredns")
	a.address = p.Service(t, a.namespace, "up")
	p.Slice(t, a.namespace, "up", "up", "198.51.100.1")
	p.Service(t, a.namespace, "down")
	p.Slice(t, a.namespace, "down", "down", "198.51.100.2")
	no := false
	p.SetReady(t, a.namespace, "down", &no)
	return a
}

// start starts the server, and does not wait for anything but an answer.
func (a *away) start(t *testing.T) {
	t.Helper()
	a.Server = harness.StartBy(t, a.plane.InCluster(t, a.namespace, a.token), `.:@DNS@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local
    failover example.org {
        check up   kubernetes `+a.namespace+`/up
        check down kubernetes `+a.namespace+`/down
        primary   up   192.0.2.1 check up
        secondary up   192.0.2.2
        primary   down 192.0.2.1 check down
        secondary down 192.0.2.2
        primary   name alias up.`+a.namespace+`.svc.cluster.local. check up
        secondary name 192.0.2.2
    }
}
`)
}

// wantSteady asks for a time, and fails the test if an answer is not as it was.
func (a *away) wantSteady(t *testing.T, when string, d time.Duration) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(d); time.Now().Before(deadline); <-poll.C {
		if up, down := a.A(t, "up"), a.A(t, "down"); up != "192.0.2.1" || down != "192.0.2.2" {
			t.Fatalf("Expected the states to stay %s, got up %q and down %q", when, up, down)
		}
		if got := a.A(t, "name"); got != a.address {
			t.Fatalf("Expected an alias to the cluster's name to keep its address %s, got %q", when, got)
		}
		if got := a.Addresses(t, "up."+a.namespace+".svc.cluster.local.", dns.TypeA); got != a.address {
			t.Fatalf("Expected the cluster's names to be answered %s, got %q", when, got)
		}
	}
	for _, page := range [][2]string{{"@HEALTH@", "/health"}, {"@READY@", "/ready"}} {
		if code, body, _ := a.Get(t, page[0], page[1]); code != 200 {
			t.Errorf("Expected %s to say 200 %s, got %d %s", page[1], when, code, body)
		}
	}
}

// stale tells whether the metrics say of both checks that what is known may be out of date.
func (a *away) stale(t *testing.T) bool {
	t.Helper()
	const last = "coredns_failover_check_last_probe_timestamp_seconds"
	return a.Metric(t, last, "check", "up", "reason", "stale") > 0 && a.Metric(t, last, "check", "down", "reason", "stale") > 0
}

// wantFlips has endpoints change, and leaves them as they were. A server that was away is asked again in ten seconds.
func (a *away) wantFlips(t *testing.T, when string) {
	t.Helper()
	yes, no := true, false
	for _, flip := range []struct {
		name  string
		ready *bool
		want  string
	}{{"up", &no, "192.0.2.2"}, {"down", &yes, "192.0.2.1"}, {"up", &yes, "192.0.2.1"}, {"down", &no, "192.0.2.2"}} {
		a.plane.SetReady(t, a.namespace, flip.name, flip.ready)
		last := ""
		harness.Eventually(t, 30*time.Second, flip.name+" to follow its endpoints again "+when, func() bool {
			last = a.A(t, flip.name)
			return last == flip.want
		})
	}
	if a.stale(t) {
		t.Errorf("Expected what is known not to be called stale %s", when)
	}
}

// TestC05_APIServerAway kills the API server and brings it back, stops it in its tracks, and takes our rights away.
func TestC05_APIServerAway(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	a.start(t)
	a.AwaitA(t, harness.Soon, "up", "192.0.2.1")
	a.AwaitA(t, harness.Soon, "down", "192.0.2.2")
	a.AwaitA(t, harness.Soon, "name", a.address)
	a.wantFlips(t, "at first")
	a.AwaitA(t, harness.Soon, "name", a.address)

	a.plane.Kill()
	a.wantSteady(t, "when the API server has died", 2*time.Second)
	harness.Eventually(t, 3*harness.Soon, "the metrics to say that states are stale", func() bool { return a.stale(t) })
	a.wantSteady(t, "while the API server is away", 2*time.Second)
	if lines := a.Log.Lines("[WARNING] plugin/failover: the API server"); len(lines) != 1 {
		t.Errorf("Expected one line about an API server that is away, whatever depends on it, got %q", lines)
	}
	a.plane.Again(t)
	a.wantFlips(t, "when the API server is back")

	a.plane.Pause()
	a.wantSteady(t, "while the API server hangs", 2*time.Second)
	a.plane.Resume()
	a.wantFlips(t, "when the API server goes on")

	// A watch that is under way goes on; the next one is refused.
	a.setRules(t, slices.DeleteFunc(stockRules(), func(r rbac.PolicyRule) bool {
		return slices.Contains(r.Resources, "endpointslices")
	}))
	a.plane.Kill()
	a.plane.Again(t)
	harness.Eventually(t, 6*harness.Soon, "the metrics to say that states are stale without our rights", func() bool {
		return a.stale(t)
	})
	a.wantSteady(t, "without our rights", 2*time.Second)
	a.setRules(t, stockRules())
	a.wantFlips(t, "when our rights are back")
}

// setRules gives the service account other rights.
func (a *away) setRules(t *testing.T, rules []rbac.PolicyRule) {
	t.Helper()
	roles := a.plane.Client(t).RbacV1().ClusterRoles()
	role, err := roles.Get(t.Context(), a.role, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	role.Rules = rules
	if _, err := roles.Update(t.Context(), role, meta.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestC05_ColdStartWithoutAPIServer starts without the API server, which comes later.
func TestC05_ColdStartWithoutAPIServer(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	a.plane.Kill()
	began := time.Now()
	a.start(t)
	t.Logf("the first answer came after %v", time.Since(began))
	// Nothing is known of the checks, which takes no target down.
	for _, name := range []string{"up", "down"} {
		if got := a.A(t, name); got != "192.0.2.1" {
			t.Errorf("Expected the primary of %s while nothing is known, got %q", name, got)
		}
	}
	if m := a.Ask(t, "up."+a.namespace+".svc.cluster.local.", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("Expected SERVFAIL for the cluster's names, got %v", m)
	}
	if code, body, _ := a.Get(t, "@HEALTH@", "/health"); code != 200 {
		t.Errorf("Expected /health to say 200, got %d %s", code, body)
	}
	harness.Eventually(t, 2*harness.Soon, "only kubernetes to be waited for", func() bool {
		code, body, _ := a.Get(t, "@READY@", "/ready")
		return code == 503 && body == "kubernetes"
	})
	a.plane.Again(t)
	a.AwaitA(t, 6*harness.Soon, "down", "192.0.2.2")
	a.AwaitA(t, 6*harness.Soon, "name", a.address)
	harness.Eventually(t, 6*harness.Soon, "the server to be ready", func() bool {
		code, _, _ := a.Get(t, "@READY@", "/ready")
		return code == 200
	})
	a.wantSteady(t, "when the API server has come", 100*time.Millisecond)
	a.wantFlips(t, "when the API server has come")
}
