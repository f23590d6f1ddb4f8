package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
	apiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// server is the kube-apiserver.
type server struct {
	settings
	url     string
	token   string // of the administrator
	command *cobra.Command
	ctx     context.Context // ends when it is to stop
	ended   chan error      // holds what the command returned
	asked   sync.Once
}

func newServer(s *settings) (*server, error) {
	if s.port == 0 {
		port, err := freePort(s.bind)
		if err != nil {
			return nil, err
		}
		s.port = port
	}
	command := app.NewAPIServerCommand()
	return &server{
		settings: *s,
		url:      "https://" + net.JoinHostPort(s.bind, strconv.Itoa(s.port)),
		command:  command,
		ctx:      command.Context(),
		ended:    make(chan error, 1),
	}, nil
}

// certificates is the folder of the API server's own. It makes a certificate there that is its own authority.
func (s *server) certificates() string { return filepath.Join(s.dir, "certs") }

func (s *server) start(store string) error {
	key, err := keyFile(s.dir)
	if err != nil {
		return err
	}
	tokens, token, err := tokenFile(s.dir)
	if err != nil {
		return err
	}
	s.token = token
	s.command.SetArgs([]string{
		"--etcd-servers=" + store,
		"--cert-dir=" + s.certificates(),
		"--bind-address=" + s.bind, "--advertise-address=" + s.bind, fmt.Sprintf("--secure-port=%d", s.port),
		"--service-cluster-ip-range=" + s.cidr,
		// Endpoints of the Service "kubernetes" may not lie on a loopback, and nothing here uses them.
		"--endpoint-reconciler-type=none",
		"--authorization-mode=RBAC", "--token-auth-file=" + tokens,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		// Who watches is told to go, and does not hold up the end.
		"--shutdown-watch-termination-grace-period=2s",
		"-v=0",
	})
	go func() { s.ended <- s.command.Execute() }()
	return nil
}

// shutDown asks the API server to end, unless it was asked: a second time it would take the whole process with it at
// once, as it does for a second signal.
func (s *server) shutDown() {
	s.asked.Do(func() {
		if s.ctx.Err() == nil {
			apiserver.RequestShutdown()
		}
	})
}

// stop ends the API server if that is still to be done, and returns what it says of its end.
func (s *server) stop() error {
	s.shutDown()
	select {
	case err := <-s.ended:
		if err != nil {
			return fmt.Errorf("kube-apiserver: %w", err)
		}
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("kube-apiserver: does not end")
	}
}

// awaitReady polls until the API server calls itself ready.
func (s *server) awaitReady() error {
	client := &http.Client{
		// There is no certificate to know it by until it has made one, and the port is ours.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec
		Timeout:   2 * time.Second,
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+s.token)
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return errors.New("kube-apiserver ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("waiting for kube-apiserver to be ready: %w", ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// writeKubeconfig writes the administrator's, and returns it as a client takes it.
func (s *server) writeKubeconfig() (*rest.Config, error) {
	authority, err := os.ReadFile(filepath.Join(s.certificates(), "apiserver.crt"))
	if err != nil {
		return nil, err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["plane"] = &clientcmdapi.Cluster{Server: s.url, CertificateAuthorityData: authority}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: s.token}
	config.Contexts["plane"] = &clientcmdapi.Context{Cluster: "plane", AuthInfo: "admin"}
	config.CurrentContext = "plane"
	if err := clientcmd.WriteToFile(*config, filepath.Join(s.dir, "admin.kubeconfig")); err != nil {
		return nil, err
	}
	return clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
}
