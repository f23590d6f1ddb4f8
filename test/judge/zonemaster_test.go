//go:build linux

package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// inside tells a process of this binary that it has a network of its own.
const inside = "JUDGE_INSIDE"

// zonemasterWorld is an internet: a root, a registry that delegates the zone with its DS, the zone on two name servers,
// and what these addresses are called. All of it listens on port 53, which is why it needs a network of its own.
const zonemasterWorld = `.:53 {
	bind 198.51.100.1
	file root
}
org:53 {
	bind 198.51.100.2
	file org
}
arpa:53 {
	bind 198.51.100.2
	file arpa
}
example.org:53 {
	bind 192.0.2.53 203.0.113.53 2001:db8::53 2001:db8:1::53
	errors
	dnssec {
		key file Kexample.org
	}
	failover {
		ttl 300s 60s
		soa ns1 hostmaster
		ns ns1 ns2
		check web manual
		check off manual invert
		static    ns1 192.0.2.53 2001:db8::53
		static    ns2 203.0.113.53 2001:db8:1::53
		static    mail 192.0.2.25 2001:db8::25
		static    @ MX "10 mail"
		static    @ TXT "v=spf1 mx -all"
		primary   www 192.0.2.1 2001:db8::1 check off
		secondary www 198.51.100.1 2001:db8:1::1 check web
		primary   @ alias www
	}
}
example.net:@DNS@ {
	bind 127.0.0.1
}
`

const (
	zonemasterRoot = `. 3600 SOA a.root. host. 1 7200 1800 86400 60
. 3600 NS a.root.
a.root. 3600 A 198.51.100.1
org. 3600 NS a.org.
arpa. 3600 NS a.org.
a.org. 3600 A 198.51.100.2
`
	zonemasterOrg = `org. 3600 SOA a.org. host.org. 1 7200 1800 86400 60
org. 3600 NS a.org.
a.org. 3600 A 198.51.100.2
example.org. 3600 NS ns1.example.org.
example.org. 3600 NS ns2.example.org.
ns1.example.org. 3600 A 192.0.2.53
ns1.example.org. 3600 AAAA 2001:db8::53
ns2.example.org. 3600 A 203.0.113.53
ns2.example.org. 3600 AAAA 2001:db8:1::53
`
	zonemasterArpa = `arpa. 3600 SOA a.org. host.org. 1 7200 1800 86400 60
arpa. 3600 NS a.org.
53.2.0.192.in-addr.arpa. 3600 PTR ns1.example.org.
53.113.0.203.in-addr.arpa. 3600 PTR ns2.example.org.
`
	zonemasterHints = ". 3600 NS a.root.\na.root. 3600 A 198.51.100.1\n"
)

// zonemasterKnown are findings that are not those of the answers, or that are meant, with the reason.
var zonemasterKnown = map[string]string{
	"NAMESERVER_IP_PRIVATE_NETWORK": "the addresses are those of documentation",
	"NAMESERVER_IP_WITHOUT_REVERSE": "this internet has no ip6.arpa",
	"REFRESH_MINIMUM_VALUE_LOWER":   "the SOA's timers are those of CoreDNS's other made-up zones",
	"RETRY_MINIMUM_VALUE_LOWER":     "the same",
	"EXPIRE_MINIMUM_VALUE_LOWER":    "the same",
}

// TestZonemasterFindsNothing has the tests of the registries of France and Sweden look at a zone in the middle of a
// failover.
func TestZonemasterFindsNothing(t *testing.T) {
	rare(t)
	need(t, "zonemaster-cli", "zonemaster-cli")
	need(t, "ip", "iproute2")
	if os.Getenv(inside) == "" {
		insideItsOwnNetwork(t)
		return
	}
	output(t, "ip", "link", "set", "lo", "up")
	for _, address := range []string{"198.51.100.1", "198.51.100.2", "192.0.2.53", "203.0.113.53"} {
		output(t, "ip", "addr", "add", address+"/32", "dev", "lo")
	}
	for _, address := range []string{"2001:db8::53", "2001:db8:1::53"} {
		output(t, "ip", "addr", "add", address+"/128", "dev", "lo", "nodad")
	}
	key := newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256)
	files := append(key.files, "root", zonemasterRoot, "org", zonemasterOrg+key.ToDS(dns.SHA256).String()+"\n",
		"arpa", zonemasterArpa, "hints", zonemasterHints)
	s := harness.Start(t, zonemasterWorld, files...)
	said := output(t, "zonemaster-cli", "--hints", filepath.Join(s.Dir, "hints"), "--level", "INFO", "--json", "--raw",
		"--no-progress", "example.org")
	judgeZonemaster(t, said)
}

// judgeZonemaster reads the findings: from NOTICE on each must be known, and what has to have run must have.
func judgeZonemaster(t *testing.T, said string) {
	t.Helper()
	type finding struct{ Level, Tag, Testcase string }
	var findings []finding
	if err := json.Unmarshal([]byte(said), &findings); err != nil {
		var whole struct{ Results []finding }
		if again := json.Unmarshal([]byte(said), &whole); again != nil {
			t.Fatalf("Expected the findings of zonemaster-cli, got error: %v\n%s", errors.Join(err, again), said)
		}
		findings = whole.Results
	}
	seen, tests := map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		tests[strings.ToUpper(f.Testcase)] = true
		if f.Level == "INFO" || f.Level == "DEBUG" {
			continue
		}
		seen[f.Tag] = true
		if zonemasterKnown[f.Tag] == "" {
			t.Errorf("zonemaster: %+v", f)
		}
	}
	for tag := range zonemasterKnown {
		if !seen[tag] {
			t.Errorf("Expected %s among the findings of zonemaster, it says:\n%s", tag, said)
		}
	}
	if len(tests) < 30 {
		t.Errorf("Expected zonemaster to run most of its tests, it ran %d:\n%s", len(tests), said)
	}
}

// insideItsOwnNetwork runs this test again in a network namespace. A user namespace needs no privilege; where it is
// refused, root does without.
func insideItsOwnNetwork(t *testing.T) {
	t.Helper()
	deliver(t, "zonemaster", "a signed zone in a failover", func() string {
		return "nothing but what is known: " + strings.Join(slices.Sorted(maps.Keys(zonemasterKnown)), ", ")
	})
	// Built out here, where the Go module proxy can be reached.
	server, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	var refused []error
	for _, flags := range []uintptr{syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER, syscall.CLONE_NEWNET} {
		self := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.count", "1")
		self.Env = append(os.Environ(), inside+"=1", "COREDNS_BINARY="+server)
		self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if flags&syscall.CLONE_NEWUSER != 0 {
			self.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			self.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		var log harness.LogBuffer
		self.Stdout, self.Stderr = &log, &log
		if err := self.Start(); err != nil {
			refused = append(refused, err)
			continue
		}
		if err := self.Wait(); err != nil {
			t.Errorf("%v:\n%s", err, log.String())
		}
		return
	}
	t.Fatalf("The system refuses a network namespace, to users as to root: %v", fmt.Sprint(errors.Join(refused...)))
}
