//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// withoutRaw runs a program that may open no raw socket, though it is root.
var withoutRaw = []string{"setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--ambient-caps", "-net_raw"}

// pinged is a server that pings a target in a world of its own, by IPv4 and by IPv6.
type pinged struct {
	*harness.Server
	world     *world
	four, six string
}

func startPinging(t *testing.T, by []string) *pinged {
	t.Helper()
	w := newWorld(t)
	w.tellAll(t)
	p := &pinged{world: w, four: w.address(0), six: w.six(t)}
	p.Server = harness.StartBy(t, by, harness.Zone(fmt.Sprintf(`
		check * interval 500ms timeout 300ms fast 100ms fall 2 rise 1
		check four icmp://
		check six  icmp://
		primary   four %s check four
		secondary four 192.0.2.1
		primary   six  %s check six
		secondary six  2001:db8::1`, p.four, p.six), withMetrics))
	awaitHealthy(t, p.Server, 2)
	return p
}

// await waits until the answers are these.
func (p *pinged) await(t *testing.T, four, six string) {
	t.Helper()
	p.AwaitA(t, harness.Soon, "four", four)
	harness.Eventually(t, harness.Soon, "the IPv6 answer "+six, func() bool {
		return p.Addresses(t, "six.example.org.", dns.TypeAAAA) == six
	})
}

// TestPing pings by either kind of socket.
func TestPing(t *testing.T) {
	t.Parallel()
	// A new namespace permits ping sockets to nobody.
	raw := startPinging(t, nil)
	group := fmt.Sprintf("%d %d", os.Getegid(), os.Getegid())
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte(group), 0); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*pinged{"raw socket": raw, "ping socket": startPinging(t, withoutRaw)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.faults(t)
		})
	}
}

// faults has the target go in every way that a ping can tell apart, and come back.
func (p *pinged) faults(t *testing.T) {
	t.Helper()
	w := p.world
	failures := func(check, reason string) float64 {
		return max(0, p.Metric(t, "coredns_failover_probes_total", "check", check, "outcome", "fail", "reason", reason))
	}
	verdict := func(verdict string) func() { return func() { w.rule(t, p.six, verdict) } }
	mend := func() { w.mend(t) }
	for _, fault := range []struct {
		name, reason string
		begin, end   func()
	}{
		{"dropped", "timeout", verdict("drop"), mend},
		{"cable pulled", "timeout", func() { w.pull(t) }, func() { w.plug(t) }},
		{"no such host", "unreachable", verdict("reject with icmpx type host-unreachable"), mend},
		// To an IPv6 socket this is the same error as a policy of our own system.
		{"prohibited", "unreachable", verdict("reject with icmpx type admin-prohibited"), mend},
		{"refused", "refused", verdict("reject with icmpx type port-unreachable"), mend},
	} {
		p.await(t, p.four, p.six)
		four, six := failures("four", fault.reason), failures("six", fault.reason)
		fault.begin()
		p.await(t, "192.0.2.1", "2001:db8::1")
		four, six = failures("four", fault.reason)-four, failures("six", fault.reason)-six
		if four < 1 || six < 1 {
			t.Errorf("%s: expected pings to fail with %s, got %v by IPv4 and %v by IPv6", fault.name, fault.reason, four, six)
		}
		fault.end()
	}
	p.await(t, p.four, p.six)
	// A busy machine makes some late; and until the system has noticed that the cable is out, its queue takes no more
	// (fd_limit). Nothing else keeps a ping from telling something of its target.
	for _, reason := range []string{"permission", "internal", "no_route", "ports"} {
		if got := probes(t, p.Server, "indeterminate", reason); got > 0 {
			t.Errorf("Expected every ping to tell something of its target, got %v that did not for %s", got, reason)
		}
	}
}

// TestPingRefused runs a server in a namespace of its own, in which it may open neither kind of socket.
func TestPingRefused(t *testing.T) {
	t.Parallel()
	server, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, target := range []string{"icmp://", "icmp://192.0.2.1", "icmp://[2001:db8::1]", "icmp://www.example.com"} {
		corefile := "example.org:0 {\n bind 127.0.0.1\n failover {\n  check alive " + target + "\n  answer www 192.0.2.1 check alive\n }\n}\n"
		if err := os.WriteFile(dir+"/Corefile", []byte(corefile), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		command := slices.Concat([]string{"unshare", "--net"}, withoutRaw, []string{server, "-conf", "Corefile"})
		refused := exec.CommandContext(ctx, command[0], command[1:]...)
		refused.Dir = dir
		output, err := refused.CombinedOutput()
		cancel()
		if err == nil || ctx.Err() == context.DeadlineExceeded {
			t.Errorf("%s: expected the server to refuse it, got %v\n%s", target, err, output)
		}
		for _, want := range []string{"Corefile:4", "check alive", "CAP_NET_RAW", "net.ipv4.ping_group_range"} {
			if !strings.Contains(string(output), want) {
				t.Errorf("%s: expected %q in what it says, got: %s", target, want, output)
			}
		}
	}
}
