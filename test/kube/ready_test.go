//go:build linux && kube

package kube

import (
	"slices"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// flips changes something to and fro, and tells how long after it each time until the answer of a name in example.org is
// the one that belongs to it. Half of them are to come in under a second; a busy machine may keep others waiting.
func flips(t *testing.T, s *harness.Server, label string, change func(ready bool)) {
	t.Helper()
	took := make([]time.Duration, 0, 10)
	for i := range cap(took) {
		ready, want := i%2 == 1, "192.0.2.2"
		if ready {
			want = "192.0.2.1"
		}
		change(ready)
		began := time.Now()
		s.AwaitA(t, harness.Soon, label, want)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if took[len(took)/2] >= time.Second {
		t.Errorf("Expected the answer to move in under a second, it took %v", took)
	}
	t.Logf("the answer moved after %v to %v", took[0], took[len(took)-1])
}

// TestC05_ReadinessMovesTheAnswer has endpoints become ready and not, as told in their slice, and as the controller of
// EndpointSlices learns from pods.
func TestC05_ReadinessMovesTheAnswer(t *testing.T) {
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	p.Service(t, ns, "web")
	p.Slice(t, ns, "web", "web-1", "198.51.100.1", "198.51.100.2")
	p.Node(t, ns+"-node")
	_, err := p.Client(t).CoreV1().Services(ns).Create(t.Context(), &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: "app"},
		Spec:       core.ServiceSpec{Selector: map[string]string{"app": "app"}, Ports: []core.ServicePort{{Port: 80}}},
	}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Pod(t, ns, "app-0", "app", ns+"-node")
	p.PodReady(t, ns, "app-0", "198.51.100.3", true)
	s := harness.StartBy(t, p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns")), `example.org:@DNS@ {
    bind 127.0.0.1
    errors
    failover {
        check web  kubernetes `+ns+`/web:http
        check app  kubernetes `+ns+`/app
        check none kubernetes `+ns+`/none
        check grpc kubernetes `+ns+`/web:grpc
        primary   web  192.0.2.1 check web
        secondary web  192.0.2.2
        primary   app  192.0.2.1 check app
        secondary app  192.0.2.2
        primary   none 192.0.2.1 check none
        secondary none 192.0.2.2
        primary   grpc 192.0.2.1 check grpc
        secondary grpc 192.0.2.2
    }
}
`)
	s.AwaitA(t, harness.Soon, "none", "192.0.2.2")
	s.AwaitA(t, harness.Soon, "grpc", "192.0.2.2")
	s.AwaitA(t, harness.Soon, "web", "192.0.2.1")
	s.AwaitA(t, harness.Soon, "app", "192.0.2.1")

	flips(t, s, "web", func(ready bool) { p.SetReady(t, ns, "web-1", &ready) })
	flips(t, s, "app", func(ready bool) { p.PodReady(t, ns, "app-0", "198.51.100.3", ready) })

	// One endpoint of several slices is enough, and what is not said counts as ready.
	no := false
	p.SetReady(t, ns, "web-1", &no)
	s.AwaitA(t, harness.Soon, "web", "192.0.2.2")
	p.Slice(t, ns, "web", "web-2", "198.51.100.4")
	s.AwaitA(t, harness.Soon, "web", "192.0.2.1")
	p.Kubectl(t, "-n", ns, "delete", "endpointslice", "web-2")
	s.AwaitA(t, harness.Soon, "web", "192.0.2.2")
	p.SetReady(t, ns, "web-1", nil)
	s.AwaitA(t, harness.Soon, "web", "192.0.2.1")
	p.Kubectl(t, "-n", ns, "delete", "pod", "app-0", "--force", "--grace-period=0")
	s.AwaitA(t, harness.Soon, "app", "192.0.2.2")
}
