//go:build linux && kube

package kube

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// shaped makes a Service of some shape, without a selector, with a port "http" 80.
func (p *Plane) shaped(t *testing.T, namespace, name string, spec core.ServiceSpec) {
	t.Helper()
	spec.Ports = []core.ServicePort{{Name: "http", Port: 80}}
	_, err := p.Client(t).CoreV1().Services(namespace).Create(t.Context(),
		&core.Service{ObjectMeta: meta.ObjectMeta{Name: name}, Spec: spec}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// TestA08_NamesOfTheCluster has aliases to names that the kubernetes plugin answers for.
func TestA08_NamesOfTheCluster(t *testing.T) {
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	address := p.Service(t, ns, "db")
	p.Slice(t, ns, "db", "db-1", "10.1.0.1")
	p.shaped(t, ns, "pods", core.ServiceSpec{ClusterIP: core.ClusterIPNone})
	p.Slice(t, ns, "pods", "pods-1", "10.1.0.11", "10.1.0.12")
	p.shaped(t, ns, "moved", core.ServiceSpec{Type: core.ServiceTypeExternalName, ExternalName: "far.example.net"})
	s := harness.Launch{
		By:   p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns")),
		Addr: dnsAddress + ":53",
	}.Start(t, strings.ReplaceAll(`.:53 {
    bind `+dnsAddress+`
    errors
    failover app.example.org {
        ttl 30s 1s
        check     up kubernetes NS/db
        primary   db alias db.NS.svc.cluster.local. check up
        secondary db 198.51.100.1
        primary   pods alias pods.NS.svc.cluster.local.
        secondary pods 198.51.100.2
        primary   moved alias moved.NS.svc.cluster.local.
        secondary moved 198.51.100.3
        primary   gone alias nope.NS.svc.cluster.local.
        secondary gone 198.51.100.4
        static    cname CNAME pods.NS.svc.cluster.local.
    }
    hosts {
        192.0.2.77 far.example.net
        fallthrough
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa
}
`, "NS", ns))
	await := func(label, what string, want ...string) {
		t.Helper()
		harness.Eventually(t, 2*harness.Soon, fmt.Sprintf("%s to answer %s, %q", label, what, want), func() bool {
			return slices.Equal(harness.Answer(s.Ask(t, label+".app.example.org.", dns.TypeA)), want)
		})
	}
	await("db", "the cluster address", "A "+address)
	await("pods", "the addresses of the endpoints", "A 10.1.0.11", "A 10.1.0.12")
	await("moved", "what the plugin looks up further", "A 192.0.2.77")
	await("gone", "the secondary of a Service that is not there", "A 198.51.100.4")
	await("cname", "the addresses of the target", "A 10.1.0.11", "A 10.1.0.12", "CNAME pods."+ns+".svc.cluster.local.")
	if ttl := s.TTL(t, "pods.app.example.org.", dns.TypeA); ttl != 5 {
		t.Errorf("Expected the TTL of the kubernetes plugin, got %d", ttl)
	}

	ready, notReady := true, false
	p.SetReady(t, ns, "db-1", &notReady)
	await("db", "the secondary when no endpoint is ready", "A 198.51.100.1")
	p.SetReady(t, ns, "pods-1", &notReady)
	await("pods", "the secondary when no endpoint is ready", "A 198.51.100.2")
	p.SetReady(t, ns, "db-1", &ready)
	await("db", "the primary again", "A "+address)
	p.SetReady(t, ns, "pods-1", &ready)
	p.Slice(t, ns, "pods", "pods-2", "10.1.0.13")
	await("pods", "all endpoints", "A 10.1.0.11", "A 10.1.0.12", "A 10.1.0.13")
	p.Kubectl(t, "delete", "service", "-n", ns, "db")
	await("db", "the secondary when the Service is gone", "A 198.51.100.1")
}

// TestA08_NamesOfTheClusterFromBeside has an alias to a name that another server answers for, the cluster's DNS: the line
// `forward cluster.local ADDRESS` that the page of deploy/kubernetes gives a server of its own.
func TestA08_NamesOfTheClusterFromBeside(t *testing.T) {
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	address := p.Service(t, ns, "web")
	cluster := harness.Launch{
		By:     p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns")),
		Binary: os.Getenv(stockBinary),
	}.Start(t, `.:@DNS@ {
    bind 127.0.0.1
    kubernetes cluster.local
}
`)
	s := harness.Start(t, `app.example.org:@DNS@ {
    bind 127.0.0.1
    errors
    forward cluster.local `+cluster.Addr+`
    failover {
        ttl 30s 1s
        primary   www alias web.`+ns+`.svc.cluster.local.
        secondary www 198.51.100.1
    }
}
`)
	await := func(want string) {
		t.Helper()
		harness.Eventually(t, 2*harness.Soon, "www to answer "+want, func() bool {
			return s.Addresses(t, "www.app.example.org.", dns.TypeA) == want
		})
	}
	await(address)
	p.Kubectl(t, "delete", "service", "-n", ns, "web")
	await("198.51.100.1")
}
