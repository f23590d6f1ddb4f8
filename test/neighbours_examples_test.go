package test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// combined are the examples of README's section on other plugins, in their order.
func combined(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## With other plugins\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var found []string
	for {
		_, rest, is := strings.Cut(section, "\n~~~ corefile\n")
		if !is {
			return found
		}
		corefile, after, _ := strings.Cut(rest, "\n~~~\n")
		found, section = append(found, corefile+"\n"), after
	}
}

// TestExamplesWithOtherPlugins asks them what README says that they answer. Their targets are not there; the start is
// soon enough for that not to be known.
func TestExamplesWithOtherPlugins(t *testing.T) {
	t.Parallel()
	corefiles := combined(t)
	if len(corefiles) != 3 {
		t.Fatalf("Expected three examples, got %d", len(corefiles))
	}
	started := make([]*harness.Server, len(corefiles))
	for i, corefile := range corefiles {
		corefile = strings.ReplaceAll(corefile, "203.0.113.0/24", "127.0.1.0/24")
		// Elsewhere is a name server that is not there, and says so at once.
		started[i] = harness.Start(t, onFreePorts(strings.ReplaceAll(corefile, "forward . 192.0.2.53", "forward . 127.0.0.1:@NOBODY@")))
	}
	views, chained, cached := started[0], started[1], started[2]

	for source, want := range map[string]string{"127.0.1.1": "A 203.0.113.80", "127.0.0.1": "A 192.0.2.1"} {
		if got := harness.Answer(views.AskFrom(t, source, "www.example.org.", dns.TypeA)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: expected %s, got %q", source, want, got)
		}
	}

	for name, want := range map[string]string{
		"www.example.org.": "192.0.2.1", "mail.example.org.": "192.0.2.25",
		"www.shop.example.net.": "192.0.2.1", "mail.shop.example.net.": "192.0.2.25",
	} {
		m := chained.Ask(t, name, dns.TypeA)
		if len(m.Answer) != 1 || harness.Rdata(m.Answer[0]) != want || m.Answer[0].Header().Name != name {
			t.Errorf("%s: expected %s, got: %v", name, want, m)
		}
	}
	if err := harness.CheckNegative(chained.Ask(t, "www.example.org.", dns.TypeMX), dns.RcodeSuccess, "example.org."); err != nil {
		t.Error(err)
	}
	if m := chained.Ask(t, "other.example.org.", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("Expected what forward says without its server, got: %v", m)
	}

	// One draw for each TTL, which is the unsettled one as long as the checks are unknown.
	began, last, changes := time.Now(), "", 0
	for range 64 {
		m := cached.Ask(t, "www.example.org.", dns.TypeA)
		if len(m.Answer) != 1 || m.Answer[0].Header().Ttl > 2 {
			t.Fatalf("Expected one address with the unsettled TTL, got: %v", m)
		}
		if got := harness.Rdata(m.Answer[0]); got != last {
			last = got
			changes++
		}
	}
	if most := 1 + int(time.Since(began)/time.Second); changes > most {
		t.Errorf("Expected %d draws at most, saw the answer change %d times", most, changes)
	}
}
