//go:build linux && kube

package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
	"github.com/seed-a19ac2b6/failover/test/harness"
)

// A pod may have as many record sets and checks as stand here, with default intervals, within the memory and the share
// of a processor that kubeadm gives CoreDNS. README.md of deploy/kubernetes says so.
const (
	maxSets   = 10_000
	maxChecks = 5_000
	maxCPU    = 100 // thousandths of a processor
)

// rounds is over how long is measured: two rounds of probes, at the default interval.
const rounds = 20 * time.Second

// load is what a pod carries.
type load struct{ sets, checks int }

// figures are what that costs.
type figures struct {
	load

	answers, ready   time.Duration // from the start on
	probes           float64       // a second
	cpu              float64       // thousandths of a processor, with a scrape of metrics each 20 s
	resident, memory uint64        // in bytes: of the process, and what its limit counts without what can be given back
	most             uint64        // the most that its limit has counted, over a reload too
}

// write makes what is imported into the stanza: sets of a primary and a secondary, each of which has a check instance
// of its own while there are checks left.
func (l load) write() string {
	var b bytes.Buffer
	left := l.checks
	for i := range l.sets {
		// The checks are spread: one a set, and then a second one.
		own := func(which int) string {
			if which*l.sets+i < left {
				return " check load"
			}
			return ""
		}
		fmt.Fprintf(&b, "primary s%d %s%s\nsecondary s%d %s%s\n", i, bench.Target(2*i), own(0), i, bench.Target(2*i+1), own(1))
	}
	return b.String()
}

// measure runs a shape's container with a load, and takes its figures. It fails the test if the container ends, as it does
// when the kernel keeps it from memory that it needs.
func (p *Plane) measure(t *testing.T, s shape, l load) figures {
	t.Helper()
	endpoint := harness.Serve(t, "0.0.0.0")
	text := shippedFile(t, filepath.Join(s.base, "Corefile"))
	const first = "check web"
	text = strings.Replace(text, first,
		fmt.Sprintf("check load http://:%d/\n import /sets\n %s", endpoint.Port, first), 1)
	p.configure(t, s, text)
	c := p.Container(t, p.Deployment(t, s.namespace, s.deployment), "", map[string]string{"/sets": l.write()})
	f := figures{load: l}
	f.answers = c.Start(t, s.ip, s.port)
	harness.Eventually(t, time.Minute, "ready", func() bool { return c.get(8181, "/ready") == http.StatusOK })
	f.ready = time.Since(c.started)
	harness.Eventually(t, time.Minute, "all checks are probed", func() bool { return endpoint.Count() >= l.checks })
	last := "s" + strconv.Itoa(rand.IntN(l.sets)) + ".app.example.org."
	c.answers(t, last)
	// As long as the first probes go out one after the other they are more than afterwards.
	harness.Eventually(t, time.Minute, "the first round is over", func() bool {
		return time.Since(c.started) > time.Duration(l.checks)*time.Millisecond+5*time.Second
	})
	probes, cpu, begun := endpoint.Count(), c.cpu(t), time.Now()
	if got := c.get(9153, "/metrics"); got != http.StatusOK {
		t.Errorf("Expected metrics, got %d", got)
	}
	time.Sleep(rounds - time.Since(begun))
	took := time.Since(begun).Seconds()
	f.probes = float64(endpoint.Count()-probes) / took
	f.cpu = (c.cpu(t) - cpu).Seconds() / took * 1000
	f.resident, f.memory = c.resident(t), c.workingSet(t)
	c.reload(t)
	// This shares the limit, and asks for all there is.
	if r := c.Exec(t, "failoverctl", "status", "--limit", "0"); r.Code != 0 {
		t.Errorf("Expected failoverctl to show all, got %d: %.200s%s", r.Code, r.Out, r.Err)
	}
	time.Sleep(3 * time.Second) // for the garbage of all that
	f.resident = max(f.resident, c.resident(t))
	_, f.most, _ = c.Memory(t)
	c.answers(t, last)
	return f
}

// answers waits until a name has an address.
func (c *Container) answers(t *testing.T, name string) {
	t.Helper()
	harness.Eventually(t, harness.Soon, "an answer for "+name, func() bool { return c.ask("udp", name) != "" })
}

