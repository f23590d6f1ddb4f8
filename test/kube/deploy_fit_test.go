//go:build linux && kube

package kube

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TestManifestsFit wants the objects of a shape to fit each other. An API server takes each for itself: a budget that is
// about no pods, a probe of a port that nobody has, a Service that leads nowhere.
func TestManifestsFit(t *testing.T) {
	all := Shared(t).manifests(t)
	for _, c := range []struct{ manifest, deployment, service, config string }{
		{"cluster-dns", "coredns", "kube-dns", "coredns"},
		{"example-cluster-dns", "coredns", "kube-dns", "coredns"},
		{"dedicated", "failover-dns", "failover-dns", "failover-dns"},
		{"example", "failover-dns", "failover-dns", "failover-dns"},
		{"with components", "failover-dns", "failover-dns", "failover-dns"},
	} {
		t.Run(c.manifest, func(t *testing.T) {
			manifest := all[c.manifest]
			d := object[apps.Deployment](t, manifest, "Deployment", c.deployment)
			corefile := object[core.ConfigMap](t, manifest, "ConfigMap", c.config).Data["Corefile"]
			fitsDisruptions(t, d, object[policy.PodDisruptionBudget](t, manifest, "PodDisruptionBudget", c.deployment))
			fitsService(t, d, object[core.Service](t, manifest, "Service", c.service))
			fitsCorefile(t, d, c.config, corefile)
			fitsMemory(t, d)
			if got, want := writes(d), c.manifest == "with components"; got != want {
				t.Errorf("Expected a folder to write to %v, got %v", want, got)
			}
		})
	}
}

// TestManifestsComponents wants each component to do what it is there for.
func TestManifestsComponents(t *testing.T) {
	manifest := Shared(t).manifests(t)["with components"]
	d := object[apps.Deployment](t, manifest, "Deployment", "failover-dns")
	p := object[networking.NetworkPolicy](t, manifest, "NetworkPolicy", "failover-dns")
	if !selects(t, &p.Spec.PodSelector, d.Spec.Template.Labels) || p.Namespace != d.Namespace {
		t.Errorf("Expected a policy for the pods, got %v in %s", p.Spec.PodSelector, p.Namespace)
	}
	var open []string
	for _, rule := range p.Spec.Ingress {
		for _, port := range rule.Ports {
			open = append(open, fmt.Sprintf("%v/%s", portOf(d, *port.Port, *port.Protocol), *port.Protocol))
		}
	}
	slices.Sort(open)
	if want := []string{"5353/TCP", "5353/UDP", "9153/TCP"}; !slices.Equal(open, want) {
		t.Errorf("Expected the policy to let in %v, got %v", want, open)
	}
	for _, o := range objects(t, manifest) {
		if o.Kind == "ClusterRoleBinding" {
			t.Errorf("Expected no right in all namespaces, got the binding %s", o.Name)
		}
	}
	if !writes(d) {
		t.Error("Expected a folder that can be written to for the word state")
	}
}

// writes tells whether pods have the folder for the word state, which is the only one that they can write to.
func writes(d apps.Deployment) bool {
	for _, volume := range d.Spec.Template.Spec.Volumes {
		for _, mount := range d.Spec.Template.Spec.Containers[0].VolumeMounts {
			if volume.ConfigMap == nil && mount.Name == volume.Name {
				return volume.EmptyDir != nil && mount.MountPath == "/var/lib/failover" && !mount.ReadOnly
			}
		}
	}
	return false
}

// fitsDisruptions wants two pods that are not in the same place, one of which may be away at a time.
func fitsDisruptions(t *testing.T, d apps.Deployment, budget policy.PodDisruptionBudget) {
	t.Helper()
	pod := d.Spec.Template.Spec
	if d.Spec.Replicas == nil || *d.Spec.Replicas != 2 {
		t.Errorf("Expected two replicas, got %v", d.Spec.Replicas)
	}
	if most := budget.Spec.MaxUnavailable; most == nil || most.IntValue() != 1 || budget.Namespace != d.Namespace ||
		!selects(t, budget.Spec.Selector, d.Spec.Template.Labels) {
		t.Errorf("Expected a budget of one of these pods, got %+v in %s", budget.Spec, budget.Namespace)
	}
	spread := map[string]bool{}
	for _, c := range pod.TopologySpreadConstraints {
		spread[c.TopologyKey] = selects(t, c.LabelSelector, d.Spec.Template.Labels) && c.WhenUnsatisfiable == core.ScheduleAnyway
	}
	if pod.Affinity != nil && pod.Affinity.PodAntiAffinity != nil {
		for _, term := range pod.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			spread[term.PodAffinityTerm.TopologyKey] = selects(t, term.PodAffinityTerm.LabelSelector, d.Spec.Template.Labels)
		}
	}
	for _, key := range []string{core.LabelTopologyZone, core.LabelHostname} {
		if !spread[key] {
			t.Errorf("Expected pods to be spread by %s where that can be, got %v", key, spread)
		}
	}
	if pod.DNSPolicy != core.DNSDefault {
		t.Errorf("Expected the node's resolver, since the cluster's asks us, got %s", pod.DNSPolicy)
	}
}

