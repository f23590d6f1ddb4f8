//go:build linux

package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// furnish makes the namespaces of this process usable: a loopback, and a resolv.conf that names our own stub.
func furnish() error {
	if err := run("ip", "link", "set", "lo", "up"); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return err
	}
	// The mount keeps the file.
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+systemResolver+"\noptions timeout:1 attempts:1\n"), 0o600); err != nil {
		return err
	}
	if err := unix.Mount(file, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting a resolv.conf: %w", err)
	}
	return nil
}

// run runs a command; an error holds what it said.
func run(command ...string) error {
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// world is a second network namespace with 2,048 addresses, joined to ours by a cable.
type world struct {
	ns     *os.File
	number int
}

// numbers are those of worlds that are not there now. The addresses are enough for 32 worlds at a time.
var numbers = func() chan int {
	free := make(chan int, 32)
	for n := range cap(free) {
		free <- n
	}
	return free
}()

// newWorld makes a world and the route to it. It ends with the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := new(world)
	select {
	case w.number = <-numbers:
		t.Cleanup(func() { numbers <- w.number })
	default:
		t.Fatalf("Expected at most %d worlds at a time", cap(numbers))
	}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		var err error
		w.ns, err = os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.ns.Close() })
	near, us, it := w.near(), fmt.Sprintf("198.19.%d.1", w.number), fmt.Sprintf("198.19.%d.2", w.number)
	w.run(t, "ip", "link", "add", "far", "type", "veth", "peer", "name", near, "netns", fmt.Sprint(os.Getpid()))
	t.Cleanup(func() {
		if err := run("ip", "link", "del", near); err != nil {
			t.Error(err)
		}
	})
	w.run(t, "ip", "link", "set", "lo", "up")
	w.run(t, "ip", "addr", "add", it+"/30", "dev", "far")
	w.run(t, "ip", "link", "set", "far", "up")
	// All of them, without giving each to a device.
	w.run(t, "ip", "route", "add", "local", w.prefix(), "dev", "lo")
	w.run(t, "nft", "add table inet hole")
	w.run(t, "nft", "add chain inet hole in { type filter hook input priority 0; }")
	for _, command := range [][]string{
		{"ip", "addr", "add", us + "/30", "dev", near},
		{"ip", "link", "set", near, "up"},
		// By a gateway: thousands of neighbours would be more than the kernel's table holds.
		{"ip", "route", "add", w.prefix(), "via", it},
	} {
		if err := run(command...); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) near() string   { return fmt.Sprintf("near%d", w.number) }
func (w *world) prefix() string { return fmt.Sprintf("198.18.%d.0/21", 8*w.number) }

// address is the nth of its addresses, 254 of each /24.
func (w *world) address(n int) string {
	return fmt.Sprintf("198.18.%d.%d", 8*w.number+n/254, 1+n%254)
}

// run runs a command in the world.
func (w *world) run(t *testing.T, command ...string) {
	t.Helper()
	if err := w.do(func() error { return run(command...) }); err != nil {
		t.Fatal(err)
	}
}

// drop has the world swallow what is sent to a part of its addresses, without a word.
func (w *world) drop(t *testing.T, destination string) {
	t.Helper()
	w.run(t, "nft", "add rule inet hole in ip daddr "+destination+" drop")
}

// rule has the world treat what is sent to its first IPv4 address, or to its IPv6 address, as nft(8) says. It is never
// for the whole family: neighbours are found by ICMPv6.
func (w *world) rule(t *testing.T, six, verdict string) {
	t.Helper()
	w.run(t, "nft", "add rule inet hole in ip daddr "+w.address(0)+" "+verdict)
	w.run(t, "nft", "add rule inet hole in ip6 daddr "+six+" "+verdict)
}

// six gives the world an IPv6 address and returns it.
func (w *world) six(t *testing.T) string {
	t.Helper()
	prefix := fmt.Sprintf("2001:db8:%x::", 1+w.number)
	// An IPv4 address outlives that its device is down; this one is to do so too.
	w.set(t, "ipv6/conf/far/keep_addr_on_down", "1")
	// Without looking for duplicates, which takes a second or two.
	w.run(t, "ip", "addr", "add", prefix+"2/64", "dev", "far", "nodad")
	if err := run("ip", "addr", "add", prefix+"1/64", "dev", w.near(), "nodad"); err != nil {
		t.Fatal(err)
	}
	return prefix + "2"
}

// tellAll has the world answer everything that it refuses, not one in a second.
func (w *world) tellAll(t *testing.T) {
	t.Helper()
	w.set(t, "ipv4/icmp_ratelimit", "0")
	w.set(t, "ipv6/icmp/ratelimit", "0")
}

// set gives a value to one of the world's parameters below net.
func (w *world) set(t *testing.T, parameter, value string) {
	t.Helper()
	if err := w.do(func() error { return os.WriteFile("/proc/sys/net/"+parameter, []byte(value), 0) }); err != nil {
		t.Fatal(err)
	}
}

// mend ends what drop and rule began.
func (w *world) mend(t *testing.T) {
	t.Helper()
	w.run(t, "nft", "flush chain inet hole in")
}

// pull takes the far end of the cable out; plug puts it back. Our routes stay as they are.
func (w *world) pull(t *testing.T) { t.Helper(); w.run(t, "ip", "link", "set", "far", "down") }
func (w *world) plug(t *testing.T) { t.Helper(); w.run(t, "ip", "link", "set", "far", "up") }

// listen listens in the world.
func (w *world) listen(port int) (net.Listener, error) {
	var l net.Listener
	err := w.do(func() error {
		var err error
		l, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	})
	return l, err
}

// do calls a function inside the world. What it opens stays there; goroutines that it starts are not in there.
func (w *world) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(w.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// onThread calls a function on a thread that ends with it, whatever namespace it is in then.
func onThread(f func() error) error {
	failure := make(chan error)
	go func() {
		runtime.LockOSThread() // Never unlocked, so that nobody else gets the thread.
		failure <- f()
	}()
	return <-failure
}
