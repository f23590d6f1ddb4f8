package failover

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

func init() { plugin.Register("again", again) }

// again is a plugin that reloads its instance once more when that is replaced, or the one that it replaces when it starts.
func again(c *caddy.Controller) error {
	c.Next()
	if !c.NextArg() {
		return c.ArgErr()
	}
	old := caddy.Instances()[0] // this very one, where there is no other
	reload := func() error {
		_, err := old.Restart(quick(9, ""))
		if got := fmt.Sprint(err); !strings.Contains(got, "another reload is under way") {
			return fmt.Errorf("the second reload returned %q", got)
		}
		return nil
	}
	switch c.Val() {
	case "startup":
		c.OnStartup(reload)
	case "shutdown":
		c.OnShutdown(reload)
	}
	return nil
}

// What CoreDNS would do with two reloads at a time leaves two configurations that answer, or one whose checks are gone.
func TestO03_ASecondReloadAtATimeIsRefused(t *testing.T) {
	for _, test := range []struct{ what, old, new string }{
		{"before the sockets are copied", "", "again startup"},
		{"when the old servers have stopped", "again shutdown", ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			i := boot(t, quick(0, test.old))
			i.follows(t) // a server that is stopped before it has begun to serve serves for ever
			i.restart(t, quick(1, test.new), "<nil>")
			if n := len(caddy.Instances()); n != 1 {
				t.Errorf("%d instances answer", n)
			}
			if n := len(liveRunners()); n != 1 {
				t.Errorf("%d server blocks are live, want 1", n)
			}
			i.await(t, "generation.example.org.", dns.TypeTXT, `"1"`)
			i.follows(t)
			i.restart(t, quick(2, ""), "<nil>")
			i.follows(t)
			i.end(t)
		})
	}
}
