//go:build linux

package faults

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// role tells a process of this binary what it is for.
const role = "FAULTS_ROLE"

// full asks for the long form of the tests.
var full = os.Getenv("FAULTS_FULL") == "1"

// The main thread stays with TestMain: it never enters a namespace, so it tells which one the process is in; and the
// child that it starts is to die with it.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	var err error
	code := 1
	switch os.Getenv(role) {
	case "":
		code, err = runInside()
	case "inside":
		if err = furnish(); err == nil {
			// The parallel ones do little but wait, so they are not to wait for each other.
			flag.Parse()
			if err = flag.Set("test.parallel", "32"); err == nil {
				code = m.Run()
			}
		}
	case "busy":
		busy()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		code = 1
	}
	os.Exit(code)
}

// runInside runs this binary again in new namespaces and returns its exit code. A user namespace needs no privilege;
// where it is refused, root does without.
func runInside() (int, error) {
	// Where Debian keeps ip and nft; it is not in the path of every user.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return 0, err
	}
	for _, tool := range []string{"ip", "nft", "chrt", "setpriv", "unshare", "nice"} {
		if _, err := exec.LookPath(tool); err != nil {
			return 0, fmt.Errorf("%w; make tools installs it", err)
		}
	}
	// Built out here, where the Go module proxy can be reached.
	server, err := harness.Binary()
	if err != nil {
		return 0, err
	}
	defer harness.Clean()
	const namespaces = unix.CLONE_NEWNET | unix.CLONE_NEWNS
	var refused []error
	for _, flags := range []uintptr{namespaces | unix.CLONE_NEWUSER, namespaces} {
		self := exec.Command("/proc/self/exe", os.Args[1:]...)
		self.Env = append(os.Environ(), role+"=inside", "COREDNS_BINARY="+server)
		self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
		self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
		if flags&unix.CLONE_NEWUSER != 0 {
			self.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			self.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		if err := self.Start(); err != nil {
			refused = append(refused, err)
			continue
		}
		var exit *exec.ExitError
		if err := self.Wait(); err != nil && !errors.As(err, &exit) {
			return 0, err
		}
		return self.ProcessState.ExitCode(), nil
	}
	return 0, fmt.Errorf("the system refuses a network namespace, to users as to root: %w", errors.Join(refused...))
}

// busy keeps a processor busy for as long as the process that started it lives.
func busy() {
	for parent := os.Getppid(); os.Getppid() == parent; {
		for range 1_000_000 {
		}
	}
}
