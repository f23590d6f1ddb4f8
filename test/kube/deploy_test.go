//go:build linux && kube

package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// shipped is the folder of what we give people to deploy.
const shipped = "../../deploy/kubernetes"

// manifests returns all that is shipped for `kubectl apply`, by its name: what the kustomizations make, one with all
// components among them, and the files that stand alone.
func (p *Plane) manifests(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	bases, err := filepath.Glob(filepath.Join(shipped, "*", "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range bases {
		dir := filepath.Dir(base)
		found[filepath.Base(dir)] = p.Kubectl(t, "kustomize", dir)
	}
	found["with components"] = p.Kubectl(t, "kustomize", overlay(t, "../dedicated",
		"components: [../dedicated/state, ../dedicated/network-policy, ../dedicated/named-namespaces]\n"))
	files, err := filepath.Glob(filepath.Join(shipped, "stub-zones", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(file)] = string(text)
	}
	if len(found) < 6 {
		t.Errorf("Expected manifests in %s, found %d", shipped, len(found))
	}
	return found
}

// overlay makes a kustomization on top of a base, whose path is that from a folder beside the shipped ones.
func overlay(t *testing.T, base, more string) string {
	t.Helper()
	// A copy, since a kustomization finds others by relative paths only.
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(shipped)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "overlay")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "resources: [" + base + "]\n" + more
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// objects splits a manifest into its objects, as JSON.
func objects(t *testing.T, manifest string) []meta.PartialObjectMetadata {
	t.Helper()
	var found []meta.PartialObjectMetadata
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var object meta.PartialObjectMetadata
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, object)
	}
}

// object decodes the object of a kind and name from a manifest.
func object[T any](t *testing.T, manifest, kind, name string) T {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			t.Fatalf("Expected a %s %s, got %v", kind, name, err)
		}
		var head meta.PartialObjectMetadata
		if err := json.Unmarshal(raw, &head); err != nil {
			t.Fatal(err)
		}
		if head.Kind != kind || head.Name != name {
			continue
		}
		var found T
		strict := json.NewDecoder(bytes.NewReader(raw))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&found); err != nil {
			t.Fatal(err)
		}
		return found
	}
}

// TestManifests has an API server take all that is shipped, and asks it afterwards who may do what.
func TestManifests(t *testing.T) {
	p := NewPlane(t)
	t.Run("apply", p.takesManifests)
	t.Run("rights", p.grantsNoMore)
	t.Run("rights in a namespace", p.grantsInANamespace)
}

// takesManifests has an API server judge every manifest, in a dry run and for real, and wants to be told afterwards
// that all of it is as the manifest says: a field that the server drops or changes is a difference.
func (p *Plane) takesManifests(t *testing.T) {
	for name, manifest := range p.manifests(t) {
		for _, o := range objects(t, manifest) {
			if o.Kind == "Namespace" {
				p.Apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+o.Name+"}}")
			}
		}
		for _, args := range [][]string{
			{"apply", "--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server", "-f", "-"},
			{"apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"},
			{"diff", "--server-side", "--force-conflicts", "-f", "-"},
			// What most people type. It is warned of what server-side apply has made, and changes nothing.
			{"apply", "--dry-run=server", "-f", "-"},
		} {
			if r := p.TryKubectl(t, manifest, args...); r.Code != 0 || strings.Contains(r.Err, "would violate") {
				t.Errorf("%s: kubectl %s: Expected exit code 0, got %d: %s%s", name, args, r.Code, r.Out, r.Err)
			}
		}
	}
	bad := "{apiVersion: v1, kind: Service, metadata: {name: bad}, spec: {selecter: {}, ports: [{port: 53}]}}"
	if r := p.TryKubectl(t, bad, "apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-"); r.Code == 0 {
		t.Error("Expected a misspelt field to be refused: else all of this says nothing")
	}
}

// TestManifestsRestricted makes the pods of every Deployment in a namespace where the Pod Security Standard
// "restricted" is enforced.
func TestManifestsRestricted(t *testing.T) {
	p := Shared(t)
	namespace := p.Namespace(t)
	p.Kubectl(t, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
	client := p.Client(t)
	judge := func(spec core.PodSpec) error {
		spec.ServiceAccountName = "coredns"
		spec.PriorityClassName = "" // That is no matter of security, and may not be there yet.
		_, err := client.CoreV1().Pods(namespace).Create(t.Context(),
			&core.Pod{ObjectMeta: meta.ObjectMeta{Name: "judged"}, Spec: spec},
			meta.CreateOptions{DryRun: []string{meta.DryRunAll}})
		return err
	}
	p.Apply(t, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: coredns, namespace: "+namespace+"}}")
	seen := 0
	for name, manifest := range p.manifests(t) {
		for _, o := range objects(t, manifest) {
			if o.Kind != "Deployment" {
				continue
			}
			seen++
			spec := object[apps.Deployment](t, manifest, o.Kind, o.Name).Spec.Template.Spec
			if err := judge(spec); err != nil {
				t.Errorf("%s: Deployment %s: Expected its pods to be restricted enough, got %v", name, o.Name, err)
			}
			spec.SecurityContext = nil
			if err := judge(spec); !apierrors.IsForbidden(err) {
				t.Errorf("%s: Deployment %s: Expected pods without a security context to be refused, got %v", name, o.Name, err)
			}
		}
	}
	if seen < 3 {
		t.Errorf("Expected Deployments, found %d", seen)
	}
}

// TestManifestsLabels wants nothing beside the cluster's DNS to look like it: the Service kube-dns would send it queries,
// and kubeadm, which goes by this label, would find two.
func TestManifestsLabels(t *testing.T) {
	for name, manifest := range Shared(t).manifests(t) {
		if strings.HasSuffix(name, "cluster-dns") {
			continue
		}
		for one := range strings.SplitSeq(manifest, "\n---\n") {
			// A policy that is about the cluster's DNS has to name it.
			if strings.Contains(one, "k8s-app") && !strings.Contains(one, "kind: NetworkPolicy\n") {
				t.Errorf("%s: Expected no label k8s-app in\n%s", name, one)
			}
		}
	}
}
