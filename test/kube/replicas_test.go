//go:build linux && kube

package kube

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// replicas are the pods of a Deployment behind its Service. The API server is real, and so is its controller of
// endpoints; what the kubelet, the controller of Deployments and kube-proxy do is done here.
type replicas struct {
	plane   *Plane
	shape   shape
	network *podNetwork
}

// replica is a pod.
type replica struct {
	*Container
	name string
}

// node is where pods run.
const node = "node-1"

// add makes another pod of the Deployment as it is now, and returns when it is among the endpoints that may be asked.
func (r *replicas) add(t *testing.T, name string) *replica {
	t.Helper()
	p, s := r.plane, r.shape
	d := p.Deployment(t, s.namespace, s.deployment)
	spec := d.Spec.Template.Spec
	spec.NodeName = node
	_, err := p.Client(t).CoreV1().Pods(s.namespace).Create(t.Context(),
		&core.Pod{ObjectMeta: meta.ObjectMeta{Name: name, Labels: d.Spec.Template.Labels}, Spec: spec}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	network, address := r.network.add(t)
	c := p.Container(t, d, network, nil)
	// What the kubelet tells before the pod is ready, so that its address is known.
	p.PodReady(t, s.namespace, name, address, false)
	took := c.Start(t, address, s.port)
	harness.Eventually(t, harness.Soon, name+" is ready", func() bool { return c.get(8181, "/ready") == http.StatusOK })
	p.PodReady(t, s.namespace, name, address, true)
	t.Logf("%s: first answer after %v", name, took)
	return &replica{Container: c, name: name}
}

// remove takes a pod away: its end is noted, so that it is no endpoint any more, and at the same time it gets SIGTERM.
func (r *replicas) remove(t *testing.T, gone *replica) {
	t.Helper()
	r.plane.Kubectl(t, "-n", r.shape.namespace, "delete", "pod", gone.name, "--wait=false")
	gone.Terminate(t)
}

// mayBeAway is how many pods less than wanted there may be during an update: none or one.
func (r *replicas) mayBeAway(t *testing.T) int {
	t.Helper()
	most := r.plane.Deployment(t, r.shape.namespace, r.shape.deployment).Spec.Strategy.RollingUpdate.MaxUnavailable
	if most == nil || most.IntValue() > 1 {
		t.Fatalf("Expected an update that leaves one pod at least, got %v", most)
	}
	return most.IntValue()
}

// The probes of these tests. A check that fails is seen by its next probe and believed at the one after.
const (
	quickly   = "interval 1s timeout 500ms fall 2 rise 1"
	detection = 2*time.Second + 100*time.Millisecond
)

// TestReplicas has two pods of each shape behind one Service address, and takes away what they send clients to, and then
// themselves.
func TestReplicas(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.base, s.replicas)
	}
}

