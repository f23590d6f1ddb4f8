//go:build linux && kube

package kube

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sys/unix"
)

// podNetwork is a network of pods as a node has it: a bridge, and for each pod a namespace with an address.
type podNetwork struct{ pods int }

// gateway is the node's address in the network of pods.
const gateway = "10.244.0.1"

// run runs a command that has to succeed.
func run(t *testing.T, command ...string) {
	t.Helper()
	if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", command, err, output)
	}
}

// hideNamespaces has the rest of the machine not see the names of network namespaces that are made from now on.
func hideNamespaces(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", "/run/netns", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/run/netns", unix.MNT_DETACH) })
}

// newPodNetwork makes one.
func newPodNetwork(t *testing.T) *podNetwork {
	t.Helper()
	hideNamespaces(t)
	// Without an address of its own it takes over that of a port, another one when ports come; pods that know the old one
	// are cut off then.
	run(t, "ip", "link", "add", "pods", "address", "02:00:00:00:00:01", "type", "bridge")
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "pods").Run() })
	run(t, "ip", "addr", "add", gateway+"/24", "dev", "pods")
	run(t, "ip", "link", "set", "pods", "up")
	return new(podNetwork)
}

// add makes the namespace of another pod and returns its name and address.
func (n *podNetwork) add(t *testing.T) (name, address string) {
	t.Helper()
	n.pods++
	name, address = fmt.Sprintf("pod%d", n.pods), fmt.Sprintf("10.244.0.%d", 1+n.pods)
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
	run(t, "ip", "link", "set", name, "master", "pods", "up")
	for _, command := range []string{
		"link set lo up", "addr add " + address + "/24 dev eth0", "link set eth0 up", "route add default via " + gateway,
	} {
		run(t, append([]string{"ip", "-n", name}, strings.Fields(command)...)...)
	}
	return name, address
}

// proxy does for a Service what kube-proxy does, until the test ends: it has the kernel send what comes to the Service's
// address, for port 53, to one of the endpoints that are ready.
func (p *Plane) proxy(t *testing.T, namespace, service, address string) {
	t.Helper()
	client := p.Client(t).DiscoveryV1().EndpointSlices(namespace)
	ctx := t.Context()
	stop, stopped := make(chan struct{}), new(sync.WaitGroup)
	stopped.Go(func() {
		var known []string
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			list, err := client.List(ctx, meta.ListOptions{LabelSelector: discovery.LabelServiceName + "=" + service})
			if err != nil {
				continue // as kube-proxy, which goes on with what it knows
			}
			if ready := readyIn(list.Items); strings.Join(ready, " ") != strings.Join(known, " ") {
				if err := forward(address, ready); err != nil {
					t.Error(err)
					return
				}
				t.Logf("%v: the endpoints of %s are %v", time.Now().Format("05.000"), service, ready)
				known = ready
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		stopped.Wait()
		_ = exec.Command("nft", "delete table ip service").Run()
	})
}

// readyIn returns the endpoints that are ready, as "ADDRESS : PORT" of what is called "dns".
func readyIn(all []discovery.EndpointSlice) []string {
	var found []string
	for _, slice := range all {
		port := int32(0)
		for _, p := range slice.Ports {
			if *p.Name == "dns" {
				port = *p.Port
			}
		}
		for _, endpoint := range slice.Endpoints {
			if ready := endpoint.Conditions.Ready; ready == nil || *ready {
				found = append(found, fmt.Sprintf("%s . %d", endpoint.Addresses[0], port))
			}
		}
	}
	slices.Sort(found)
	return found
}

// forward replaces the rules for a Service: each connection, and each port that a client sends from, goes to an endpoint
// by chance.
func forward(address string, endpoints []string) error {
	rules := "table ip service\ndelete table ip service\n"
	if len(endpoints) > 0 {
		targets := make([]string, 0, len(endpoints))
		for i, endpoint := range endpoints {
			targets = append(targets, fmt.Sprintf("%d : %s", i, endpoint))
		}
		to := fmt.Sprintf("dnat ip addr . port to numgen random mod %d map { %s }", len(targets), strings.Join(targets, ", "))
		rules += "table ip service {\n chain out {\n  type nat hook output priority -100\n" +
			"  ip daddr " + address + " udp dport 53 " + to + "\n  ip daddr " + address + " tcp dport 53 " + to + "\n }\n}\n"
	}
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	if output, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s\n%s", err, output, rules)
	}
	return nil
}
