//go:build linux

package faults

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// loopbacks returns lines that give each of n addresses of the loopback to a check that is a template.
func loopbacks(n int, check string) string {
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, "answer %s%d %s check %s\n", check, i/10, loopback(i), check)
	}
	return lines.String()
}

// loopback is the nth address of the loopback, none of them 127.0.0.1.
func loopback(n int) string { return fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250) }

// TestF09_NoDescriptors takes the descriptors away: nothing can be said of the targets then, and nothing is.
func TestF09_NoDescriptors(t *testing.T) {
	t.Parallel()
	const checks = 500
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		web := serve(t, nil, false)
		s := start(t, fmt.Sprintf("check web http://:%d/ interval 1s timeout 500ms fast 200ms fall 2\n%s",
			web.port, loopbacks(checks, "web")))
		awaitHealthy(t, s, checks)
		// Fewer than are open: no new one is to be had.
		limit := limitFiles(t, s, 4)
		during(t, 5*time.Second, nothingFalls(s))
		limitFiles(t, s, limit)
		if got := probes(t, s, "indeterminate", "fd_limit"); got < checks {
			t.Errorf("Expected probes to be indeterminate for want of descriptors, got %v", got)
		}
		seen := web.count()
		harness.Eventually(t, 10*time.Second, "probes to go on", func() bool { return web.count() > seen+2*checks })
		awaitHealthy(t, s, checks)
		wantNoneFallen(t, s)
	})
	t.Run("from the start", func(t *testing.T) {
		t.Parallel()
		web := serve(t, nil, false)
		s := harness.StartBy(t, []string{"sh", "-c", `ulimit -n 64 && exec "$@"`, "sh"}, harness.Zone(
			fmt.Sprintf("check web http://:%d/ interval 2s timeout 1s\n%s", web.port, loopbacks(checks, "web")),
			withMetrics))
		awaitHealthy(t, s, checks)
		during(t, 3*time.Second, nothingFalls(s))
	})
}

// TestF10_NoPorts leaves four ports for more than a dozen probes at a time to one target.
func TestF10_NoPorts(t *testing.T) {
	const checks = 40
	web := serve(t, nil, false)
	var stanza strings.Builder
	for n := range checks {
		// Their paths make them different checks of one address.
		fmt.Fprintf(&stanza, "check web%d http://127.0.0.1:%d/%d interval 1s timeout 900ms fast 200ms fall 2\n", n, web.port, n)
		fmt.Fprintf(&stanza, "answer web%d 192.0.2.1 check web%d\n", n, n)
	}
	s := start(t, stanza.String())
	awaitHealthy(t, s, checks)

	web.pause.Store(int64(400 * time.Millisecond))
	restore := limitPorts(t)
	during(t, 5*time.Second, nothingFalls(s))
	if got := probes(t, s, "indeterminate", "ports"); got < checks {
		t.Errorf("Expected probes to be indeterminate for want of ports, got %v", got)
	}
	restore()
	web.pause.Store(0)
	seen := web.count()
	harness.Eventually(t, 10*time.Second, "probes to go on", func() bool { return web.count() > seen+2*checks })
	awaitHealthy(t, s, checks)
	wantNoneFallen(t, s)
}

// limitPorts leaves four local ports to this namespace, of each protocol, and returns what ends that.
func limitPorts(t *testing.T) (restore func()) {
	t.Helper()
	const file = "/proc/sys/net/ipv4/ip_local_port_range"
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	set := func(ports []byte) {
		t.Helper()
		if err := os.WriteFile(file, ports, 0); err != nil {
			t.Fatal(err)
		}
	}
	restore = func() { set(before) }
	t.Cleanup(restore)
	set([]byte("50000 50003"))
	return restore
}

// TestF10_NoDatagramPorts takes all the local ports of UDP, of which every datagram socket needs one to itself.
func TestF10_NoDatagramPorts(t *testing.T) {
	server := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	stub := resolve(t, server)
	web := serve(t, nil, false)
	s := start(t, fmt.Sprintf(`
		check * interval 500ms timeout 400ms fast 100ms fall 2
		check udp  udp://%[1]s expect www
		check udp  send "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x05known\x07example\x03com\x00\x00\x01\x00\x01"
		check dns  dns://%[1]s/www.known.example.com/A
		check name http://www.known.example.com:%[2]d/ resolver %[1]s
		answer www 192.0.2.1 check udp dns name`, server, web.port))
	awaitHealthy(t, s, 3)
	restore := limitPorts(t)
	for range 4 {
		taken, err := net.ListenPacket("udp4", ":0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { taken.Close() })
	}
	asked, seen := stub.asked.Load(), web.count()
	during(t, 3*time.Second, nothingFalls(s))
	for _, check := range []string{"udp", "dns"} {
		got := s.Metric(t, "coredns_failover_probes_total", "check", check, "outcome", "indeterminate", "reason", "ports")
		if got < 3 {
			t.Errorf("Expected probes of %s to be indeterminate for want of ports, got %v", check, got)
		}
	}
	// A name is not looked up then, and its target probed all the same.
	if got := stub.asked.Load() - asked; got > 2 {
		t.Errorf("Expected no questions without ports, got %d", got)
	}
	if got := web.count() - seen; got < 3 {
		t.Errorf("Expected probes to go on to the addresses from before, got %d", got)
	}
	restore()
	asked = stub.asked.Load()
	harness.Eventually(t, harness.Soon, "questions", func() bool { return stub.asked.Load() > asked+6 })
	awaitHealthy(t, s, 3)
	wantNoneFallen(t, s)
}

// TestF10_NoTimeWait looks for what a thousand probes leave behind: a port that is in TIME_WAIT on our side is lost for
// a minute.
func TestF10_NoTimeWait(t *testing.T) {
	t.Parallel()
	kinds := []struct{ check, target string }{
		{"on-tcp", "tcp://:%d"},
		{"on-http", "http://:%d/"},
		{"on-tls", "tls://:%d insecure"},
		{"on-https", "https://:%d/ insecure"},
	}
	const probes = 250
	targets := make([]*target, len(kinds))
	stanza := "check * interval 200ms timeout 150ms fast 200ms fall 64\n"
	for i, kind := range kinds {
		targets[i] = serve(t, nil, strings.Contains(kind.target, "insecure"))
		stanza += fmt.Sprintf("check %s "+kind.target+"\n%s", kind.check, targets[i].port, loopbacks(10, kind.check))
	}
	s := start(t, stanza)
	for i, kind := range kinds {
		harness.Eventually(t, 30*time.Second, "probes of "+kind.check, func() bool {
			return s.Metric(t, "coredns_failover_probes_total", "check", kind.check, "outcome", "pass") >= probes
		})
		// Some may be left by probes that ended at their timeout.
		if got := timeWaits(t, targets[i].port); got > probes/20 {
			t.Errorf("%s: expected no ports of ours in TIME_WAIT after %d probes, got %d", kind.check, probes, got)
		}
	}
}

// timeWaits counts the connections to a port that are in TIME_WAIT at the end that opened them, over IPv4.
func timeWaits(t *testing.T, port int) int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	const timeWait = "06" // proc_net_tcp(5)
	n := 0
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line) // number, local address, remote address, state
		if len(fields) < 4 || fields[3] != timeWait {
			continue
		}
		_, remote, _ := strings.Cut(fields[2], ":")
		if got, err := strconv.ParseInt(remote, 16, 32); err == nil && int(got) == port {
			n++
		}
	}
	return n
}