// fitsService wants a Service to lead to ports that the pods have, by both protocols, and to the metrics.
func fitsService(t *testing.T, d apps.Deployment, s core.Service) {
	t.Helper()
	if !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) || s.Namespace != d.Namespace {
		t.Errorf("Expected a Service for the pods, got %v in %s", s.Spec.Selector, s.Namespace)
	}
	found := make([]string, 0, len(s.Spec.Ports))
	for _, port := range s.Spec.Ports {
		if portOf(d, port.TargetPort, port.Protocol) == 0 {
			t.Errorf("Expected the pods to have the port %s/%s of the Service", port.TargetPort.String(), port.Protocol)
		}
		found = append(found, fmt.Sprintf("%d/%s", port.Port, port.Protocol))
	}
	slices.Sort(found)
	if want := []string{"53/TCP", "53/UDP", "9153/TCP"}; !slices.Equal(found, want) {
		t.Errorf("Expected the ports %v of the Service, got %v", want, found)
	}
}

var (
	serverBlock = regexp.MustCompile(`(?m)^\S+:(\d+) \{`)
	lameduck    = regexp.MustCompile(`lameduck (\S+)`)
)

// fitsCorefile wants pods to be run with the Corefile that comes with them, and to be asked where and how that has them
// listen.
func fitsCorefile(t *testing.T, d apps.Deployment, config, corefile string) {
	t.Helper()
	pod, container := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
	if len(container.Args) != 2 || container.Args[0] != "-conf" {
		t.Fatalf("Expected -conf and a file, got %v", container.Args)
	}
	mounted := slices.ContainsFunc(container.VolumeMounts, func(m core.VolumeMount) bool {
		return m.MountPath == path.Dir(container.Args[1]) && m.SubPath == "" &&
			slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool {
				return v.Name == m.Name && v.ConfigMap != nil && v.ConfigMap.Name == config
			})
	})
	if !mounted || path.Base(container.Args[1]) != "Corefile" {
		t.Errorf("Expected the whole ConfigMap %s where %s is, got %v", config, container.Args[1], container.VolumeMounts)
	}
	port := serverBlock.FindStringSubmatch(corefile)
	if port == nil {
		t.Fatalf("Expected a server block with a port:\n%s", corefile)
	}
	for _, protocol := range []core.Protocol{core.ProtocolUDP, core.ProtocolTCP} {
		name := map[core.Protocol]string{core.ProtocolUDP: "dns", core.ProtocolTCP: "dns-tcp"}[protocol]
		if got := strconv.Itoa(portOf(d, intstr.FromString(name), protocol)); got != port[1] {
			t.Errorf("Expected the port %s to be that of the Corefile, %s, got %s", name, port[1], got)
		}
	}
	// Where the plugins listen that have no address in these Corefiles.
	for _, p := range []struct {
		plugin, path string
		port         int
		probe        *core.Probe
	}{{"health", "/health", 8080, container.LivenessProbe}, {"ready", "/ready", 8181, container.ReadinessProbe}} {
		if p.probe == nil || p.probe.HTTPGet == nil || p.probe.HTTPGet.Path != p.path ||
			portOf(d, p.probe.HTTPGet.Port, core.ProtocolTCP) != p.port || !strings.Contains(corefile, "\n    "+p.plugin) {
			t.Errorf("Expected a probe of %s on %d, and the plugin %s, got %+v", p.path, p.port, p.plugin, p.probe)
		}
	}
	m := lameduck.FindStringSubmatch(corefile)
	if m == nil {
		t.Fatal("Expected a time in which pods that end still answer")
	}
	late, err := time.ParseDuration(m[1])
	grace := pod.TerminationGracePeriodSeconds
	if err != nil || grace == nil || late <= 0 || time.Duration(*grace)*time.Second < 2*late {
		t.Errorf("Expected the time of grace to hold lameduck, %s, got %v", m[1], grace)
	}
}

// fitsMemory wants Go to know of the limit in time, and some of that to be left to it for what Go does not count.
func fitsMemory(t *testing.T, d apps.Deployment) {
	t.Helper()
	container := d.Spec.Template.Spec.Containers[0]
	for _, v := range container.Env {
		if v.Name == "GOMEMLIMIT" {
			soft, err := resource.ParseQuantity(strings.TrimSuffix(v.Value, "B"))
			share := soft.AsApproximateFloat64() / container.Resources.Limits.Memory().AsApproximateFloat64()
			if err != nil || share < 0.7 || share > 0.9 {
				t.Errorf("Expected GOMEMLIMIT to be somewhat below the limit, got %s of %s", v.Value, container.Resources.Limits.Memory())
			}
			return
		}
	}
	t.Error("Expected GOMEMLIMIT")
}

// selects tells whether a selector is about pods with these labels.
func selects(t *testing.T, selector *meta.LabelSelector, pod map[string]string) bool {
	t.Helper()
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(pod))
}

// portOf returns the port of the container that a number or a name stands for, 0 if it has none.
func portOf(d apps.Deployment, port intstr.IntOrString, protocol core.Protocol) int {
	for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
		if p.Protocol == protocol && (port.Type == intstr.String && p.Name == port.StrVal ||
			port.Type == intstr.Int && p.ContainerPort == port.IntVal) {
			return int(p.ContainerPort)
		}
	}
	return 0
}
