package cluster

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Access says how to get to an API server: by a kubeconfig and one of its contexts, or, the zero Access, as a pod does.
type Access struct {
	Kubeconfig string // an absolute path
	Context    string // empty: the current one
}

func (a Access) String() string {
	switch {
	case a.Kubeconfig == "":
		return "the cluster of this pod"
	case a.Context == "":
		return "the cluster of " + a.Kubeconfig
	}
	return "the cluster of " + a.Kubeconfig + ", context " + a.Context
}

// Verify tells what is wrong with the files that it takes, and with the environment. It asks nobody.
func (a Access) Verify() error {
	config, err := a.load()
	if err == nil {
		_, err = newClient(config)
	}
	return err
}

// The files of a pod's account.
const (
	accountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" // #nosec G101 -- a path
	accountCA    = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
)

// load reads what there is to know of the API server and of who asks it. All files are read but that of a token, which
// client-go reads again while it runs.
func (a Access) load() (*rest.Config, error) {
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	switch {
	case config.ExecProvider != nil:
		return nil, errors.New("its user has a program to get credentials from (exec), which is never run here; " +
			"use a token, a file of one, or a client certificate")
	case config.AuthProvider != nil:
		return nil, fmt.Errorf("its user has an auth-provider (%s), which is not supported", config.AuthProvider.Name)
	case config.BearerTokenFile != "":
		if _, err := readSmall(config.BearerTokenFile); err != nil {
			return nil, err
		}
	}
	// Read here, they are not watched by goroutines of client-go that never end.
	if err := rest.LoadTLSFiles(config); err != nil {
		return nil, err
	}
	config.CAFile, config.CertFile, config.KeyFile = "", "", ""
	return config, nil
}

func (a Access) config() (*rest.Config, error) {
	if a.Kubeconfig == "" {
		return ofPod()
	}
	text, err := readSmall(a.Kubeconfig)
	if err != nil {
		return nil, err
	}
	read, err := clientcmd.Load(text)
	if err != nil {
		// What is wrong is not repeated: it may quote a secret.
		return nil, fmt.Errorf("%s is not a kubeconfig", a.Kubeconfig)
	}
	for _, c := range read.Clusters {
		c.LocationOfOrigin = a.Kubeconfig
	}
	for _, user := range read.AuthInfos {
		user.LocationOfOrigin = a.Kubeconfig
	}
	if err := clientcmd.ResolveLocalPaths(read); err != nil {
		return nil, err
	}
	name := a.Context
	if name == "" {
		name = read.CurrentContext
	}
	if read.Contexts[name] == nil {
		known := "there are none"
		if len(read.Contexts) > 0 {
			known = "it has " + strings.Join(slices.Sorted(maps.Keys(read.Contexts)), " ")
		}
		if name == "" {
			return nil, fmt.Errorf("%s has no current context; %s", a.Kubeconfig, known)
		}
		return nil, fmt.Errorf("%s has no context %q; %s", a.Kubeconfig, name, known)
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*read, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%s: context %q: %w", a.Kubeconfig, name, err)
	}
	return config, nil
}

// ofPod is the configuration that Kubernetes gives to a pod.
func ofPod() (*rest.Config, error) {
	for _, variable := range []string{"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"} {
		if os.Getenv(variable) == "" {
			return nil, fmt.Errorf("this is no pod of a cluster: %s is not set", variable)
		}
	}
	for _, file := range []string{accountToken, accountCA} {
		if _, err := readSmall(file); err != nil {
			return nil, fmt.Errorf("the pod has no service account: %w", err)
		}
	}
	return rest.InClusterConfig()
}

// readSmall reads a regular file of at most a mebibyte. Reading a device or a pipe could take for ever.
func readSmall(path string) ([]byte, error) {
	const most = 1 << 20
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > most:
		return nil, fmt.Errorf("%s is larger than a mebibyte", path)
	}
	return text, nil
}

var seed = maphash.MakeSeed()

// fingerprint tells configurations apart.
func fingerprint(c *rest.Config) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	token, proxy := c.BearerToken, ""
	if c.BearerTokenFile != "" {
		token = "" // only what the file held a moment ago
	}
	if c.Proxy != nil {
		if at, err := c.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "proxied.invalid"}}); err == nil && at != nil {
			proxy = at.String()
		}
	}
	for _, part := range []string{
		c.Host, c.APIPath, c.Username, c.Password, token, c.BearerTokenFile, c.ServerName, proxy,
		fmt.Sprint(c.Insecure, c.DisableCompression, c.Impersonate.UserName, c.Impersonate.UID, c.Impersonate.Groups, c.Impersonate.Extra),
		string(c.CAData), string(c.CertData), string(c.KeyData),
	} {
		fmt.Fprintf(&h, "%d %s", len(part), part)
	}
	return h.Sum64()
}
