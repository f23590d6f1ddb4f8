//go:build linux && kube

package kube

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

var (
	openWatches  = regexp.MustCompile(`(?m)^apiserver_longrunning_requests\{.*resource="endpointslices",scope="namespace".*verb="WATCH".*\} (\d+)$`)
	endedWatches = regexp.MustCompile(`(?m)^apiserver_request_total\{.*resource="endpointslices",scope="namespace".*verb="WATCH".*\} (\d+)$`)
)

// watches returns how many watches of EndpointSlices in single namespaces are open at the API server, and how many have
// ended. Controllers, and CoreDNS's own plugin, watch those of all namespaces.
func (p *Plane) watches(t *testing.T) (open, ended int) {
	t.Helper()
	page := p.Kubectl(t, "get", "--raw", "/metrics")
	sum := func(metric *regexp.Regexp) (n int) {
		for _, match := range metric.FindAllStringSubmatch(page, -1) {
			value, _ := strconv.Atoi(match[1])
			n += value
		}
		return n
	}
	return sum(openWatches), sum(endedWatches)
}

// TestC05_OneWatch counts at the API server: all checks of a namespace have one watch, which a reload keeps and which ends
// with its last check. The way there is a kubeconfig.
func TestC05_OneWatch(t *testing.T) {
	p := Shared(t)
	ns, other := p.Namespace(t), p.Namespace(t)
	for _, name := range []string{"a", "b"} {
		p.Service(t, ns, name)
		p.Slice(t, ns, name, name, "198.51.100.1")
	}
	p.Service(t, other, "c")
	p.Slice(t, other, "c", "c", "198.51.100.1")
	stanza := func(checks ...string) string {
		var b strings.Builder
		b.WriteString("kubeconfig " + p.Kubeconfig() + " plane\n")
		for _, check := range checks {
			b.WriteString("check " + check[strings.Index(check, "/")+1:] + " kubernetes " + check + "\n")
		}
		for _, check := range checks {
			name := check[strings.Index(check, "/")+1:]
			b.WriteString("primary " + name + " 192.0.2.1 check " + name + "\nsecondary " + name + " 192.0.2.2\n")
		}
		return harness.Zone(b.String())
	}
	awaitOpen := func(want int) (ended int) {
		t.Helper()
		harness.Eventually(t, harness.Soon, strconv.Itoa(want)+" open watches", func() bool {
			var open int
			open, ended = p.watches(t)
			return open == want
		})
		return ended
	}
	awaitOpen(0) // Those of tests before may take a moment to end.
	s := harness.Start(t, stanza(ns+"/a", ns+"/b", other+"/c"))
	ended := awaitOpen(2)
	s.SignalReload(t, stanza(ns+"/a", ns+"/b", other+"/c", ns+"/none"), false)
	s.AwaitA(t, harness.Soon, "none", "192.0.2.2")
	if now := awaitOpen(2); now != ended {
		t.Errorf("Expected a reload to keep the watches, %d have ended", now-ended)
	}
	no := false
	p.SetReady(t, ns, "a", &no)
	s.AwaitA(t, harness.Soon, "a", "192.0.2.2")
	s.SignalReload(t, stanza(ns+"/b"), false)
	awaitOpen(1)
	s.SignalReload(t, harness.Zone("static www 192.0.2.1"), false)
	awaitOpen(0)
}
