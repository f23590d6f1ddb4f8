package corefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Cluster is a Kubernetes cluster, by the way to its API server. What is in a kubeconfig is for those who link a client
// to find out.
type Cluster struct {
	Pos        Pos    // of the line kubeconfig, or of the first target that needs none
	Kubeconfig string // absolute; empty: that of the pod that the server runs in
	Context    string // empty: the current one of the kubeconfig
}

// Errorf is an error about the cluster.
func (c Cluster) Errorf(format string, args ...any) error { return c.Pos.errorf(format, args...) }

// kubernetesTarget reads NAMESPACE/SERVICE[:PORT] and returns the words after it.
func kubernetesTarget(words []string) (*target, []string, error) {
	const takes = "kubernetes takes NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT"
	if len(words) == 0 {
		return nil, nil, errors.New(takes)
	}
	namespace, rest, ok := strings.Cut(words[0], "/")
	if !ok {
		return nil, nil, fmt.Errorf("%s, not %q", takes, words[0])
	}
	service, port, given := strings.Cut(rest, ":")
	if given && port == "" {
		return nil, nil, errors.New("kubernetes: the port is empty")
	}
	t := &target{kind: onKubernetes, text: "kubernetes", probe: probe.Spec{
		Scheme: probe.Kubernetes, Namespace: namespace, Service: service, ServicePort: port,
	}}
	return t, words[1:], t.probe.Validate()
}

// readKubeconfig reads the line "kubeconfig FILE [CONTEXT]".
func (s *stanza) readKubeconfig(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("kubeconfig takes a file, and the name of one of its contexts")
	}
	if err := pathLetters(args[0]); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	s.cluster = Cluster{Pos: s.places["kubeconfig"], Kubeconfig: args[0]}
	if len(args) > 1 {
		s.cluster.Context = args[1]
	}
	return nil
}

// findKubeconfig finds out which file a stanza names, and that it can be read here.
func (b *builder) findKubeconfig(s *stanza) error {
	pos, given := s.places["kubeconfig"]
	if !given {
		return nil
	}
	path, err := filepath.Abs(b.files.path(s.cluster.Kubeconfig))
	if err != nil {
		return pos.errorf("kubeconfig: %w", err)
	}
	s.cluster.Kubeconfig = path
	if b.files.try == nil {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return pos.errorf("kubeconfig: there is no file %s", path)
	case err != nil:
		return pos.errorf("kubeconfig: %w", err)
	case !info.Mode().IsRegular():
		return pos.errorf("kubeconfig: %s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return pos.errorf("kubeconfig: %w", err)
	}
	file.Close()
	if info.Mode().Perm()&0o004 != 0 {
		b.warn(pos, "everybody on this machine can read the kubeconfig %s", path)
	}
	return nil
}

// addCluster gives a target the cluster of its stanza.
func (b *builder) addCluster(s *stanza, t *target) {
	cluster := s.cluster
	if cluster.Kubeconfig == "" {
		cluster.Pos = t.pos
	}
	t.probe.Kubeconfig, t.probe.Context = cluster.Kubeconfig, cluster.Context
	if !slices.ContainsFunc(b.config.Clusters, func(c Cluster) bool {
		return c.Kubeconfig == cluster.Kubeconfig && c.Context == cluster.Context
	}) {
		b.config.Clusters = append(b.config.Clusters, cluster)
	}
}

// warnKubeconfig warns of a kubeconfig that nothing goes by.
func (b *builder) warnKubeconfig(s *stanza) {
	pos, given := s.places["kubeconfig"]
	if given && !slices.ContainsFunc(s.byOrder, func(c *check) bool { return c.target.kind == onKubernetes }) {
		b.warn(pos, "kubeconfig is for checks of kubernetes, and this stanza has none")
	}
}
