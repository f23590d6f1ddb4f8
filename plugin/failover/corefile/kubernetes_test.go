package corefile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
)

func TestKubernetesTarget(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		lines []string
		want  probe.Spec
		text  string
	}{
		{"of a Service", []string{"check c kubernetes prod/db"}, probe.Spec{
			Scheme: probe.Kubernetes, Namespace: "prod", Service: "db",
		}, "kubernetes prod/db"},
		{"with a port", []string{"check c kubernetes prod/db:pg", "check * source 127.0.0.1 resolver 192.0.2.53"}, probe.Spec{
			Scheme: probe.Kubernetes, Namespace: "prod", Service: "db", ServicePort: "pg",
		}, "kubernetes prod/db:pg"},
		{"of another cluster", []string{"check c kubernetes prod/db:80", "kubeconfig " + file}, probe.Spec{
			Scheme: probe.Kubernetes, Namespace: "prod", Service: "db", ServicePort: "80", Kubeconfig: file,
		}, "kubernetes prod/db:80"},
		{"of a context", []string{"kubeconfig " + file + " west", "check c kubernetes prod/db"}, probe.Spec{
			Scheme: probe.Kubernetes, Namespace: "prod", Service: "db", Kubeconfig: file, Context: "west",
		}, "kubernetes prod/db"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := definitionOf(t, tc.lines...)
			if got := d.Probe.Spec(); got != tc.want {
				t.Errorf("Probe\n%+v\nwant\n%+v", got, tc.want)
			}
			if got := d.Probe.Target(); got != tc.text {
				t.Errorf("Target %q, want %q", got, tc.text)
			}
		})
	}
}

// What an API server tells is meant: "check *" has no say in how often it has to be told.
func TestKubernetesCountsAtOnce(t *testing.T) {
	once := health.Timing{Fall: 1, Rise: 1}
	for _, tc := range []struct {
		line string
		want health.Timing
	}{
		{"check c kubernetes prod/db", once},
		{"check c kubernetes prod/db fall 4 rise 5", health.Timing{Fall: 4, Rise: 5}},
	} {
		got := definitionOf(t, "check * fall 3 rise 2 hold 1m", tc.line).Timing
		if got.Fall != tc.want.Fall || got.Rise != tc.want.Rise || got.Hold != tc.want.Hold {
			t.Errorf("%s: %+v", tc.line, got)
		}
	}
}

func TestClusters(t *testing.T) {
	t.Chdir("testdata/valid")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("kubernetes.corefile")
	if err != nil {
		t.Fatal(err)
	}
	configs, err := parseText("Corefile", string(text))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(here, "cluster.kubeconfig")
	want := [][]Cluster{
		{{Pos{"Corefile", 3}, file, "west"}},
		{{Pos{"Corefile", 19}, "", ""}, {Pos{"Corefile", 24}, file, ""}},
	}
	for i, config := range configs {
		if !slices.Equal(config.Clusters, want[i]) {
			t.Errorf("Clusters\n%v\nwant\n%v", config.Clusters, want[i])
		}
	}
}

func TestKubeconfigWarnings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	configs, err := parseText("Corefile", "example.org {\n failover {\n  kubeconfig "+file+"\n  static www 192.0.2.1\n }\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Warning{
		{Pos{"Corefile", 3}, "everybody on this machine can read the kubeconfig " + file},
		{Pos{"Corefile", 3}, "kubeconfig is for checks of kubernetes, and this stanza has none"},
	}
	if got := configs[0].Warnings; !slices.Equal(got, want) {
		t.Errorf("Warnings\n%v\nwant\n%v", got, want)
	}
}
