package corefile

import (
	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/fall"
)

// Parse reads all stanzas of one server block. The error, if any, is about the first mistake found and begins with its
// place, "FILE:LINE - ".
func Parse(c *caddy.Controller) (*Config, error) { return read(c, try) }

// ParseHere is Parse for a Corefile that another process will run on this machine. What checks name on it is tried, but
// for the permission to ping, which belongs to a process.
func ParseHere(c *caddy.Controller) (*Config, error) {
	return read(c, func(p probe.Spec) error {
		if p.Scheme == probe.ICMP {
			return nil
		}
		return try(p)
	})
}

// ParseElsewhere is Parse for a Corefile of another machine: nothing that it names there is tried.
func ParseElsewhere(c *caddy.Controller) (*Config, error) { return read(c, nil) }

// read has try, where there is one, see whether this machine has what a probe needs.
func read(c *caddy.Controller, try func(probe.Spec) error) (*Config, error) {
	b := newBuilder(dnsserver.GetConfig(c).Root, try)
	b.config.via = viaOf(c)
	for c.Next() {
		s, err := collect(c)
		if err != nil {
			return nil, err
		}
		b.meet(s)
		if err := s.read(); err != nil {
			return nil, err
		}
		if err := b.addAdmins(s); err != nil {
			return nil, err
		}
		if err := s.finishChecks(b); err != nil {
			return nil, err
		}
		if err := b.addHeartbeats(s); err != nil {
			return nil, err
		}
		if err := b.add(s); err != nil {
			return nil, err
		}
	}
	return b.finish()
}

// line is one line of a stanza.
type line struct {
	pos   Pos
	words []string
}

// stanza is one "failover { ... }", first as lines, then as what the lines say.
type stanza struct {
	pos     Pos
	zones   []string
	asked   []string // the zones of the server block, where the stanza names its own
	inZones map[string]bool
	lines   []*line

	places    map[string]Pos // of the words that may be there once, allow_exec too
	ttl       TTL
	soa       []string // as written
	ns        []string // as written
	fall      fall.F
	cacheable bool
	state     string // as written
	cluster   Cluster

	checks   map[string]*check
	together map[together]*health.Expression // by expressAll
	byOrder  []*check                        // the checks in the order of their first lines
	defaults *check                          // "check *"
	records  []*recordLine
	options  []*optionLine
	canaries []canaryLine
	webhooks []webhookLine
	admins   []Admin
	sets     []*setState
}

// collect takes the tokens of one stanza off c, whose current token is the directive.
func collect(c *caddy.Controller) (*stanza, error) {
	here := func() Pos { return Pos{File: c.File(), Line: c.Line()} }
	s := &stanza{
		pos: here(), ttl: DefaultTTL, inZones: make(map[string]bool),
		places: make(map[string]Pos), checks: make(map[string]*check), together: make(map[together]*health.Expression),
	}
	if c.Val() == "{" {
		return nil, s.pos.errorf(`the "{" must be on the line of its stanza`)
	}
	var args []string
	open := false
	for !open && c.NextArg() {
		if open = c.Val() == "{"; !open {
			if c.Val() == "" {
				return nil, s.pos.errorf(emptyValue)
			}
			args = append(args, c.Val())
		}
	}
	var err error
	if s.zones, err = zonesOf(args, c.ServerBlockKeys); err != nil {
		return nil, s.pos.errorf("%w", err)
	}
	if len(args) > 0 {
		s.asked, _ = zonesOfKeys(c.ServerBlockKeys) // what is wrong with one is for the server to say
	}
	for _, zone := range s.zones {
		s.inZones[zone] = true
	}
	if !open {
		return s, nil
	}
	if c.NextArg() {
		return nil, here().errorf(`what follows "{" must be on a line of its own`)
	}
	for c.Next() {
		if c.Val() == "}" {
			if c.NextArg() {
				return nil, here().errorf(`unexpected %q after "}"`, c.Val())
			}
			return s, nil
		}
		l := &line{pos: here()}
		for next := true; next; next = c.NextArg() {
			switch c.Val() {
			case "{":
				return nil, here().errorf("there are no blocks inside the plugin's block: what belongs together stands on one line")
			case "}":
				return nil, here().errorf(`"}" must be on a line of its own`)
			case "":
				return nil, here().errorf(emptyValue)
			}
			l.words = append(l.words, c.Val())
		}
		s.lines = append(s.lines, l)
	}
	return nil, s.pos.errorf("the block is not closed")
}

const emptyValue = "empty value (an unset environment variable?)"
