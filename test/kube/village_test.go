//go:build linux && kube

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// village is what a cluster has beside its API server, as far as a page needs it: pods that are ready for every
// Deployment, and behind those of name servers processes that run the Corefile of their ConfigMap, each in a network of
// its own; Services that lead to these, and web servers at the addresses of others; and a kubectl whose exec runs a command
// as in the pod.
type village struct {
	plane   *Plane
	dir     string // where the reader is, with a copy of what is shipped
	client  *kubernetes.Clientset
	servers map[string]*server // by the name of their pod
	found   map[string]string  // the addresses of the Services of the page, by their names
}

// server is the container of a pod with a name server.
type server struct {
	*harness.Server
	namespace string
	template  string // that its pod was made from
}

// page has the addresses that are those of Services on the page.
var page = map[string]string{"blue": "10.96.1.1", "green": "10.96.2.2", "failover-dns": "10.96.5.3"}

// kubectlShim is the kubectl of the reader. A pod of the client looks names up at the cluster's DNS; those of name servers
// have networks that are called as they are.
const kubectlShim = `#!/bin/sh
case " $* " in *" exec "*)
	while [ "$1" != -- ]; do
		case $1 in
		deployment/*) pod=${1#*/}-0 ;;
		pod/*) pod=${1#*/} ;;
		esac
		shift
	done
	shift
	case $pod in client-*)
		exec unshare --mount sh -c 'umount /etc/resolv.conf; mount --bind "$0" /etc/resolv.conf && exec "$@"' %s "$@" ;;
	esac
	exec ip netns exec "$pod" env FAILOVERCTL_DNS=127.0.0.1:5353 "$@" ;;
esac
exec %s "$@"
`

func newVillage(t *testing.T, p *Plane) *village {
	t.Helper()
	v := &village{
		plane: p, dir: t.TempDir(), client: p.Client(t),
		servers: map[string]*server{}, found: map[string]string{},
	}
	if err := os.CopyFS(filepath.Join(v.dir, "deploy", "kubernetes"), os.DirFS(shipped)); err != nil {
		t.Fatal(err)
	}
	resolver := filepath.Join(v.dir, "resolv.conf")
	files := map[string]string{
		resolver: "nameserver " + dnsAddress + "\noptions ndots:5\n" +
			"search failover-demo.svc.cluster.local svc.cluster.local cluster.local\n",
		filepath.Join(v.dir, "bin", "kubectl"): fmt.Sprintf(kubectlShim, resolver, os.Getenv(kubectlBinary)),
	}
	if err := os.Mkdir(filepath.Join(v.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.Node(t, "node")
	p.ClusterDNS(t)
	hideNamespaces(t)
	// What kube-proxy and the network of the pods do. The cluster's DNS is asked from here too, for the client.
	run(t, "nft", "add table ip village; add chain ip village from { type nat hook prerouting priority -100 ; };"+
		"add chain ip village out { type nat hook output priority -100 ; }")
	t.Cleanup(func() { run(t, "nft", "delete table ip village") })
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.bury(t)
	v.settle(t)
	return v
}

// run runs a script as the reader.
func (v *village) run(t *testing.T, script string) harness.Result {
	t.Helper()
	return harness.Run(t, v.dir, []string{
		"PATH=" + filepath.Join(v.dir, "bin") + ":" + filepath.Dir(os.Getenv("FAILOVERCTL_BINARY")) + ":" + os.Getenv("PATH"),
		"KUBECONFIG=" + v.plane.Kubeconfig(), "HOME=" + v.dir, "LC_ALL=C", "NO_COLOR=1",
	}, "sh", "-c", script)
}

// bury has pods that are to go be gone, which is the kubelet's to say.
func (v *village) bury(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		now := int64(0)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			pods, err := v.client.CoreV1().Pods("").List(ctx, meta.ListOptions{})
			if err != nil {
				continue
			}
			for _, pod := range pods.Items {
				if pod.DeletionTimestamp != nil {
					_ = v.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, meta.DeleteOptions{GracePeriodSeconds: &now})
				}
			}
		}
	}()
}

