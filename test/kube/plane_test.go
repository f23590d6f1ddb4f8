//go:build linux && kube

package kube

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// The addresses that services have in every cluster made by kubeadm.
const (
	apiAddress = "10.96.0.1"  // kubernetes.default.svc
	dnsAddress = "10.96.0.10" // kube-dns.kube-system.svc
)

// Plane is a control plane that runs: a Kubernetes API server with the controllers of EndpointSlices, namespaces and
// service accounts.
type Plane struct {
	Dir  string // of its state
	Host string // the address of its API server
	Port int

	shared bool // with other tests, which what a test makes is not to bother
	cmd    *exec.Cmd
	stdin  io.Closer
	log    *harness.LogBuffer
	done   chan struct{} // closed when the process has ended
}

// Kubeconfig is the administrator's; its only context is "plane".
func (p *Plane) Kubeconfig() string { return filepath.Join(p.Dir, "admin.kubeconfig") }

// CA is the file of the certificate that clients are to trust.
func (p *Plane) CA() string { return filepath.Join(p.Dir, "certs", "apiserver.crt") }

// shared is the plane that Shared returns; nil until the first asked for it, under the mutex.
var (
	sharing sync.Mutex
	shared  *Plane
)

// Shared returns the plane that all tests share. What a test makes there lies in a Namespace of its own, or is removed.
func Shared(t *testing.T) *Plane {
	t.Helper()
	sharing.Lock()
	defer sharing.Unlock()
	if shared != nil {
		return shared
	}
	p, err := startShared(harness.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	p.shared, shared = true, p
	return p
}

// startShared starts a plane in a folder that outlives the test.
func startShared(port int) (*Plane, error) {
	dir, err := os.MkdirTemp("", "plane")
	if err != nil {
		return nil, err
	}
	p := &Plane{Dir: dir, Host: "127.0.0.1", Port: port}
	return p, p.start()
}

// stopShared ends the shared plane, when the tests have.
func stopShared() {
	if shared == nil {
		return
	}
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "kube:", err)
	}
	os.RemoveAll(shared.Dir)
}

// NewPlane starts a plane for one test, on a free port of 127.0.0.1. It takes four seconds, more on a busy machine.
func NewPlane(t *testing.T) *Plane {
	t.Helper()
	return newPlane(t, "127.0.0.1", harness.FreePort(t))
}

// Lab starts a plane for one test at the address that a cluster's API server has, 10.96.0.1:443. With it everything may
// run where it does in a cluster: DNS on 10.96.0.10:53, and :8080, :8181 and :9153. It takes as long as NewPlane.
func Lab(t *testing.T) *Plane {
	t.Helper()
	return newPlane(t, apiAddress, 443)
}

func newPlane(t *testing.T, host string, port int) *Plane {
	t.Helper()
	p := &Plane{Dir: t.TempDir(), Host: host, Port: port}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// start runs the plane and returns when it is ready.
func (p *Plane) start() error {
	p.cmd = exec.Command(os.Getenv(planeBinary), "-stdin", "-dir", p.Dir, "-bind", p.Host, "-port", strconv.Itoa(p.Port))
	p.log = new(harness.LogBuffer)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return err
	}
	cmd, done := p.cmd, make(chan struct{})
	p.done = done
	go func() {
		_ = cmd.Wait() // How it ended is asked of ProcessState.
		close(done)
	}()
	deadline := time.After(3 * time.Minute)
	for {
		select {
		case <-done:
			return fmt.Errorf("the plane ended before it was ready: %s\n%s", cmd.ProcessState, p.log)
		case <-deadline:
			p.Kill()
			return fmt.Errorf("the plane was not ready after three minutes:\n%s", p.log)
		case <-time.After(20 * time.Millisecond):
			if strings.Contains(p.log.String(), "READY ") {
				return nil
			}
		}
	}
}

// stop ends the plane in order; one that was killed has ended already.
func (p *Plane) stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	p.Resume()
	p.stdin.Close()
	select {
	case <-p.done:
		if !p.cmd.ProcessState.Success() {
			return fmt.Errorf("the plane ended with %s:\n%s", p.cmd.ProcessState, p.log)
		}
		return nil
	case <-time.After(time.Minute):
		p.Kill()
		return fmt.Errorf("the plane did not end in a minute:\n%s", p.log)
	}
}

// Kill ends the plane as a crash of its machine would: connections to it are refused from now on.
func (p *Plane) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Again starts the plane after Kill, with the objects and tokens that it had.
func (p *Plane) Again(t *testing.T) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
}

// Pause stops the plane in its tracks: connections to it are taken by the kernel, and nobody answers.
func (p *Plane) Pause() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *Plane) Resume() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }
