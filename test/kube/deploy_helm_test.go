//go:build linux && kube

package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// helmServer is a server block in the values of the Helm chart of CoreDNS.
type helmServer struct {
	Port  int
	Zones []struct{ Zone string }

	Plugins []struct{ Name, Parameters, ConfigBlock string }
}

// helmValues are the values for that chart, as far as the dedicated server has the same.
type helmValues struct {
	Image   struct{ Repository, Tag string }
	Servers []helmServer

	IsClusterService          bool
	K8sAppLabelOverride       string
	FullnameOverride          string
	NameOverride              string
	ReplicaCount              *int32
	RollingUpdate             *apps.RollingUpdateDeployment
	PodSecurityContext        *core.PodSecurityContext
	SecurityContext           *core.SecurityContext
	TopologySpreadConstraints []core.TopologySpreadConstraint
	NodeSelector              map[string]string
	Env                       []core.EnvVar
	PodDisruptionBudget       policy.PodDisruptionBudgetSpec
	Service                   struct{ IPFamilyPolicy *core.IPFamilyPolicy }
	// A null takes away what the chart has.
	Resources struct{ Limits, Requests map[core.ResourceName]*string }
}

// TestHelmValues puts a Corefile together from the values, as the chart does, and wants it to be that of the dedicated
// server. The rest of the values is compared with that server's manifest. The chart itself is no part of this: neither it nor
// helm can be had without many minutes of building.
func TestHelmValues(t *testing.T) {
	var values helmValues
	if err := yaml.Unmarshal([]byte(shippedFile(t, "helm-values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	if got := values.Image.Repository + ":" + values.Image.Tag; got != shippedImage+"-unprivileged" {
		t.Errorf("Expected the image %s-unprivileged, got %s", shippedImage, got)
	}
	values.areThoseOf(t, Shared(t).manifests(t)["dedicated"])
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

// areThoseOf wants the values to make of the chart what a manifest has.
func (v *helmValues) areThoseOf(t *testing.T, manifest string) {
	t.Helper()
	d := object[apps.Deployment](t, manifest, "Deployment", "failover-dns")
	budget := object[policy.PodDisruptionBudget](t, manifest, "PodDisruptionBudget", "failover-dns").Spec
	budget.Selector = nil // The chart has one of its own.
	pod, container := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
	quantities := func(list core.ResourceList) map[core.ResourceName]string {
		found := map[core.ResourceName]string{}
		for name, quantity := range list {
			found[name] = quantity.String()
		}
		return found
	}
	left := func(list map[core.ResourceName]*string) map[core.ResourceName]string {
		found := map[core.ResourceName]string{}
		for name, quantity := range list {
			if quantity != nil {
				found[name] = *quantity
			}
		}
		return found
	}
	if _, said := v.Resources.Limits[core.ResourceCPU]; !said {
		t.Error("Expected the chart's limit on CPU to be taken away")
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"name", []string{v.FullnameOverride, v.NameOverride}, []string{d.Name, d.Spec.Template.Labels["app.kubernetes.io/name"]}},
		{"replicas", v.ReplicaCount, d.Spec.Replicas},
		{"update", v.RollingUpdate, d.Spec.Strategy.RollingUpdate},
		{"security context of the pod", v.PodSecurityContext, pod.SecurityContext},
		{"security context", v.SecurityContext, container.SecurityContext},
		{"spread", v.TopologySpreadConstraints, pod.TopologySpreadConstraints},
		{"nodes", v.NodeSelector, pod.NodeSelector},
		{"environment", v.Env, container.Env},
		{"budget", v.PodDisruptionBudget, budget},
		{"address families", v.Service.IPFamilyPolicy,
			object[core.Service](t, manifest, "Service", "failover-dns").Spec.IPFamilyPolicy},
		{"limits", left(v.Resources.Limits), quantities(container.Resources.Limits)},
		{"requests", left(v.Resources.Requests), quantities(container.Resources.Requests)},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: Expected what the manifest has, %+v, got %+v", c.what, c.want, c.got)
		}
	}
	// The chart has a dnsPolicy only for what it takes for the cluster's DNS, which then has the label k8s-app.
	if pod.DNSPolicy == core.DNSDefault && !v.IsClusterService || v.K8sAppLabelOverride != d.Name {
		t.Errorf("Expected the node's resolver, and a label that the Service kube-dns does not go by, got %v and %q",
			v.IsClusterService, v.K8sAppLabelOverride)
	}
}
