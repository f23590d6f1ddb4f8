//go:build linux && kube

package kube

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coredns/caddy/caddyfile"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// addon has kubeadm deploy its DNS, as `kubeadm init` and `kubeadm upgrade apply` do.
func (p *Plane) addon(t *testing.T, configuration string) harness.Result {
	t.Helper()
	return p.Kubeadm(t, "init", "phase", "addon", "coredns", "--config", configured(t, configuration))
}

// configured returns a file for kubeadm with what a user writes and the patches that we ship.
func configured(t *testing.T, configuration string) string {
	t.Helper()
	patches, err := filepath.Abs(filepath.Join(shipped, "kubeadm", "patches"))
	if err != nil {
		t.Fatal(err)
	}
	// Beside what a user writes: a version, or it would be asked for on the Internet, and an address, which the loopback
	// cannot be.
	configuration += "kubernetesVersion: v1.36.3\nnetworking: {serviceSubnet: 10.96.0.0/16}\n---\n" +
		"apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n" +
		"localAPIEndpoint: {advertiseAddress: 192.0.2.10}\npatches: {directory: " + patches + "}\n"
	file := filepath.Join(t.TempDir(), "kubeadm.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// shippedFile returns what is in a file that is shipped.
func shippedFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shipped, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// corefile returns the Corefile of the cluster's DNS.
func (p *Plane) corefile(t *testing.T) string {
	t.Helper()
	config, err := p.Client(t).CoreV1().ConfigMaps("kube-system").Get(t.Context(), "coredns", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return config.Data["Corefile"]
}

// deployed returns the Deployment of the cluster's DNS.
func (p *Plane) deployed(t *testing.T) *apps.Deployment {
	t.Helper()
	found, err := p.Client(t).AppsV1().Deployments("kube-system").Get(t.Context(), "coredns", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// setCorefile replaces the Corefile of the cluster's DNS.
func (p *Plane) setCorefile(t *testing.T, text string) {
	t.Helper()
	configs := p.Client(t).CoreV1().ConfigMaps("kube-system")
	config, err := configs.Get(t.Context(), "coredns", meta.GetOptions{})
	if err == nil {
		config.Data = map[string]string{"Corefile": text}
		_, err = configs.Update(t.Context(), config, meta.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// setImage replaces the image of the cluster's DNS, as if an earlier kubeadm had deployed it.
func (p *Plane) setImage(t *testing.T, image string) {
	t.Helper()
	p.Kubectl(t, "-n", "kube-system", "set", "image", "deployment/coredns", "coredns="+image)
}

const shippedImage = "registry.example.org/coredns-failover-0.1.0/coredns:v1.14.2"

// TestKubeadm runs the part of kubeadm that deploys the cluster's DNS.
func TestKubeadm(t *testing.T) {
	p := NewPlane(t)
	t.Run("beside", p.besideKubeadm)
	t.Run("upgrade", p.upgradedByKubeadm)
	t.Run("preflight", p.knownToKubeadm)
}

// besideKubeadm has kubeadm deploy what we document, then ours in place of it, then kubeadm again, as an upgrade would.
func (p *Plane) besideKubeadm(t *testing.T) {
	configuration := shippedFile(t, "kubeadm/cluster-configuration.yaml")
	if r := p.addon(t, configuration); r.Code != 0 {
		t.Fatalf("Expected kubeadm to deploy its DNS, got %s%s", r.Out, r.Err)
	}
	theirs := p.deployed(t)
	if got := theirs.Spec.Template.Spec.Containers[0].Image; got != shippedImage {
		t.Errorf("Expected the image %s, got %s", shippedImage, got)
	}
	stock := p.corefile(t)
	role, err := p.Client(t).RbacV1().ClusterRoles().Get(t.Context(), "system:coredns", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(role.Rules, stockRules()) {
		t.Errorf("Expected kubeadm's rules to be what we take for them, got %v", role.Rules)
	}

	// The same objects, which differ in nothing but the Corefile and the budget for disruptions.
	manifest := p.manifests(t)["cluster-dns"]
	manifest = strings.ReplaceAll(manifest, "registry.example.org/coredns-failover/coredns:v1.14.2", shippedImage)
	service, err := p.Client(t).CoreV1().Services("kube-system").Get(t.Context(), "kube-dns", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Kubectl(t, "-n", "kube-system", "delete", "deployment", "coredns")
	p.Apply(t, manifest)
	ours := p.deployed(t)
	if !reflect.DeepEqual(ours.Spec, theirs.Spec) {
		t.Errorf("Expected the Deployment of kubeadm with our patches, got\n%+v\nfrom\n%+v", ours.Spec, theirs.Spec)
	}
	if !reflect.DeepEqual(ours.Labels, theirs.Labels) {
		t.Errorf("Expected the labels %v, got %v", theirs.Labels, ours.Labels)
	}
	service2, err := p.Client(t).CoreV1().Services("kube-system").Get(t.Context(), "kube-dns", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(service2.Spec, service.Spec) || !reflect.DeepEqual(service2.Labels, service.Labels) {
		t.Errorf("Expected the Service of kubeadm, got\n%+v\nfrom\n%+v", service2, service)
	}
	for line := range strings.SplitSeq(stock, "\n") {
		if line = strings.TrimSpace(line); !strings.Contains(p.corefile(t), line) {
			t.Errorf("Expected all that kubeadm's Corefile says, %q is not in ours", line)
		}
	}

	// Nothing that we have put there is taken away again.
	mine := p.corefile(t)
	if r := p.addon(t, configuration); r.Code != 0 {
		t.Fatalf("Expected kubeadm to deploy over ours, got %s%s", r.Out, r.Err)
	}
	if got := p.corefile(t); got != mine {
		t.Errorf("Expected kubeadm to leave the Corefile as it is, got\n%s\nfrom\n%s", got, mine)
	}
	if got := p.deployed(t); !reflect.DeepEqual(got.Spec, ours.Spec) {
		t.Errorf("Expected the Deployment to stay as it is, got\n%+v\nfrom\n%+v", got.Spec, ours.Spec)
	}
}

// upgradedByKubeadm is about the tag of the image, which kubeadm takes for the version of CoreDNS that a Corefile is
// to be migrated from.
func (p *Plane) upgradedByKubeadm(t *testing.T) {
	configuration := shippedFile(t, "kubeadm/cluster-configuration.yaml")
	if r := p.addon(t, configuration); r.Code != 0 {
		t.Fatalf("Expected kubeadm to deploy its DNS, got %s%s", r.Out, r.Err)
	}
	shape := shippedFile(t, "cluster-dns/Corefile")
	for _, c := range []struct {
		name, image, corefile string
		same                  bool // byte by byte
		refused               string
	}{
		{name: "its own version", image: shippedImage, corefile: shape, same: true},
		{name: "an earlier one, from which nothing is migrated", corefile: shape, same: true,
			image: "registry.example.org/coredns-failover-0.1.0/coredns:v1.13.1"},
		// kubeadm 1.36 means to migrate from v1.6.2 too, but looks that up with its v, and then leaves all as it is.
		{name: "an early one, from which much is", image: "registry.example.org/coredns-failover-0.1.0/coredns:1.6.2",
			// That had no lameduck, which is new in the defaults since: a reason to migrate.
			corefile: strings.Replace(shape, "health {\n       lameduck 5s\n    }", "health", 1)},
		{name: "no tag but a digest", same: true, corefile: shape,
			image: "registry.example.org/coredns-failover/coredns@sha256:" + strings.Repeat("0", 64)},
		{name: "a version that kubeadm does not know yet", image: "registry.example.org/coredns-failover/coredns:v1.15.0",
			corefile: shape, same: true, refused: "start version '1.15.0' not supported"},
		{name: "ours", image: "registry.example.org/coredns-failover/coredns:v0.1.0",
			corefile: shape, same: true, refused: "start version '0.1.0' not supported"},
		{name: "both", image: "registry.example.org/coredns-failover/coredns:v1.14.2-failover.0.1.0",
			corefile: shape, same: true, refused: "start version '1.14.2-failover.0.1.0' not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.setCorefile(t, c.corefile)
			p.setImage(t, c.image)
			r := p.addon(t, configuration)
			if (r.Code != 0) != (c.refused != "") || !strings.Contains(r.Err, c.refused) {
				t.Errorf("Expected %q, got exit code %d and %s%s", c.refused, r.Code, r.Out, r.Err)
			}
			got := p.corefile(t)
			if c.same && got != c.corefile {
				t.Errorf("Expected the Corefile to stay as it is, got\n%s", got)
			}
			if !c.same && got == c.corefile {
				t.Errorf("Expected a migration, the Corefile is as it was: %s%s", r.Out, r.Err)
			}
			if got, want := failoverWords(t, got), failoverWords(t, c.corefile); got != want || got == "" {
				t.Errorf("Expected failover's part of the Corefile to stay as it is, got\n%s\nfrom\n%s", got, want)
			}
			image := p.deployed(t).Spec.Template.Spec.Containers[0].Image
			if want := map[bool]string{true: shippedImage, false: c.image}[c.refused == ""]; image != want {
				t.Errorf("Expected the image %s, got %s", want, image)
			}
		})
	}
}

// knownToKubeadm is about what kubeadm checks before an upgrade: it wants to be told that an external plugin is meant.
func (p *Plane) knownToKubeadm(t *testing.T) {
	const passed, check = "[upgrade/config] Reading configuration", "CoreDNSUnsupportedPlugins"
	p.setCorefile(t, shippedFile(t, "cluster-dns/Corefile"))
	// It asks for its configuration afterwards, for a minute if there is none.
	r := p.Kubeadm(t, "init", "phase", "upload-config", "kubeadm", "--config",
		configured(t, shippedFile(t, "kubeadm/cluster-configuration.yaml")))
	if r.Code != 0 {
		t.Fatalf("Expected kubeadm to keep its configuration, got %s%s", r.Out, r.Err)
	}
	for _, c := range []struct {
		name, image, ignored string
		passes               bool
	}{
		{"its own version", shippedImage, "", true},
		{"an earlier one", strings.Replace(shippedImage, "v1.14.2", "v1.13.1", 1), "", false},
		{"an earlier one, and told", strings.Replace(shippedImage, "v1.14.2", "v1.13.1", 1), check, true},
	} {
		p.setImage(t, c.image)
		// What comes after that is the kubelets', and fails here in any case.
		r := p.Kubeadm(t, "upgrade", "plan", "v1.36.3", "--ignore-preflight-errors="+c.ignored)
		if got := strings.Contains(r.Out, passed); got != c.passes || !got && !strings.Contains(r.Err+r.Out, check) {
			t.Errorf("%s: Expected to pass %v, got %s%s", c.name, c.passes, r.Out, r.Err)
		}
	}
}

// failoverWords returns the words of failover's stanza in a Corefile, a line a line.
func failoverWords(t *testing.T, corefile string) string {
	t.Helper()
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, block := range blocks {
		line := 0
		for _, token := range block.Tokens["failover"] {
			if token.Line != line {
				text.WriteString("\n")
			}
			line = token.Line
			text.WriteString(token.Text + " ")
		}
	}
	return text.String()
}
