//go:build linux && kube

package kube

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

func TestInClusterMode(t *testing.T) {
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	ip := p.Service(t, ns, "web")
	by := p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns"))
	s := harness.StartBy(t, by, `.:@DNS@ {
    errors
    kubernetes cluster.local
    forward . /etc/resolv.conf
}
`)
	if got := s.Addresses(t, "web."+ns+".svc.cluster.local.", dns.TypeA); got != ip {
		t.Errorf("Expected %s, got %s", ip, got)
	}
}
