//go:build linux && kube

package kube

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// serviceAccountFolder is where the kubelet puts what a pod needs to talk to the API server.
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

// InCluster returns a command which runs another as a pod's is run: with the token and the certificate of the API server
// where the kubelet puts them, and with the variables that lead there. It is for harness.StartBy.
func (p *Plane) InCluster(t *testing.T, namespace, token string) []string {
	t.Helper()
	authority, err := os.ReadFile(p.CA())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"ca.crt": string(authority), "namespace": namespace, "token": token} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The folder is mounted in a namespace of the command's own, over an empty /var/run, so that nobody else sees it.
	const script = `mount -t tmpfs tmpfs /var/run && mkdir -p "$1" && mount --bind "$0" "$1" && shift && exec "$@"`
	return []string{
		"unshare", "--mount", "sh", "-c", script, dir, serviceAccountFolder,
		"env", "KUBERNETES_SERVICE_HOST=" + p.Host, "KUBERNETES_SERVICE_PORT=" + strconv.Itoa(p.Port),
	}
}
