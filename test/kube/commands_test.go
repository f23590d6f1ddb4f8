//go:build linux && kube

package kube

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// Kubectl runs kubectl as the administrator and returns what it prints. A failure of the command is one of the test.
func (p *Plane) Kubectl(t *testing.T, args ...string) string {
	t.Helper()
	r := p.TryKubectl(t, "", args...)
	if r.Code != 0 {
		t.Fatalf("Expected kubectl %s to succeed, got exit code %d: %s%s", strings.Join(args, " "), r.Code, r.Out, r.Err)
	}
	return r.Out
}

// TryKubectl is Kubectl for a command that may fail, with its standard input.
func (p *Plane) TryKubectl(t *testing.T, stdin string, args ...string) harness.Result {
	t.Helper()
	// What it keeps for itself, as what the server knows, lies with the plane.
	return execute(t, stdin, []string{"KUBECONFIG=" + p.Kubeconfig(), "HOME=" + p.Dir}, os.Getenv(kubectlBinary), args...)
}

// Apply has the API server make what a manifest says, in YAML.
func (p *Plane) Apply(t *testing.T, manifest string) {
	t.Helper()
	r := p.TryKubectl(t, manifest, "apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-")
	if r.Code != 0 {
		t.Fatalf("Expected a manifest to be taken: %s\n%s", r.Err, manifest)
	}
}

// Kubeadm runs kubeadm as the administrator. The command may fail.
func (p *Plane) Kubeadm(t *testing.T, args ...string) harness.Result {
	t.Helper()
	args = append(args, "--kubeconfig", p.Kubeconfig())
	return execute(t, "", []string{"HOME=" + p.Dir}, os.Getenv(kubeadmBinary), args...)
}

// execute runs a command to its end, two minutes at most.
func execute(t *testing.T, stdin string, variables []string, name string, args ...string) harness.Result {
	t.Helper()
	// What cleans up runs when the test's own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return harness.Result{Code: cmd.ProcessState.ExitCode(), Out: out.String(), Err: errs.String()}
}
