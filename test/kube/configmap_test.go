//go:build linux && kube

package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// configMap is the folder of a server as the kubelet mounts a ConfigMap: the Corefile is a link through "..data" to a
// folder of one version, and a new version comes with one rename of that link.
type configMap struct {
	dir     string
	version int
}

// mountConfigMap puts a ConfigMap where the Corefile of a server that runs is. It holds the same.
func mountConfigMap(t *testing.T, s *harness.Server) *configMap {
	t.Helper()
	corefile, err := os.ReadFile(filepath.Join(s.Dir, "Corefile"))
	if err != nil {
		t.Fatal(err)
	}
	m := &configMap{dir: s.Dir}
	m.swap(t, string(corefile))
	link := filepath.Join(s.Dir, "Corefile.link")
	if err := os.Symlink("..data/Corefile", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(s.Dir, "Corefile")); err != nil {
		t.Fatal(err)
	}
	return m
}

// swap puts a new version in place of the old one, which is gone then.
func (m *configMap) swap(t *testing.T, corefile string) {
	t.Helper()
	old := fmt.Sprintf("..%d", m.version)
	m.version++
	now := fmt.Sprintf("..%d", m.version)
	link := filepath.Join(m.dir, "..data_tmp")
	for _, err := range []error{
		os.Mkdir(filepath.Join(m.dir, now), 0o755),
		os.WriteFile(filepath.Join(m.dir, now, "Corefile"), []byte(corefile), 0o644),
		os.Symlink(now, link),
		os.Rename(link, filepath.Join(m.dir, "..data")),
		os.RemoveAll(filepath.Join(m.dir, old)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestConfigMapReload changes the ConfigMap that the Corefile is in, as an operator does who now and then makes a mistake.
func TestConfigMapReload(t *testing.T) {
	t.Parallel()
	p := Shared(t)
	ns := p.Namespace(t)
	p.ServiceAccount(t, ns, "coredns")
	address := p.Service(t, ns, "web")
	dead := harness.Serve(t)
	dead.Set(harness.Fail)
	corefile := func(generation int) string {
		return fmt.Sprintf(`.:@DNS@ {
    bind 127.0.0.1
    errors
    ready 127.0.0.1:@READY@
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local
    failover example.org {
        check dead %s interval 200ms timeout 200ms
        primary   www 192.0.2.1 check dead
        secondary www 192.0.2.2
        static generation TXT %d
    }
    reload 2s 1s
}
`, dead.URL(), generation)
	}
	s := harness.StartBy(t, p.InCluster(t, ns, p.ServiceAccountToken(t, ns, "coredns")), corefile(0))
	s.AwaitA(t, harness.Soon, "www", "192.0.2.2")
	m := mountConfigMap(t, s)
	const parse, failed, done = "Corefile parse failed", "Corefile changed but reload failed", "Reloading complete"
	generation := 0
	for _, step := range []struct {
		name   string
		change func(string) string
		log    string  // what the log says of it
		counts float64 // how many failures reload counts by then
	}{
		{"good", nil, done, 0},
		{"a brace too few", func(c string) string { return strings.TrimSuffix(c, "}\n") }, parse, 0},
		{"half of it", func(c string) string { return c[:strings.Index(c, "secondary")] }, parse, 0},
		{"a wrong word", func(c string) string { return strings.Replace(c, "interval", "intervall", 1) }, failed, 1},
		{"a plugin that is not there", func(c string) string { return strings.Replace(c, "errors", "erors", 1) }, failed, 2},
		{"good again", nil, done, 2},
	} {
		loaded := s.Metric(t, "coredns_failover_config_loaded_timestamp_seconds")
		probed, logged := dead.Count(), s.Log.Count(step.log)
		next := s.Expand(t, corefile(generation+1))
		if step.change == nil {
			generation++
		} else {
			next = step.change(next)
		}
		m.swap(t, next)
		harness.Eventually(t, 20*time.Second, "the log to say of "+step.name+": "+step.log, func() bool {
			// Nothing else changes for anybody, before, while and after.
			if got := s.A(t, "www"); got != "192.0.2.2" {
				t.Fatalf("Expected %s to keep the answer, got %q", step.name, got)
			}
			if got := s.Addresses(t, "web."+ns+".svc.cluster.local.", dns.TypeA); got != address {
				t.Fatalf("Expected %s to keep the answer of the cluster's name, got %q", step.name, got)
			}
			return s.Log.Count(step.log) > logged
		})
		want := fmt.Sprintf("TXT %q", fmt.Sprint(generation))
		if got := harness.Answer(s.Ask(t, "generation.example.org.", dns.TypeTXT)); len(got) != 1 || got[0] != want {
			t.Errorf("Expected generation %d to answer after %s, got %v", generation, step.name, got)
		}
		harness.Eventually(t, harness.Soon, "probes to go on after "+step.name, func() bool { return dead.Count() > probed })
		if code, _, err := s.Get(t, "@READY@", "/ready"); code != 200 {
			t.Errorf("Expected to be ready after %s, got %d and error %v", step.name, code, err)
		}
		if got := s.Metric(t, "coredns_reload_failed_total"); got != step.counts {
			t.Errorf("Expected reload to count %v failures after %s, got %v", step.counts, step.name, got)
		}
		now := s.Metric(t, "coredns_failover_config_loaded_timestamp_seconds")
		if taken := step.change == nil; taken != (now > loaded) {
			t.Errorf("Expected the time of loading to change after %s: %v, it was %f and is %f", step.name, taken, loaded, now)
		}
	}
	if got := s.Metric(t, "coredns_failover_check_transitions_total", "check", "dead"); got != 1 {
		t.Errorf("Expected the check to become unhealthy once and stay so, got %v transitions", got)
	}
}
