//go:build linux && kube

package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// helmServer is a server block in the values of the Helm chart of CoreDNS.
type helmServer struct {
	Port  int
	Zones []struct{ Zone string }

	Plugins []struct{ Name, Parameters, ConfigBlock string }
}

// TestHelmValues puts a Corefile together from the values, as the chart does, and wants it to be that of the dedicated
// server. The chart itself is no part of this: neither it nor helm can be had without many minutes of building.
func TestHelmValues(t *testing.T) {
	var values struct {
		Image   struct{ Repository, Tag string }
		Servers []helmServer
	}
	if err := yaml.Unmarshal([]byte(shippedFile(t, "helm-values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	if got := values.Image.Repository + ":" + values.Image.Tag; got != shippedImage+"-unprivileged" {
		t.Errorf("Expected the image %s-unprivileged, got %s", shippedImage, got)
	}
	var text strings.Builder
	for _, s := range values.Servers {
		for _, z := range s.Zones {
			text.WriteString(z.Zone)
		}
		fmt.Fprintf(&text, ":%d {\n", s.Port)
		for _, p := range s.Plugins {
			text.WriteString("    " + strings.TrimSpace(p.Name+" "+p.Parameters))
			if p.ConfigBlock != "" {
				text.WriteString(" {\n        " + strings.ReplaceAll(p.ConfigBlock, "\n", "\n        ") + "\n    }")
			}
			text.WriteString("\n")
		}
		text.WriteString("}\n")
	}
	var want strings.Builder
	for line := range strings.Lines(shippedFile(t, "dedicated/Corefile")) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			want.WriteString(line)
		}
	}
	if text.String() != want.String() {
		t.Errorf("Expected the Corefile\n%s\ngot\n%s", want.String(), text.String())
	}
	file := filepath.Join(t.TempDir(), "Corefile")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := harness.Ctl(t, t.TempDir(), nil, "check", "--strict", file); r.Code != 0 {
		t.Errorf("Expected a Corefile without errors and warnings, got %s%s", r.Out, r.Err)
	}
}
