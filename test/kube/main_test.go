//go:build linux && kube

package kube

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// role tells a process of this binary what it is for.
const role = "KUBE_ROLE"

// Where the programs are that the tests run.
const (
	planeBinary   = "PLANE_BINARY"
	kubectlBinary = "KUBECTL_BINARY"
	kubeadmBinary = "KUBEADM_BINARY"
	stockBinary   = "STOCK_BINARY"
	imageLayout   = "IMAGE_LAYOUT" // the folder of the images
)

// The first process is to die with the one that started it, which is a matter of the thread that did.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	var err error
	code := 1
	switch os.Getenv(role) {
	case "":
		if err = complete(); err == nil {
			code, err = runInside()
		}
	case "init":
		code, err = reap()
	case "inside":
		// The parallel ones do little but wait, so they are not to wait for each other.
		flag.Parse()
		if err = flag.Set("test.parallel", "8"); err == nil {
			code, err = furnished(m.Run)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube:", err)
		code = 1
	}
	os.Exit(code)
}

// complete tells what is missing, and makes paths of binaries absolute.
func complete() error {
	var missing []error
	if os.Getuid() != 0 {
		missing = append(missing, errors.New("these tests make namespaces and bind port 53: run them as root"))
	}
	for _, name := range []string{
		planeBinary, kubectlBinary, kubeadmBinary, stockBinary, imageLayout, "COREDNS_BINARY", "FAILOVERCTL_BINARY",
	} {
		path, err := filepath.Abs(os.Getenv(name))
		if err == nil && os.Getenv(name) == "" {
			err = fmt.Errorf("%s is not set", name)
		}
		if err == nil {
			_, err = os.Stat(path)
		}
		if err == nil {
			err = os.Setenv(name, path)
		}
		if err != nil {
			missing = append(missing, fmt.Errorf("%w: `make test-kube` builds it and sets that", err))
		}
	}
	// Where Debian keeps ip and nft; it is not in the path of every user.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return err
	}
	for _, tool := range []string{"curl", "dig", "ip", "nft", "unshare", "umoci", "buildah", "runc", "setcap"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, fmt.Errorf("%w: `make test-kube` installs it", err))
		}
	}
	return errors.Join(missing...)
}

// runInside runs this binary again in new namespaces and returns its exit code.
func runInside() (int, error) {
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), role+"=init")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	var exit *exec.ExitError
	if err := self.Run(); err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("the system refuses namespaces: %w", err)
	}
	return self.ProcessState.ExitCode(), nil
}

// reap is the first process of the new namespaces: it runs the tests, and takes care of processes whose parents have
// ended. When it ends, so do all others there.
func reap() (int, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("mounting /proc: %w", err)
	}
	if err := os.Setenv(role, "inside"); err != nil {
		return 0, err
	}
	tests, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case pid == tests && status.Signaled():
			return 0, fmt.Errorf("the tests were ended: %v", status.Signal())
		case pid == tests:
			return status.ExitStatus(), nil
		}
	}
}

// furnished calls what runs the tests when the namespaces are usable.
func furnished(run func() int) (int, error) {
	for _, command := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "addr", "add", apiAddress + "/32", "dev", "lo"},
		{"ip", "addr", "add", dnsAddress + "/32", "dev", "lo"},
	} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%v: %w: %s", command, err, output)
		}
	}
	dir, err := os.MkdirTemp("", "kube")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n"), 0o600); err != nil {
		return 0, err
	}
	if err := unix.Mount(file, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return 0, fmt.Errorf("mounting a resolv.conf: %w", err)
	}
	defer harness.Clean()
	defer stopShared()
	return run(), nil
}
