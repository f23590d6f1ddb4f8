package corefile

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/miekg/dns"
)

// endpoint is what a template is applied to: where a value leads.
type endpoint struct {
	host string // as in probe.Spec
	port uint16 // 0: the value names none
}

// endpointOf returns where the RR leads.
func endpointOf(rr dns.RR) (endpoint, error) {
	var name string
	var port uint16
	switch rr := rr.(type) {
	case *dns.A:
		return endpoint{host: rr.A.String()}, nil
	case *dns.AAAA:
		return endpoint{host: rr.AAAA.String()}, nil
	case *dns.CNAME:
		name = rr.Target
	case *dns.MX:
		name = rr.Mx
	case *dns.SRV:
		name, port = rr.Target, rr.Port
	case *dns.HTTPS:
		name = serviceTarget(&rr.SVCB)
	case *dns.SVCB:
		name = serviceTarget(rr)
	default:
		return endpoint{}, fmt.Errorf("a value of type %s names no host to probe", dns.TypeToString[rr.Header().Rrtype])
	}
	if name == "." || name == "" {
		// RFC 7505 and RFC 2782: there is no such service, so there is nothing to find healthy.
		return endpoint{}, errors.New(`a value "." names no host to probe`)
	}
	host, err := hostName(name)
	if err != nil {
		return endpoint{}, fmt.Errorf("a value's host cannot be probed: %w", err)
	}
	return endpoint{host: host, port: port}, nil
}

// serviceTarget is the host of an SVCB or HTTPS record: "." is the owner itself (RFC 9460, section 2.5).
func serviceTarget(rr *dns.SVCB) string {
	if rr.Target == "." || rr.Target == "" {
		return rr.Hdr.Name
	}
	return rr.Target
}

// express returns the check as an expression. at is the endpoint for a template, nil where there is none.
func (b *builder) express(s *stanza, c *check, at *endpoint) (*health.Expression, error) {
	var key endpoint
	if c.template {
		if at == nil {
			return nil, fmt.Errorf("check %s has no host in its target and an alias has no value to apply it to", c.name)
		}
		key = *at
	}
	if made := c.made[key]; made != nil {
		return made, nil
	}
	e := b.arena.expressions.one()
	e.Invert = c.invert
	if c.disabled || c.target.kind == onCombined {
		b.combine(c, e)
	}
	switch {
	case c.disabled:
		// Nothing below is probed, so nothing below is there.
		e.Kind, e.Disabled = health.ExprManual, true
	case c.target.kind != onCombined:
		leaf, err := b.leaf(c, key)
		if err != nil {
			return nil, err
		}
		e.Kind, e.Leaf, e.StartUnhealthy = health.ExprCheck, int32(leaf), c.startUnhealthy
	case c.target.children == nil:
		e.Kind = health.ExprManual
	default:
		e.Kind, e.Combination = health.ExprAtLeast, &health.Combination{AtLeast: c.target.atLeast}
		e.Invert = c.invert != c.target.not
		for _, name := range c.target.children {
			child, err := b.express(s, s.checks[name], at)
			if err != nil {
				return nil, err
			}
			e.Children = append(e.Children, child)
		}
	}
	if c.made == nil {
		c.made = make(map[endpoint]*health.Expression)
	}
	c.made[key] = e
	return e, nil
}

// combine gives an expression that probes nothing by itself the leaf of its check.
func (b *builder) combine(c *check, e *health.Expression) {
	if c.combined == 0 {
		b.config.Combined = append(b.config.Combined, c.name)
		c.combined = len(b.config.Combined)
	}
	e.Leaf = int32(c.combined - 1)
	b.combined = append(b.combined, e)
}

// leaf returns the index of the check's definition at the endpoint.
func (b *builder) leaf(c *check, at endpoint) (int, error) {
	p := c.probe
	if c.target.kind&onNet != 0 {
		if p.Host == "" {
			p.Host = at.host
		}
		if p.Port == 0 && p.Scheme != probe.ICMP {
			if p.Port = at.port; p.Port == 0 {
				p.Port = defaultPort(&p)
			}
			if p.Port == 0 {
				return 0, fmt.Errorf("check %s needs a port: neither its target nor the value names one", c.name)
			}
		}
		if err := b.reach(c, &p); err != nil {
			return 0, err
		}
	}
	if p.ServerName == p.Host && p.HostHeader == "" {
		p.ServerName = ""
	}
	d := health.Definition{Probe: p.ID(), Timing: c.timing}
	index, known := b.definitions[d]
	if !known {
		index = len(b.config.Checks)
		b.definitions[d] = index
		if c.traits == nil {
			c.traits = &Traits{Timing: c.timing, Names: []string{c.name}}
		}
		b.config.Checks = append(b.config.Checks, Check{Probe: d.Probe, Traits: c.traits})
		b.places = append(b.places, c.target.pos)
		return index, nil
	}
	if b.config.Checks[index].Traits != c.traits {
		b.names[index] = append(b.names[index], c.name)
	}
	return index, nil
}

// reach fits to the endpoint from where, and by whose help, it is reached. What "check *" says of that holds where it
// can.
func (b *builder) reach(c *check, p *probe.Spec) error {
	if p.Source.IsValid() && !sameFamily(p.Source, p.Host) {
		if _, own := c.places["source"]; own {
			return fmt.Errorf("check %s: from source %s there is no way to %s", c.name, p.Source, p.Host)
		}
		p.Source = netip.Addr{}
	}
	if p.Resolver == "" {
		return nil
	}
	if !c.looksUp(p.Host) {
		p.Resolver = ""
		return nil
	}
	if at := c.place("resolver"); !b.resolversAt[at] {
		b.resolversAt[at] = true
		for server := range strings.FieldsSeq(p.Resolver) {
			b.config.Resolvers = append(b.config.Resolvers, Resolver{Pos: at, Server: netip.MustParseAddrPort(server)})
		}
	}
	return nil
}

// describe writes the RDATA of an RR, without the four fields of its header, which tabs end.
func describe(rr dns.RR) string {
	fields := strings.SplitN(rr.String(), "\t", 5)
	return fields[len(fields)-1]
}