// settle does what controllers and kubelets would do by now.
func (v *village) settle(t *testing.T) {
	t.Helper()
	deployments, err := v.client.AppsV1().Deployments("").List(t.Context(), meta.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	here := map[string]bool{}
	for _, d := range deployments.Items {
		here[d.Namespace] = true
		v.pods(t, &d)
		if d.Namespace == "kube-system" || d.Namespace == "failover-dns" {
			v.serve(t, &d)
		}
		d.Status = apps.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: *d.Spec.Replicas, UpdatedReplicas: *d.Spec.Replicas,
			ReadyReplicas: *d.Spec.Replicas, AvailableReplicas: *d.Spec.Replicas,
		}
		if _, err := v.client.AppsV1().Deployments(d.Namespace).UpdateStatus(t.Context(), &d, meta.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for pod, server := range v.servers {
		if !here[server.namespace] {
			server.Stop(t)
			delete(v.servers, pod)
		}
	}
	v.open(t)
}

// pods makes as many pods as a Deployment asks for, from its template, and has them be ready.
func (v *village) pods(t *testing.T, d *apps.Deployment) {
	t.Helper()
	pods := v.client.CoreV1().Pods(d.Namespace)
	found, err := pods.List(t.Context(), meta.ListOptions{LabelSelector: meta.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		t.Fatal(err)
	}
	for i := int(*d.Spec.Replicas); i < len(found.Items); i++ {
		if err := pods.Delete(t.Context(), fmt.Sprintf("%s-%d", d.Name, i), meta.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	for i := len(found.Items); i < int(*d.Spec.Replicas); i++ {
		name := fmt.Sprintf("%s-%d", d.Name, i)
		pod := &core.Pod{
			ObjectMeta: meta.ObjectMeta{Name: name, Labels: d.Spec.Template.Labels}, Spec: *d.Spec.Template.Spec.DeepCopy(),
		}
		pod.Spec.NodeName = "node"
		if _, err := pods.Create(t.Context(), pod, meta.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		v.plane.PodReady(t, d.Namespace, name, podAddress(name), true)
	}
}

// podAddress is where a pod is.
func podAddress(pod string) string {
	sum := crc32.ChecksumIEEE([]byte(pod))
	return fmt.Sprintf("10.244.%d.2", sum%251)
}

// network makes the network of a pod, which leads to all others.
func (v *village) network(t *testing.T, pod string) {
	t.Helper()
	address := podAddress(pod)
	gateway := strings.TrimSuffix(address, "2") + "1"
	link := "veth" + strings.Split(address, ".")[2]
	for _, command := range []string{
		"ip netns add " + pod,
		"ip link add " + link + " type veth peer name eth0 netns " + pod,
		"ip addr add " + gateway + "/24 dev " + link,
		"ip link set " + link + " up",
		"ip -n " + pod + " link set lo up",
		"ip -n " + pod + " addr add " + address + "/24 dev eth0",
		"ip -n " + pod + " link set eth0 up",
		"ip -n " + pod + " route add default via " + gateway,
		// Upstream servers are known not to be there, which saves time.
		"ip -n " + pod + " route add unreachable 192.0.2.0/24",
	} {
		run(t, strings.Fields(command)...)
	}
	t.Cleanup(func() { run(t, "ip", "netns", "delete", pod) })
}

// serve runs the name servers of a Deployment, anew when its pods are to restart.
func (v *village) serve(t *testing.T, d *apps.Deployment) {
	t.Helper()
	config, err := v.client.CoreV1().ConfigMaps(d.Namespace).Get(t.Context(),
		d.Spec.Template.Spec.Volumes[0].ConfigMap.Name, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Nobody asks them while they end, so that they need not stay.
	corefile := strings.ReplaceAll(config.Data["Corefile"], "lameduck 5s", "lameduck 0s")
	template, err := json.Marshal(d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	container := d.Spec.Template.Spec.Containers[0]
	for i := range int(*d.Spec.Replicas) {
		pod := fmt.Sprintf("%s-%d", d.Name, i)
		switch old := v.servers[pod]; {
		case old == nil:
			v.network(t, pod)
		case old.template != string(template):
			old.Stop(t)
		default:
			continue
		}
		token := v.plane.ServiceAccountToken(t, d.Namespace, d.Spec.Template.Spec.ServiceAccountName)
		launch := harness.Launch{
			By:   append([]string{"ip", "netns", "exec", pod}, v.plane.InCluster(t, d.Namespace, token)...),
			Addr: net.JoinHostPort(podAddress(pod), strconv.Itoa(int(container.Ports[0].ContainerPort))),
		}
		if !strings.Contains(container.Image, "/coredns-failover") {
			launch.Binary = os.Getenv(stockBinary)
		}
		v.servers[pod] = &server{Server: launch.Start(t, corefile), namespace: d.Namespace, template: string(template)}
	}
}

// lead has queries to a Service go to the name servers of a Deployment by turns.
func (v *village) lead(t *testing.T, service, deployment, port string) {
	t.Helper()
	to := fmt.Sprintf("dnat ip addr . port to numgen inc mod 2 map { 0 : %s . %s, 1 : %s . %s }",
		podAddress(deployment+"-0"), port, podAddress(deployment+"-1"), port)
	for _, chain := range []string{"from", "out"} {
		for _, protocol := range []string{"udp", "tcp"} {
			run(t, "nft", fmt.Sprintf("add rule ip village %s ip daddr %s %s dport 53 %s", chain, service, protocol, to))
		}
	}
}

// open has something answer at the addresses of Services.
func (v *village) open(t *testing.T) {
	t.Helper()
	services, err := v.client.CoreV1().Services("").List(t.Context(), meta.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services.Items {
		address := s.Spec.ClusterIP
		if v.found[s.Name] == address {
			continue
		}
		v.found[s.Name] = address
		switch s.Name {
		case "kube-dns":
			v.lead(t, address, "coredns", "53")
		case "failover-dns":
			v.lead(t, address, "failover-dns", "5353")
		case "blue", "green":
			run(t, "ip", "addr", "add", address+"/32", "dev", "lo")
			t.Cleanup(func() { run(t, "ip", "addr", "del", address+"/32", "dev", "lo") })
			listener, err := net.Listen("tcp", net.JoinHostPort(address, "80"))
			if err != nil {
				t.Fatal(err)
			}
			web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintln(w, s.Name)
			}), ReadHeaderTimeout: time.Second}
			go web.Serve(listener) //nolint:errcheck // It ends with the test.
			t.Cleanup(func() { web.Close() })
		}
	}
}

// asOnThePage replaces what differs from one cluster to the next.
func (v *village) asOnThePage(text string) string {
	for name, address := range v.found {
		if page[name] != "" {
			text = strings.ReplaceAll(text, address, page[name])
		}
	}
	return text
}
