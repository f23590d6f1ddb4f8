//go:build linux && kube

package kube

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestStateOutlivesTheContainer runs the pod that the component "state" makes, whose root nobody can write to, and has its
// container end as by a crash. What was done by hand is still done in the next one.
func TestStateOutlivesTheContainer(t *testing.T) {
	p := Lab(t)
	s := shapes[1]
	addresses(t, "192.0.2.1", "198.51.100.1")
	harness.ServeOn(t, 80, "192.0.2.1", "198.51.100.1")
	p.Apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+s.namespace+"}}")
	p.Apply(t, p.Kubectl(t, "kustomize", overlay(t, "../dedicated", "components: [../dedicated/state]\n")))
	corefile := shippedFile(t, s.base+"/Corefile")
	p.configure(t, s, strings.Replace(corefile, "        admin ", "        state /var/lib/failover/state.json\n        admin ", 1))
	first := p.Container(t, p.Deployment(t, s.namespace, s.deployment), "", nil)
	first.Start(t, s.ip, s.port)
	r := first.Exec(t, "failoverctl", "down", "web", "--for", "1h", "--reason", "new disks", "--author", "ada")
	if r.Code != 0 {
		t.Fatalf("Expected the check to be made unhealthy by hand, got %d: %s%s", r.Code, r.Out, r.Err)
	}
	first.await(t, "ada")
	// There is a second between two writes.
	file := filepath.Join(first.volume(t, "/var/lib/failover"), "state.json")
	harness.Eventually(t, harness.Soon, "the file to say ada", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "ada")
	})
	if r := first.command(t, "kill", first.name, "KILL"); r.Code != 0 {
		t.Fatalf("Expected a container that can be killed: %s", r.Err)
	}
	<-first.done
	second := contain(t, first.bundle)
	second.Start(t, s.ip, s.port)
	second.await(t, "ada")
	for _, c := range []*Container{first, second} {
		if lines := append(c.Log.Lines("[ERROR]"), c.Log.Lines("[WARNING] plugin/failover: the state file")...); len(lines) > 0 {
			t.Errorf("Expected no errors, got %q", lines)
		}
	}
}

// await waits until the status says something.
func (c *Container) await(t *testing.T, text string) {
	t.Helper()
	harness.Eventually(t, harness.Soon, "the status to say "+text, func() bool {
		return strings.Contains(c.Exec(t, "failoverctl", "status", "web", "--output", "json").Out, text)
	})
}

// volume is the folder that is mounted somewhere in the container.
func (c *Container) volume(t *testing.T, destination string) string {
	t.Helper()
	var config struct {
		Mounts []struct{ Destination, Source string }
	}
	text, err := os.ReadFile(filepath.Join(c.bundle, "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	for _, mount := range config.Mounts {
		if mount.Destination == destination {
			return mount.Source
		}
	}
	t.Fatalf("Expected a volume at %s, got %v, %v", destination, config.Mounts, err)
	return ""
}
