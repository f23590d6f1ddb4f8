package failover

import (
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
)

// name is the directive, and must be what Name returns: CoreDNS looks handlers up by it.
const name = "failover"

var log = clog.NewWithPlugin(name)

func init() { plugin.Register(name, setup) }

func setup(c *caddy.Controller) error {
	config, err := corefile.Parse(c)
	if err != nil {
		return plugin.Error(name, err)
	}
	if err := verifyClusters(config); err != nil {
		return plugin.Error(name, err)
	}
	for _, w := range config.Warnings {
		log.Warningf("%s:%d - %s", w.Pos.File, w.Pos.Line, w.Text)
	}
	if err := config.State.Same(stateOf(generationOf(c).blocks)); err != nil {
		return plugin.Error(name, err)
	}
	if err := generationOf(c).agree(config); err != nil {
		return plugin.Error(name, err)
	}
	f := &Failover{config: config}
	server := dnsserver.GetConfig(c)
	keys := c.ServerBlockKeys
	generationOf(c).add(block{
		handler: f, key: strings.Join(keys, " "), keys: keys,
		listens:  func() []listener { return listenersOf(keys, server.ListenHosts) },
		audience: func() (string, []string) { return server.ViewName, server.ListenHosts },
		notify:   func() func(string) error { return notifyBy(server.Handler("transfer")) },
		// Look-ups in the background are those of nobody, whom acl lets do anything. Where it keeps clients from names, the
		// target of a CNAME must not get to them by us; they can ask for it themselves.
		restricted: func() bool { return server.Handler("acl") != nil },
	})

	c.OnStartup(func() error {
		f.signed = server.Handler("dnssec") != nil // known only now
		return nil
	})
	// This closure runs once for every key, address and socket of the block, so it must do nothing else.
	server.AddPlugin(func(next plugin.Handler) plugin.Handler {
		f.Next = next
		return f
	})
	return nil
}