// cpu is the time of processors that the process has had.
func (c *Container) cpu(t *testing.T) time.Duration {
	t.Helper()
	text := c.Process(t, "stat")
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		t.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the memory of the process, with the pages of its file, in bytes.
func (c *Container) resident(t *testing.T) uint64 {
	t.Helper()
	for line := range strings.Lines(c.Process(t, "status")) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseUint(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("Expected the resident memory of a process")
	return 0
}

// workingSet is what the limit counts now, without files that have not been used lately, as `kubectl top` shows it.
func (c *Container) workingSet(t *testing.T) uint64 {
	t.Helper()
	var stats struct {
		Data struct {
			Memory struct {
				Usage struct{ Usage uint64 }
				Raw   map[string]uint64
			}
		}
	}
	r := c.command(t, "events", "--stats", c.name)
	if err := json.Unmarshal([]byte(r.Out), &stats); err != nil {
		t.Fatalf("Expected statistics of a container, got %s%s", r.Out, r.Err)
	}
	m := stats.Data.Memory
	inactive, ok := m.Raw["total_inactive_file"] // of cgroup v1
	if !ok {
		inactive = m.Raw["inactive_file"]
	}
	return m.Usage.Usage - inactive
}

// reload has the server read its Corefile again, when two configurations are there for a while.
func (c *Container) reload(t *testing.T) {
	t.Helper()
	const done, failed = "Reloading complete", "[ERROR] SIGUSR1"
	before := c.Log.Count(done, failed)
	if r := c.command(t, "kill", c.name, strconv.Itoa(int(syscall.SIGUSR1))); r.Code != 0 {
		t.Fatalf("Expected a container that takes a signal: %s", r.Err)
	}
	harness.Eventually(t, time.Minute, "the end of a reload", func() bool { return c.Log.Count(done, failed) > before })
	if c.Log.Count(failed) > 0 {
		t.Error("Expected the reload to succeed")
	}
}

// TestLimits holds a pod to what is said of the most that it carries: one of the cluster's DNS, which has the more to do.
// With LIMITS_FULL it prints the table of that page, and judges nothing.
func TestLimits(t *testing.T) {
	p := Lab(t)
	// The targets of the shipped Corefiles, which is what readiness waits for.
	addresses(t, "192.0.2.1", "198.51.100.1")
	harness.ServeOn(t, 80, "192.0.2.1", "198.51.100.1")
	if os.Getenv("LIMITS_FULL") == "" {
		p.deploy(t, shapes[0])
		f := p.measure(t, shapes[0], load{maxSets, maxChecks})
		t.Log(f)
		f.hold(t)
		return
	}
	table := "| | record sets | checks | probes a second | first answer | ready | CPU | resident | counted by the limit " +
		"| most, with a reload |\n|---|---|---|---|---|---|---|---|---|---|\n"
	for _, s := range shapes {
		p.deploy(t, s)
		for _, l := range []load{{1, 1}, {1000, 1000}, {maxSets, maxChecks}, {10_000, 10_000}} {
			t.Run(fmt.Sprintf("%s %d %d", s.base, l.sets, l.checks), func(t *testing.T) {
				table += fmt.Sprintf("| %s %v\n", s.base, p.measure(t, s, l))
			})
		}
	}
	fmt.Println("\n" + table)
}

// String is a row of the table.
func (f figures) String() string {
	return fmt.Sprintf("| %d | %d | %.0f | %.2f s | %.1f s | %.0fm | %.0f MiB | %.0f MiB | %.0f MiB |",
		f.sets, f.checks, f.probes, f.answers.Seconds(), f.ready.Seconds(), f.cpu, mib(f.resident), mib(f.memory), mib(f.most))
}

// hold judges the figures of what is said to be the most.
func (f figures) hold(t *testing.T) {
	t.Helper()
	if f.resident >= 170<<20 {
		t.Errorf("Expected less than 170 MiB, got %.0f", mib(f.resident))
	}
	// Not all checks are at the default interval yet when this is measured.
	if due := float64(f.checks) / 10; f.probes > 1.5*due {
		t.Errorf("Expected some %.0f probes a second, got %.0f", due, f.probes)
	}
	// At that interval.
	if settled := f.cpu * float64(f.checks) / 10 / f.probes; settled > maxCPU {
		t.Errorf("Expected at most %dm of a processor, got %.0fm", maxCPU, settled)
	}
}
