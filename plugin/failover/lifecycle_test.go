package failover

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

// stumble is a plugin whose callbacks fail as its argument says. It is there twice: trip comes before ours and stumble
// after.
func stumble(c *caddy.Controller) error {
	c.Next()
	for _, when := range c.RemainingArgs() {
		fail := func() error { return errors.New("stumbled " + when) }
		switch when {
		case "startup":
			c.OnStartup(fail)
		case "shutdown":
			c.OnShutdown(fail)
		}
	}
	return nil
}

func init() {
	plugin.Register("trip", stumble)
	plugin.Register("stumble", stumble)
	plugin.Register("other", others)
	if err := dnsserver.SetDirectives([]string{"trip", "freeze", "again", name, "stumble", "other"}); err != nil {
		panic(err)
	}
}

// quick is a Corefile with a check that decides at its first result, and with a text that tells its generation.
func quick(generation int, more string) caddy.CaddyfileInput {
	return caddy.CaddyfileInput{ServerTypeName: "dns", Filepath: "Corefile", Contents: fmt.Appendf(nil, `example.org:0 {
		failover {
			check web http://:80/ interval 20ms fast 10ms timeout 10ms fall 1 rise 1
			primary   www 192.0.2.1 check web
			secondary www 192.0.2.2
			static    generation TXT %d
		}
		%s
	}`, generation, more)}
}

// instance is CoreDNS in this process, with fake checks.
type instance struct {
	*caddy.Instance
	fake fakeProber
}

func boot(t *testing.T, input caddy.Input) *instance {
	t.Helper()
	caddy.Quiet, dnsserver.Quiet = true, true
	i := &instance{fake: pretend(t)}
	var err error
	if i.Instance, err = caddy.Start(input); err != nil {
		t.Fatal(err)
	}
	return i
}

// end does what a SIGTERM does, and wants nothing left.
func (i *instance) end(t *testing.T) {
	t.Helper()
	i.ShutdownCallbacks()
	if err := i.Stop(); err != nil {
		t.Error(err)
	}
	i.Wait()
	checks.Wait()
	if n := len(liveRunners()); n != 0 {
		t.Errorf("%d server blocks outlived the final shutdown", n)
	}
}

// await asks over the network until the answer holds the text.
func (i *instance) await(t *testing.T, name string, qtype uint16, text string) {
	t.Helper()
	r := new(dns.Msg)
	r.SetQuestion(name, qtype)
	var m *dns.Msg
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		m, err = dns.Exchange(r, i.Servers()[0].LocalAddr().String())
		if err == nil && len(m.Answer) > 0 && strings.Contains(m.Answer[0].String(), text) {
			return
		}
	}
	t.Fatalf("%s never answered %q; at last %v, %v", name, text, m, err)
}

// follows fails and mends the target, and wants the answers of whatever serves now to follow.
func (i *instance) follows(t *testing.T) {
	t.Helper()
	i.fake.outcome.Store(int32(probe.Fail))
	i.await(t, "www.example.org.", dns.TypeA, "192.0.2.2")
	i.fake.outcome.Store(int32(probe.Pass))
	i.await(t, "www.example.org.", dns.TypeA, "192.0.2.1")
}

func (i *instance) restart(t *testing.T, input caddy.Input, want string) {
	t.Helper()
	next, err := i.Restart(input)
	if got := fmt.Sprint(err); !strings.Contains(got, want) {
		t.Fatalf("The reload returned %q, want %q", got, want)
	}
	i.Instance = next
}

func TestO03_Reloads(t *testing.T) {
	i := boot(t, quick(0, ""))
	defer i.end(t)
	i.follows(t)
	for _, step := range []struct {
		what       string
		input      caddy.Input
		err        string
		generation string
	}{
		{"a reload", quick(1, ""), "<nil>", `"1"`},
		{"a Corefile with a mistake", quick(2, "failover {\nprimary\n}"), "Corefile:9 - ", `"1"`},
		{"a plugin that fails to start after ours", quick(3, "stumble startup"), "stumbled startup", `"1"`},
		{"a reload after failed ones", quick(4, "stumble shutdown"), "<nil>", `"4"`},
	} {
		i.restart(t, step.input, step.err)
		i.await(t, "generation.example.org.", dns.TypeTXT, step.generation)
		if n := len(liveRunners()); n != 1 {
			t.Errorf("After %s %d server blocks are live, want 1", step.what, n)
		}
		i.follows(t)
	}
}

// A plugin's failure in the shutdown of the old configuration makes CoreDNS call the reload failed, though the new one
// serves from then on. It does not matter whether it is shut down before us or after us.
func TestO03_APluginThatFailsToStopDoesNotFreezeTheNewAnswers(t *testing.T) {
	for _, who := range []string{"trip", "stumble"} {
		i := boot(t, quick(0, who+" shutdown"))
		i.follows(t)
		if _, err := i.Restart(quick(1, "")); err == nil {
			t.Fatal("The reload did not fail")
		}
		instances := caddy.Instances()
		i.Instance = instances[len(instances)-1]
		i.await(t, "generation.example.org.", dns.TypeTXT, `"1"`)
		i.follows(t)
		if n := len(liveRunners()); n != 1 {
			t.Errorf("%d server blocks are live, want that of the new configuration alone", n)
		}
		i.end(t)
	}
}

// Where nothing of an older generation runs there is nobody to release a new one whose start fails.
func TestO03_AForgottenGenerationIsReleased(t *testing.T) {
	pretend(t)
	config := parsed(t, oneCheck)
	func() {
		g := generationOf(caddy.NewTestController("dns", ""))
		g.add(blockOf(&Failover{config: config}))
		mustStart(t, g)
	}()
	collected(t)
}
