//go:build linux && kube

package kube

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestGlibc asks as programs in a pod do: by getaddrinfo, with the search list that the kubelet writes, so that every
// name is asked for with three domains behind it first.
func TestGlibc(t *testing.T) {
	Address(t, "2001:db8::53/128") // glibc asks for no AAAA records on a machine that has no IPv6 address
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	address := p.Service(t, ns, "web")
	primary := harness.Serve(t)
	s := harness.Launch{
		By:   p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns")),
		Addr: dnsAddress + ":53",
	}.Start(t, `.:53 {
    bind `+dnsAddress+`
    errors
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    forward . /etc/resolv.conf
    failover app.example.org {
        check up `+primary.URL()+` interval 200ms timeout 200ms
        primary   both 192.0.2.1 2001:db8::1 check up
        secondary both 192.0.2.2 2001:db8::2
        primary   four 192.0.2.3 check up
        secondary four 192.0.2.4
        static    six 2001:db8::6
        static    alias CNAME four
        static    txt TXT nothing
    }
}
`)
	resolver := filepath.Join(t.TempDir(), "resolv.conf")
	content := "search " + ns + ".svc.cluster.local svc.cluster.local cluster.local\nnameserver " + dnsAddress +
		"\noptions ndots:5\n"
	if err := os.WriteFile(resolver, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	lookup := func(name string) string {
		r := execute(t, "", nil, "unshare", "--mount", "sh", "-c",
			`mount --bind "$0" /etc/resolv.conf && exec getent ahosts "$1"`, resolver, name)
		if r.Code != 0 {
			return strings.TrimSpace(r.Err)
		}
		var found []string
		for line := range strings.Lines(r.Out) {
			found = append(found, strings.Fields(line)[0])
		}
		slices.Sort(found)
		return strings.Join(slices.Compact(found), " ")
	}
	expect := func(when string, wanted map[string]string) {
		t.Helper()
		for name, want := range wanted {
			before := s.Metric(t, "coredns_dns_requests_total")
			if got := lookup(name); got != want {
				t.Errorf("Expected %s %s to be %q, got %q", name, when, want, got)
			}
			asked := s.Metric(t, "coredns_dns_requests_total") - max(before, 0)
			t.Logf("%s: %v queries", name, asked)
		}
	}
	s.Ask(t, "both.app.example.org.", dns.TypeA)
	expect("with a primary", map[string]string{
		"both.app.example.org":               "192.0.2.1 2001:db8::1",
		"both.app.example.org.":              "192.0.2.1 2001:db8::1",
		"four.app.example.org":               "192.0.2.3",
		"six.app.example.org":                "2001:db8::6",
		"alias.app.example.org":              "192.0.2.3",
		"txt.app.example.org":                "",
		"none.app.example.org":               "",
		"web":                                address,
		"web." + ns + ".svc.cluster.local":   address,
		"kubernetes.default":                 apiAddress,
		"both.app.example.org.cluster.local": "",
	})
	primary.Kill()
	harness.Eventually(t, harness.Soon, "the answer to move", func() bool {
		return s.Addresses(t, "four.app.example.org.", dns.TypeA) == "192.0.2.4"
	})
	expect("with a secondary", map[string]string{
		"both.app.example.org":  "192.0.2.2 2001:db8::2",
		"four.app.example.org":  "192.0.2.4",
		"alias.app.example.org": "192.0.2.4",
		"web":                   address,
	})
}
