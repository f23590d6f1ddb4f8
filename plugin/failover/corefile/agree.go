package corefile

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
)

// resolve applies the defaults of the language, then "check *" where it fits, then the check's own knobs.
func (c *check) resolve(defaults *check, b *builder) error {
	if c.target == nil {
		return c.pos.errorf("check %s has no target", c.name)
	}
	c.defaults = defaults
	c.settings = ofLanguage(c.target)
	if defaults != nil {
		for _, given := range defaults.given {
			if given.knob.fits&c.target.kind == 0 || c.target.meant(given.knob) {
				continue
			}
			if err := given.knob.set(&c.settings, given.values); err != nil {
				return given.pos.errorf("check *: %w", err)
			}
		}
	}
	for _, given := range c.given {
		if given.knob.fits&c.target.kind == 0 {
			return given.pos.errorf("check %s: %q does not apply to %s", c.name, given.knob.word, c.target.text)
		}
		if err := given.knob.set(&c.settings, given.values); err != nil {
			return given.pos.errorf("check %s: %w", c.name, err)
		}
	}
	return c.agree(b)
}

// ofLanguage is what a check of the target is without any knob.
func ofLanguage(t *target) settings {
	s := settings{
		probe: t.probe,
		timing: health.Timing{
			Interval: DefaultInterval, Timeout: DefaultTimeout, Fall: DefaultFall, Rise: DefaultRise,
		},
		headers: make(map[string]field),
	}
	switch {
	case t.kind&onWeb != 0:
		s.probe.Status = "200-399"
	case t.kind&onDNS != 0:
		s.probe.Rcode = "NOERROR"
	case t.kind&onQuery != 0:
		s.probe.Insufficient = "last"
	case t.kind&onTold != 0:
		s.timing.Fall, s.timing.Rise = 1, 1
	}
	return s
}

// meant tells that a default for all checks is not for this one.
func (t *target) meant(k *knob) bool {
	return t.kind&onTold != 0 && (k.word == "fall" || k.word == "rise" || k.word == "hold")
}

// place is where the first of the words is that has a say in the check: its own line, that of "check *", or that of the
// target if none has.
func (c *check) place(words ...string) Pos {
	for _, from := range []*check{c, c.defaults} {
		for _, word := range words {
			if from == nil {
				continue
			}
			if pos, ok := from.places[word]; ok {
				return pos
			}
		}
	}
	return c.target.pos
}

// agree checks the knobs against each other and brings them into the form of a health.Definition.
func (c *check) agree(b *builder) error {
	switch t := &c.timing; {
	case t.Fast == 0:
		t.Fast = min(max(t.Interval/5, time.Second), t.Interval)
	case t.Fast > t.Interval:
		return c.place("fast", "interval").errorf("check %s: fast %s is longer than interval %s",
			c.name, short(t.Fast), short(t.Interval))
	}
	if err := c.agreeOnBody(); err != nil {
		return err
	}
	if pos, own := c.places["resolver"]; own && !c.looksUp(c.probe.Host) && !c.target.template() {
		return pos.errorf("check %s: a target that is an address needs no resolver", c.name)
	}
	if c.probe.HostHeader == c.probe.ServerName {
		// The server name is the host's default, so both say the same.
		c.probe.HostHeader = ""
	}
	var values, paths strings.Builder
	for _, name := range inOrder(c.headers) {
		if field := c.headers[name]; field.file {
			paths.WriteString(name + ": " + b.files.path(field.value) + "\n")
		} else {
			values.WriteString(name + ": " + field.value + "\n")
		}
	}
	c.probe.Headers, c.probe.HeaderFiles = values.String(), paths.String()
	return b.files.resolve(c)
}

// agreeOnBody checks what is sent and what is looked for against the method.
func (c *check) agreeOnBody() error {
	if c.target.kind&onWeb == 0 {
		return nil
	}
	switch p := &c.probe; {
	case p.Method == "HEAD" && p.Match != "":
		return c.place("match", "method").errorf("check %s: an answer to HEAD has no body to match", c.name)
	case p.Method == "HEAD" && p.Body != "":
		return c.place("body", "method").errorf("check %s: HEAD sends no body", c.name)
	case p.Method == "" && p.Body != "":
		return c.place("body").errorf("check %s: body needs a method, as in: method POST", c.name)
	case p.Method == "":
		p.Method = "GET"
	}
	return nil
}

// looksUp tells whether a name has to be looked up to probe the host.
func (c *check) looksUp(host string) bool {
	hosts := append(strings.Fields(c.probe.FollowHosts), host)
	if c.probe.Proxy != "" {
		hosts = append(hosts, proxyHost(c.probe))
	}
	return slices.ContainsFunc(hosts, func(h string) bool { return !isAddress(h) })
}

// proxyHost is the host of the proxy, without brackets.
func proxyHost(p probe.Spec) string {
	host := strings.TrimPrefix(p.Proxy, "http://")
	host = host[:strings.LastIndexByte(host, ':')]
	return strings.Trim(host, "[]")
}
