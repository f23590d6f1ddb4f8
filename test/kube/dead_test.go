//go:build linux && kube

package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestTheClusterDoesNotMindTargets has all targets of a cluster's DNS die, by turns in all ways, and asks for a name of
// the cluster all the while. What is checked is none of what the cluster's names depend on, nor whether the kubelet
// restarts us or takes us out of the Service. The plugins are asked anew each time whether they are ready, as otherwise
// one that has been is not asked again.
func TestTheClusterDoesNotMindTargets(t *testing.T) {
	const targets, prefix = 50, "198.51.100."
	const canary = prefix + "200"
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	address := p.Service(t, ns, "web")
	hosts := make([]string, targets)
	for i := range hosts {
		hosts[i] = fmt.Sprint(prefix, i+1)
		Address(t, hosts[i]+"/32")
	}
	endpoint := harness.Serve(t, hosts...)
	Address(t, canary+"/32")
	var stanza strings.Builder
	fmt.Fprintf(&stanza, "canary near\ncheck near http://%s:%d/ interval 300ms timeout 250ms\n", canary,
		harness.Serve(t, canary).Port)
	for i, host := range hosts {
		fmt.Fprintf(&stanza, "check c%d http://%s:%d/ interval 300ms timeout 250ms\n", i, host, endpoint.Port)
		fmt.Fprintf(&stanza, "primary s%d 192.0.2.1 check c%d\nsecondary s%d 192.0.2.2\n", i, i, i)
	}
	s := harness.Launch{
		By:   p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns")),
		Addr: dnsAddress + ":53",
	}.Start(t, `.:53 {
    bind `+dnsAddress+`
    errors
    health `+dnsAddress+`:8080
    ready `+dnsAddress+`:8181 {
        monitor continuously
    }
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local in-addr.arpa ip6.arpa
    forward . /etc/resolv.conf
    failover app.example.org {
        `+stanza.String()+`
    }
}
`)
	// moved is how many record sets have left their primary.
	moved := func() int { return int(max(0, s.Metric(t, "coredns_failover_off_primary"))) }
	var worst time.Duration
	asked := 0
	// fine asks for what must not change.
	fine := func() {
		t.Helper()
		began := time.Now()
		if got := s.Addresses(t, "web."+ns+".svc.cluster.local.", dns.TypeA); got != address {
			t.Fatalf("Expected the cluster's name to be answered with %s, got %q", address, got)
		}
		worst = max(worst, time.Since(began))
		if asked++; asked%20 == 0 {
			for _, page := range []string{":8080/health", ":8181/ready"} {
				if code := status("http://" + dnsAddress + page); code != 200 {
					t.Fatalf("Expected %s to say 200, got %d", page, code)
				}
			}
		}
	}
	await := func(what string, is func() bool) {
		t.Helper()
		harness.Eventually(t, 30*time.Second, what, func() bool { fine(); return is() })
	}
	harness.Eventually(t, 30*time.Second, "ready", func() bool { return status("http://"+dnsAddress+":8181/ready") == 200 })
	await("all to be probed", func() bool { return s.Metric(t, "coredns_failover_check_state") == targets+1 })

	// The network is gone, and with it what is known to be there: nothing is believed.
	mend := Drop(t, prefix+"0/24")
	await("the server to see that it is cut off", func() bool { return s.Metric(t, "coredns_failover_isolated") == 1 })
	for range 100 {
		fine()
	}
	if got := moved(); got != 0 {
		t.Fatalf("Expected no failover while the server is cut off, got %d", got)
	}
	mend()
	await("the server not to be cut off any more", func() bool { return s.Metric(t, "coredns_failover_isolated") == 0 })

	// The targets are dead, one way after the other.
	for _, mode := range []harness.Mode{harness.Fail, harness.Hang} {
		endpoint.Set(mode)
		await("all to be unhealthy", func() bool { return moved() == targets })
		endpoint.Set(harness.OK)
		await("all to be healthy again", func() bool { return moved() == 0 })
	}
	endpoint.Kill()
	await("all to be unhealthy for good", func() bool { return moved() == targets })
	if got := s.Addresses(t, "s7.app.example.org.", dns.TypeA); got != "192.0.2.2" {
		t.Errorf("Expected the secondary, got %q", got)
	}
	t.Logf("%d answers, the slowest after %v", asked, worst)
}
