//go:build linux && kube

package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubeadmConfig is what kubeadm has to be told beside its defaults. It does without neither an address that is not the
// loopback nor a version that it need not look up.
const kubeadmConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 192.0.2.10
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
`

// ClusterDNS has kubeadm install its CoreDNS, as it does in every cluster that it makes: the Deployment, the Service
// kube-dns at 10.96.0.10, the ConfigMap, the service account and its rights. It returns the Corefile. A cluster has that
// once: it is for a Lab.
func (p *Plane) ClusterDNS(t *testing.T) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "kubeadm.yaml")
	if err := os.WriteFile(config, []byte(kubeadmConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.Kubeadm(t, "init", "phase", "addon", "coredns", "--config", config); r.Code != 0 {
		t.Fatalf("Expected kubeadm to install CoreDNS, got: %s%s", r.Out, r.Err)
	}
	found, err := p.Client(t).CoreV1().ConfigMaps("kube-system").Get(t.Context(), "coredns", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	corefile := found.Data["Corefile"]
	if !strings.Contains(corefile, "kubernetes cluster.local") {
		t.Fatalf("Expected kubeadm's Corefile, got:\n%s", corefile)
	}
	return corefile
}