// replicas is TestReplicas for a shape.
func (s shape) replicas(t *testing.T) {
	p := Lab(t)
	addresses(t, "192.0.2.1", "198.51.100.1")
	primary := harness.ServeOn(t, 80, "192.0.2.1")
	harness.ServeOn(t, 80, "198.51.100.1")
	p.deploy(t, s)
	text := shippedFile(t, filepath.Join(s.base, "Corefile"))
	p.configure(t, s, strings.Replace(text, "http://:80/healthz", "http://:80/healthz "+quickly, 1))
	p.Node(t, node)
	service, err := p.Client(t).CoreV1().Services(s.namespace).Get(t.Context(), s.service, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address := service.Spec.ClusterIP
	if address != dnsAddress { // which is there already
		addresses(t, address)
	}
	r := &replicas{plane: p, shape: s, network: newPodNetwork(t)}
	p.proxy(t, s.namespace, s.service, address)
	one, two := r.add(t, "one"), r.add(t, "two")
	behind := &Container{DNS: net.JoinHostPort(address, "53")}
	harness.Eventually(t, harness.Soon, "the Service answers", func() bool {
		return behind.ask("udp", "www.app.example.org.") == "A 192.0.2.1" &&
			behind.ask("tcp", "www.app.example.org.") == "A 192.0.2.1"
	})

	t.Run("failover", func(t *testing.T) {
		// Each is settled: it has believed the check of the secondary, too.
		for _, c := range []*replica{one, two} {
			c.settled(t)
		}
		primary.Kill()
		begun := time.Now()
		var seen sync.WaitGroup
		took := make([]time.Duration, 2)
		for i, c := range []*replica{one, two} {
			seen.Go(func() { took[i] = c.moved(begun, "A 198.51.100.1") })
		}
		seen.Wait()
		t.Logf("the replicas answer the secondary after %v and %v", took[0], took[1])
		apart := (took[0] - took[1]).Abs()
		if took[0] == 0 || took[1] == 0 || apart > detection {
			t.Errorf("Expected both within %v of each other, got %v and %v", detection, took[0], took[1])
		}
		for range 20 {
			if got := behind.ask("udp", "www.app.example.org."); got != "A 198.51.100.1" {
				t.Errorf("Expected the secondary from the Service, got %q", got)
			}
		}
		primary.Revive(t)
		for _, c := range []*replica{one, two} {
			if c.moved(time.Now(), "A 192.0.2.1") == 0 {
				t.Error("Expected the primary again")
			}
		}
	})

	t.Run("rolling restart", func(t *testing.T) {
		stream := startStream(behind.DNS)
		// As the controller of Deployments does with a surge of one. Pods that end do not count.
		var three, four *replica
		if most := r.mayBeAway(t); most == 0 {
			three = r.add(t, "three")
			r.remove(t, one)
			four = r.add(t, "four")
		} else {
			r.remove(t, one)
			three, four = r.add(t, "three"), r.add(t, "four")
		}
		r.remove(t, two)
		for _, c := range []*replica{one, two} {
			select {
			case <-c.done:
			case <-time.After(30 * time.Second):
				t.Fatalf("Expected %s to have ended", c.name)
			}
			if code := c.Cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("%s: Expected exit code 0, got %d", c.name, code)
			}
		}
		sent, failures := stream.stop()
		t.Logf("%d queries, %d failures", sent, len(failures))
		if sent < 200 || len(failures) > 0 {
			t.Errorf("Expected every query of a stream to be answered, got %d failures of %d, the first ones %v",
				len(failures), sent, failures[:min(5, len(failures))])
			for _, c := range []*replica{three, four} {
				t.Logf("%s itself answers %q over UDP and %q over TCP", c.name,
					c.ask("udp", "www.app.example.org."), c.ask("tcp", "www.app.example.org."))
			}
		}
	})
}

// settled waits until every check of the container has been probed.
func (r *replica) settled(t *testing.T) {
	t.Helper()
	harness.Eventually(t, harness.Soon, r.name+" knows its checks", func() bool {
		status := r.Exec(t, "failoverctl", "status")
		return status.Code == 0 && !strings.Contains(status.Out, "unknown")
	})
}

// moved waits until the pod itself gives an answer, and returns how long that took; 0 if it did not.
func (r *replica) moved(begun time.Time, want string) time.Duration {
	for deadline := time.Now().Add(4 * detection); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if r.ask("udp", "www.app.example.org.") == want {
			return time.Since(begun)
		}
	}
	return 0
}

// stream is a client that asks 200 times a second, each time from a port that it has not used before, as resolvers
// do. A port that were used again might be one that the kernel still sends to a pod that is gone; kube-proxy has it
// forget those.
type stream struct {
	quit chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	sent     int
	failures []string
}

// streamPort is the next port that a stream sends from. The kernel keeps those of a stream before it for a while.
var streamPort = 20_000

func startStream(address string) *stream {
	s := &stream{quit: make(chan struct{})}
	s.done.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ; streamPort < 32_000; streamPort++ {
			port := streamPort
			select {
			case <-s.quit:
				return
			case <-tick.C:
				s.done.Go(func() { s.ask(address, port) })
			}
		}
	})
	return s
}

// ask sends one query, once; one in ten over TCP.
func (s *stream) ask(address string, port int) {
	client := dns.Client{Net: "udp", Timeout: harness.Patience}
	dialer := &net.Dialer{LocalAddr: &net.UDPAddr{Port: port}, Timeout: harness.Patience}
	if port%10 == 0 {
		client.Net, dialer.LocalAddr = "tcp", &net.TCPAddr{Port: port}
	}
	client.Dialer = dialer
	begun := time.Now()
	reply, _, err := client.Exchange(harness.Question("www.app.example.org.", dns.TypeA), address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	if err != nil {
		s.failures = append(s.failures, fmt.Sprintf("%s at %s: %v", client.Net, begun.Format("05.000"), err))
	} else if got := strings.Join(harness.Answer(reply), " "); got != "A 192.0.2.1" {
		s.failures = append(s.failures, fmt.Sprintf("%s at %s: %s", client.Net, begun.Format("05.000"), got))
	}
}

// stop ends it, when all answers have come, and returns what was sent and what went wrong.
func (s *stream) stop() (sent int, failures []string) {
	close(s.quit)
	s.done.Wait()
	return s.sent, s.failures
}
