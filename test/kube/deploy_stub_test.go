//go:build linux && kube

package kube

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestStubZones runs stock CoreDNS with each of the server blocks that are shipped, and asks it for a name of ours. None
// holds an answer, so that none is older than health is.
func TestStubZones(t *testing.T) {
	run(t, "ip", "addr", "add", "169.254.20.10/32", "dev", "lo")
	t.Cleanup(func() { run(t, "ip", "addr", "del", "169.254.20.10/32", "dev", "lo") })
	ours := harness.Start(t, `app.example.org:@DNS@ {
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    failover {
        static www 192.0.2.1
    }
}
`)
	custom := func(name string) string {
		return object[core.ConfigMap](t, shippedFile(t, "stub-zones/"+name), "ConfigMap", "coredns-custom").Data["failover.server"]
	}
	for _, c := range []struct{ name, corefile, at string }{
		{"Corefile", shippedFile(t, "stub-zones/Corefile"), "127.0.0.1:53"},
		{"coredns-custom", custom("coredns-custom.yaml"), "127.0.0.1:53"},
		{"coredns-custom-gardener", custom("coredns-custom-gardener.yaml"), "127.0.0.1:8053"},
		{"node-local-dns", shippedFile(t, "stub-zones/node-local-dns.Corefile"), "169.254.20.10:53"},
	} {
		t.Run(c.name, func(t *testing.T) {
			corefile := strings.ReplaceAll(c.corefile, "forward . 192.0.2.53 ", "forward . "+ours.Addr+" ")
			if corefile == c.corefile {
				t.Error("Expected the address that stands for that of the Service")
			}
			harness.Launch{Addr: c.at, Binary: os.Getenv(stockBinary)}.Start(t, corefile)
			before := max(0, ours.Metric(t, "coredns_dns_requests_total"))
			for _, network := range []string{"udp", "tcp"} {
				m := new(dns.Msg).SetQuestion("www.app.example.org.", dns.TypeA)
				client := dns.Client{Net: network, Timeout: harness.Soon}
				got, _, err := client.ExchangeContext(t.Context(), m, c.at)
				if err != nil || len(got.Answer) != 1 || !strings.HasSuffix(got.Answer[0].String(), "\t192.0.2.1") {
					t.Errorf("%s: Expected the address of ours, got %v, %v", network, got, err)
				}
			}
			harness.Eventually(t, harness.Soon, "each question to have come to ours, since nothing holds answers", func() bool {
				return ours.Metric(t, "coredns_dns_requests_total")-before == 2
			})
		})
	}
	config := object[core.ConfigMap](t, shippedFile(t, "stub-zones/kube-dns.yaml"), "ConfigMap", "kube-dns")
	var stubs map[string][]string
	if err := json.Unmarshal([]byte(config.Data["stubDomains"]), &stubs); err != nil {
		t.Error(err)
	}
	if want := map[string][]string{"app.example.org": {"192.0.2.53"}}; !reflect.DeepEqual(stubs, want) {
		t.Errorf("Expected %v, got %v", want, stubs)
	}
}
