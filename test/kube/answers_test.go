//go:build linux && kube

package kube

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// shop is a namespace with services of all kinds.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.100.100
  ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: dns, port: 5353, protocol: UDP}]
endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}]
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop}
spec: {clusterIP: 10.96.100.101, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, ports: [{name: postgres, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-4, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: postgres, port: 5432}]
endpoints:
- {addresses: [192.0.2.11], hostname: db-0, conditions: {ready: true}}
- {addresses: [192.0.2.12], hostname: db-1}
- {addresses: [192.0.2.13], hostname: db-2, conditions: {ready: false}}
- {addresses: [192.0.2.14], conditions: {ready: true}}
- {addresses: [192.0.2.15], hostname: db-4, conditions: {ready: false, serving: true, terminating: true}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-6, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv6
ports: [{name: postgres, port: 5432}]
endpoints: [{addresses: ["2001:db8::11"], hostname: db-0, conditions: {ready: true}}]
---
apiVersion: v1
kind: Service
metadata: {name: down, namespace: shop}
spec: {clusterIP: None, ports: [{port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: down-1, namespace: shop, labels: {kubernetes.io/service-name: down}}
addressType: IPv4
ports: [{port: 5432}]
endpoints: [{addresses: [192.0.2.21], conditions: {ready: false}}]
---
apiVersion: v1
kind: Service
metadata: {name: inside, namespace: shop}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: www.example.com}
---
apiVersion: v1
kind: Namespace
metadata: {name: empty}
`

// TestAnswersOfTheClusterAreThoseOfStock asks the same of a stock CoreDNS with the Corefile that kubeadm installs, and of
// ours with failover in the same server block and in another, both with the rights that they have in a cluster.
func TestAnswersOfTheClusterAreThoseOfStock(t *testing.T) {
	lab := Lab(t)
	corefile := lab.ClusterDNS(t)
	lab.Apply(t, shop)
	by := lab.InCluster(t, "kube-system", lab.ServiceAccountToken(t, "kube-system", "coredns"))
	// It cannot have the same ports, and is not to be waited for at its end.
	elsewhere := strings.NewReplacer(":53 ", ":@DNS@ ", "health ", "health :@HEALTH@ ", "ready\n", "ready :@READY@\n",
		":9153", ":@METRICS@", "lameduck 5s", "lameduck 0s").Replace(corefile)
	stock := harness.Launch{By: by, Binary: os.Getenv(stockBinary)}.Start(t, elsewhere)
	stanza := `failover app.example.org {
        check up tcp://127.0.0.1:9 interval 1s
        primary www 192.0.2.81 check up
        secondary www 192.0.2.82
    }
    kubernetes cluster.local`
	ours := harness.Launch{By: by, Addr: dnsAddress + ":53"}.Start(t,
		strings.Replace(corefile, "kubernetes cluster.local", stanza, 1)+`
other.example.org {
    failover {
        static www 192.0.2.83
    }
}
`)
	harness.Eventually(t, harness.Soon, "both are ready, and a check is unhealthy", func() bool {
		a, _, _ := stock.Get(t, "@READY@", "/ready")
		b := status("http://" + dnsAddress + ":8181/ready")
		return a == 200 && b == 200 && ours.Addresses(t, "www.app.example.org.", dns.TypeA) == "192.0.2.82"
	})
	if got := ours.Addresses(t, "www.other.example.org.", dns.TypeA); got != "192.0.2.83" {
		t.Errorf("Expected the zone of the other server block to be answered, got %q", got)
	}
	// That there is something to compare.
	for _, known := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"web.shop.svc.cluster.local.", dns.TypeA, "A 10.96.100.100"},
		{"db.shop.svc.cluster.local.", dns.TypeA, "A 192.0.2.11, A 192.0.2.12, A 192.0.2.14"},
		{"db.shop.svc.cluster.local.", dns.TypeAAAA, "AAAA 2001:db8::11"},
		{"db-1.db.shop.svc.cluster.local.", dns.TypeA, "A 192.0.2.12"},
		{"_http._tcp.web.shop.svc.cluster.local.", dns.TypeSRV, "SRV 0 100 80 web.shop.svc.cluster.local."},
		{"10.0.96.10.in-addr.arpa.", dns.TypePTR, "PTR kube-dns.kube-system.svc.cluster.local."},
		{"dns-version.cluster.local.", dns.TypeTXT, `TXT "1.1.0"`},
		{"inside.shop.svc.cluster.local.", dns.TypeA, "A 10.96.100.100, CNAME web.shop.svc.cluster.local."},
	} {
		if got := strings.Join(harness.Answer(stock.Ask(t, known.name, known.qtype)), ", "); got != known.want {
			t.Errorf("Expected stock CoreDNS to answer %s %s with %s, got %s", known.name, dns.Type(known.qtype), known.want, got)
		}
	}
	compared, wrong := 0, 0
	for _, question := range clusterQuestions() {
		for _, network := range []string{"udp", "tcp"} {
			want := comparable(stock.Exchange(t, network, question.Copy()))
			got := comparable(ours.Exchange(t, network, question.Copy()))
			if compared++; want != got && wrong < 10 {
				wrong++
				t.Errorf("Expected over %s what stock CoreDNS answers:\n%s\ngot:\n%s", network, want, got)
			}
		}
	}
	t.Logf("%d answers are compared", compared)
}

// clusterQuestions are those whose answers are compared.
func clusterQuestions() []*dns.Msg {
	names := []string{
		// Services, endpoints, and what lies between them and the apex.
		"web.shop.svc.cluster.local.", "WeB.sHoP.sVc.ClUsTeR.lOcAl.", "idle.shop.svc.cluster.local.",
		"db.shop.svc.cluster.local.", "db-0.db.shop.svc.cluster.local.", "db-1.db.shop.svc.cluster.local.",
		"db-2.db.shop.svc.cluster.local.", "db-4.db.shop.svc.cluster.local.", "192-0-2-14.db.shop.svc.cluster.local.",
		"down.shop.svc.cluster.local.", "inside.shop.svc.cluster.local.", "outside.shop.svc.cluster.local.",
		"_http._tcp.web.shop.svc.cluster.local.", "_dns._udp.web.shop.svc.cluster.local.",
		"_http._udp.web.shop.svc.cluster.local.", "_postgres._tcp.db.shop.svc.cluster.local.",
		"_tcp.web.shop.svc.cluster.local.", "*.shop.svc.cluster.local.", "any.web.shop.svc.cluster.local.",
		"kubernetes.default.svc.cluster.local.", "_https._tcp.kubernetes.default.svc.cluster.local.",
		"kube-dns.kube-system.svc.cluster.local.", "_dns-tcp._tcp.kube-dns.kube-system.svc.cluster.local.",
		"shop.svc.cluster.local.", "empty.svc.cluster.local.", "none.svc.cluster.local.", "svc.cluster.local.",
		"cluster.local.", "dns-version.cluster.local.", "ns.dns.cluster.local.", "dns.cluster.local.",
		// What is not there, and what search lists make.
		"none.shop.svc.cluster.local.", "web.none.svc.cluster.local.", "none.cluster.local.",
		"www.example.org.shop.svc.cluster.local.", "www.app.example.org.svc.cluster.local.",
		"www.app.example.org.cluster.local.",
		// Pods.
		"192-0-2-99.shop.pod.cluster.local.", "192-0-2-99.none.pod.cluster.local.", "shop.pod.cluster.local.",
		"pod.cluster.local.", "2001-db8--1.shop.pod.cluster.local.",
		// Backwards.
		"100.100.96.10.in-addr.arpa.", "10.0.96.10.in-addr.arpa.", "1.0.96.10.in-addr.arpa.", "11.2.0.192.in-addr.arpa.",
		"13.2.0.192.in-addr.arpa.", "14.2.0.192.in-addr.arpa.", "77.2.0.192.in-addr.arpa.", "in-addr.arpa.",
		"1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
		// What is none of the cluster's, and not ours.
		"www.example.com.", "example.org.", "app.example.com.", ".",
	}
	types := []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR, dns.TypeTXT, dns.TypeANY, dns.TypeSOA, dns.TypeNS, dns.TypeMX,
		dns.TypeCNAME, dns.TypeHTTPS,
	}
	questions := make([]*dns.Msg, 0, len(names)*(len(types)+2))
	for _, name := range names {
		for _, qtype := range types {
			m := harness.Question(name, qtype)
			m.RecursionDesired = true
			questions = append(questions, m)
		}
		signed := harness.Question(name, dns.TypeA)
		signed.SetEdns0(1232, true)
		chaos := harness.Question(name, dns.TypeTXT)
		chaos.Question[0].Qclass = dns.ClassCHAOS
		questions = append(questions, signed, chaos)
	}
	return questions
}

// comparable renders all of a reply but its number, the serials of SOA records, which tell the time, and the order of
// records, which is drawn.
func comparable(m *dns.Msg) string {
	m.Id = 0
	m.Answer, m.Ns, m.Extra = slices.Clone(m.Answer), slices.Clone(m.Ns), slices.Clone(m.Extra)
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			if soa, is := rr.(*dns.SOA); is {
				soa.Serial = 0
			}
		}
		slices.SortFunc(section, func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) })
	}
	return fmt.Sprint(m)
}
