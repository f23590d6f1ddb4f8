package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The command line judges checks of Kubernetes without a client of Kubernetes, which is larger than all the rest of it.
func TestLinksNoClientOfKubernetes(t *testing.T) {
	deps, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(deps)) {
		if strings.HasPrefix(path, "k8s.io/") {
			t.Fatalf("It links %s", path)
		}
	}
}
