package failover

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/explain"

	"github.com/miekg/dns"
)

// Explain implements admin.Backend.
func (backend) Explain(q admin.Question) (api.Explanation, error) {
	wrong := func(field, text string) (api.Explanation, error) {
		return api.Explanation{}, &admin.Refusal{Status: http.StatusBadRequest, Field: field, Text: text}
	}
	name := dns.Fqdn(q.Name)
	if _, ok := dns.IsDomainName(name); !ok || q.Name == "" {
		return wrong("name", "it is not a domain name")
	}
	r := runnerOf(name)
	if r == nil {
		return api.Explanation{}, &admin.Refusal{Status: http.StatusNotFound, Field: "name", Text: "no zone here holds it"}
	}
	d := listed.get()
	question := explain.Question{
		Name: name, Untold: r.untold, Manual: func(leaf int) *api.Manual { return d.manualOf(r, leaf) },
	}
	var known bool
	if q.Type == "" {
		question.Type = r.firstType(name)
	} else if question.Type, known = corefile.TypeOf(q.Type); !known {
		return wrong("type", "there is no such type")
	}
	if q.Client != "" {
		var err error
		if question.Client, err = netip.ParseAddr(q.Client); err != nil {
			return wrong("client", "it is not an address")
		}
	}
	question.Assume = make(map[int]health.Status)
	for _, text := range q.Assume {
		at := strings.LastIndexByte(text, '=')
		states := map[string]health.State{
			"down": health.Unhealthy, "up": health.Healthy,
			api.Unhealthy: health.Unhealthy, api.Healthy: health.Healthy, api.Unknown: health.Unknown,
		}
		state, ok := states[text[at+1:]]
		if at < 0 || !ok {
			return wrong("assume", "it is not ID=up or ID=down")
		}
		pattern, err := health.ParsePattern(text[:at])
		if err != nil {
			return wrong("assume", err.Error())
		}
		found := false
		for leaf := range d.leavesOf(r, pattern) {
			question.Assume[leaf] = explain.Assume(r.config, leaf, state)
			found = true
		}
		if !found {
			return wrong("assume", "there is no such check in this server block")
		}
	}
	x, err := explain.Explain(r.index, r.config, question, time.Now())
	if err != nil {
		return wrong("name", err.Error())
	}
	if blocks := blocksWith(r.index.Match(name).Zone.Config.Name); len(blocks) > 1 {
		x.Blocks = blocks
	}
	x.Text = x.Lines()
	return *x, nil
}

// blocksWith gives the keys of the server blocks that have a zone.
func blocksWith(zone string) []string {
	var keys []string
	for _, r := range newestRunners() {
		if m := r.index.Match(zone); m.Zone != nil && m.Zone.Config.Name == zone {
			keys = append(keys, r.key)
		}
	}
	return keys
}

// runnerOf gives the server block with the longest zone that holds a name; nil for none.
func runnerOf(name string) *runner {
	var best *runner
	longest := 0
	for _, r := range newestRunners() {
		if m := r.index.Match(name); m.Zone != nil && len(m.Zone.Config.Name) > longest {
			best, longest = r, len(m.Zone.Config.Name)
		}
	}
	return best
}

// firstType is the type to explain where nobody says which: A, unless the name has records of others only.
func (r *runner) firstType(name string) uint16 {
	m := r.index.Match(name)
	if m.Node == nil {
		return dns.TypeA
	}
	if s, _ := m.Node.Set(dns.TypeA); s != nil || m.Node.CNAME() != nil {
		return dns.TypeA
	}
	for _, s := range m.Zone.Config.Sets {
		if strings.EqualFold(s.Name, name) {
			return s.Types()[0]
		}
	}
	return dns.TypeA
}

// leavesOf gives the leaves of the checks in a server block that a pattern is about.
func (d *directory) leavesOf(r *runner, p health.Pattern) map[int]bool {
	leaves := make(map[int]bool)
	for i := range d.checks {
		if e := &d.checks[i]; e.runner == r && p.Match(e.name(), e.target()) {
			leaves[e.leaf] = true
		}
	}
	return leaves
}

// manualOf gives the manual state of a check of a server block; nil for none.
func (d *directory) manualOf(r *runner, leaf int) *api.Manual {
	names, target := r.called(leaf)
	m := manuals.list().Of(names, target)
	if m == nil {
		return nil
	}
	shown := shownManual(*m)
	shown.Matches = d.matches(m.Checks)
	return &shown
}

// untold says why the last probe of a check has told nothing of its target, empty if it has.
func (r *runner) untold(leaf int) string {
	last, _ := r.lease.Last(leaf)
	if last.Reason == "" || last.Outcome != probe.Indeterminate {
		return ""
	}
	return fmt.Sprintf("%s, %s", last.Reason, last.Detail)
}

// called gives the names and the target of a check.
func (r *runner) called(leaf int) (names []string, target string) {
	if n := len(r.config.Checks); leaf >= n {
		return r.config.Combined[leaf-n : leaf-n+1], ""
	}
	c := &r.config.Checks[leaf]
	return c.Names, c.Probe.Target()
}
