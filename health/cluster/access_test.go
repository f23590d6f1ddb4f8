package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAccess_Verify(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("token", "secret\n")
	with := func(name, user, cluster string) string {
		return write(name, `{"apiVersion": "v1", "kind": "Config", "current-context": "one",
			"contexts": [{"name": "one", "context": {"cluster": "here", "user": "me"}},
				{"name": "nowhere", "context": {"cluster": "gone", "user": "me"}}],
			"clusters": [{"name": "here", "cluster": {"server": "https://192.0.2.1:6443"`+cluster+`}}],
			"users": [{"name": "me", "user": {`+user+`}}]}`)
	}
	good := with("good", `"tokenFile": "token"`, "")
	for _, tc := range []struct {
		name, want string
		access     Access
	}{
		{"good", "", Access{Kubeconfig: good}},
		{"good with its context", "", Access{good, "one"}},
		{"token", "", Access{Kubeconfig: with("inline", `"token": "secret"`, "")}},
		{"no pod", "this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set", Access{}},
		{"missing", "no such file or directory", Access{Kubeconfig: filepath.Join(dir, "none")}},
		{"a folder", "is not a regular file", Access{Kubeconfig: dir}},
		{"broken", "is not a kubeconfig", Access{Kubeconfig: write("broken", "secret: [")}},
		{"huge", "is larger than a mebibyte", Access{Kubeconfig: write("huge", strings.Repeat("#", 2<<20))}},
		{"empty", "has no current context; there are none", Access{Kubeconfig: write("empty", "")}},
		{"another context", `has no context "two"; it has nowhere one`, Access{good, "two"}},
		{"a context without a cluster", `context "nowhere"`, Access{good, "nowhere"}},
		{"a program", "(exec), which is never run here", Access{Kubeconfig: with("exec",
			`"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/true", "interactiveMode": "Never"}`, "")}},
		{"an auth-provider", "auth-provider (gcp)", Access{Kubeconfig: with("provider", `"auth-provider": {"name": "gcp"}`, "")}},
		{"no token", "missing.token", Access{Kubeconfig: with("missing", `"tokenFile": "missing.token"`, "")}},
		{"no authority", "ca.pem", Access{Kubeconfig: with("authority", `"token": "x"`, `, "certificate-authority": "ca.pem"`)}},
		{"broken authority", "certificate", Access{Kubeconfig: with("data", `"token": "x"`, `, "certificate-authority-data": "c2VjcmV0"`)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.access.Verify()
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Fatalf("Error %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("The error repeats a secret: %v", err)
			}
		})
	}
}
