// Package lint judges a Corefile without running it. The file is read as CoreDNS reads it, with its imports, snippets
// and environment variables; then the stanzas of failover are judged by the plugin's own parser. What other plugins have
// in it is passed over.
package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
)

// directive is the plugin's, root the one that says where relative files are.
const (
	directive = "failover"
	root      = "root"
)

// Finding is what is wrong with a Corefile, or likely to be. Line is 0 for what is about the file as a whole.
type Finding struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// String is the finding as CoreDNS writes errors, "FILE:LINE - TEXT".
func (f Finding) String() string {
	if f.Line == 0 {
		return f.File + " - " + f.Text
	}
	return fmt.Sprintf("%s:%d - %s", f.File, f.Line, f.Text)
}

// Check is a check that would be probed.
type Check struct {
	Names    []string `json:"names"`
	Target   string   `json:"target"`
	Interval Duration `json:"interval"`
	Timeout  Duration `json:"timeout"`

	told bool // by others: nobody is asked
}

// Report is what a Corefile comes to. Numbers and checks are of the server blocks without an error.
type Report struct {
	Errors   []Finding `json:"errors"`
	Warnings []Finding `json:"warnings"`
	Blocks   int       `json:"server_blocks"` // with a stanza of failover
	Zones    int       `json:"zones"`
	Sets     int       `json:"sets"`
	// Checks are the distinct ones of the whole process, by their names and targets.
	Checks []Check `json:"checks"`
	// Probes are how many are made in a second while all is well.
	Probes float64 `json:"probes_per_second"`
}

// File judges the Corefile at path. With elsewhere it is that of another machine, and what it names on that one is not
// looked at. The error is about reading the file.
func File(path string, elsewhere bool) (*Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Report{Errors: []Finding{}, Warnings: []Finding{}, Checks: []Check{}}
	blocks, err := caddyfile.Parse(path, strings.NewReader(string(text)), nil)
	if err != nil {
		r.Errors = append(r.Errors, finding(path, err))
		return r, nil
	}
	if err := dnsserver.Register(); err != nil {
		return nil, err
	}
	base := caddy.NewTestController("dns", "")
	if blocks, err = base.Context().InspectServerBlocks(path, blocks); err != nil {
		r.Errors = append(r.Errors, finding(path, err))
		return r, nil
	}
	r.judge(path, base, blocks, elsewhere)
	return r, nil
}

// others tells whether a server block has plugins that come after this one. What is not of stock CoreDNS may be one.
func others(block caddyfile.ServerBlock) bool {
	before := dnsserver.Directives[:max(0, slices.Index(dnsserver.Directives, "hosts"))]
	for word := range block.Tokens {
		// The two that handle no queries.
		if word != directive && word != "on" && word != "sign" && !slices.Contains(before, word) {
			return true
		}
	}
	return false
}

// judge has each server block judged by itself, so that the mistakes of several are told at once.
func (r *Report) judge(path string, base *caddy.Controller, blocks []caddyfile.ServerBlock, elsewhere bool) {
	read := corefile.ParseHere
	if elsewhere {
		read = corefile.ParseElsewhere
	}
	running := make(definitions)
	var admins []corefile.Admin
	var configs []*corefile.Config
	var state *corefile.StateFile
	for i, block := range blocks {
		tokens := block.Tokens[directive]
		if len(tokens) == 0 {
			continue
		}
		r.Blocks++
		c := *base
		c.Dispenser = caddyfile.NewDispenserTokens(path, tokens)
		c.ServerBlockIndex, c.ServerBlockKeys = i, block.Keys
		if roots := block.Tokens[root]; len(roots) > 1 {
			dnsserver.GetConfig(&c).Root = roots[1].Text
		}
		config, err := read(&c)
		if err != nil {
			r.Errors = append(r.Errors, finding(path, err))
			continue
		}
		if !others(block) {
			if err := config.RefuseOutside(); err != nil {
				r.Errors = append(r.Errors, finding(path, err))
			}
		}
		for _, admin := range config.Admins {
			if err := corefile.AgreeAdmins(admins, admin); err != nil {
				r.Errors = append(r.Errors, finding(path, err))
			}
		}
		admins = append(admins, config.Admins...)
		if err := config.State.Same(state); err != nil {
			r.Errors = append(r.Errors, finding(path, err))
		} else if state == nil {
			state = config.State
		}
		configs = append(configs, config)
		for _, w := range config.Warnings {
			r.Warnings = append(r.Warnings, Finding{File: w.Pos.File, Line: w.Pos.Line, Text: w.Text})
		}
		r.Zones += len(config.Zones)
		for _, zone := range config.Zones {
			r.Sets += len(zone.Sets)
		}
		gather(running, config)
	}
	// What is missing may stand in a block that has an error.
	if len(r.Errors) == 0 {
		for _, agree := range [...]func([]*corefile.Config) error{corefile.AgreeHeartbeats, corefile.AgreeWebhooks} {
			if err := agree(configs); err != nil {
				r.Errors = append(r.Errors, finding(path, err))
			}
		}
	}
	if r.Blocks == 0 {
		r.Warnings = append(r.Warnings, Finding{File: path, Text: "no server block has a stanza of failover"})
	}
	r.count(running)
}

// definitions are what runs, by what defines it.
type definitions map[any]*Check

// gather adds the checks of a server block to those of the process, in which equal ones are one.
func gather(running definitions, config *corefile.Config) {
	for i := range config.Checks {
		c := &config.Checks[i]
		known := running[c.Definition()]
		if known == nil {
			known = &Check{
				Target: c.Probe.Target(), Interval: Duration(c.Timing.Interval), Timeout: Duration(c.Timing.Timeout),
				told: c.Probe.Scheme() == probe.Kubernetes || c.Probe.Scheme() == probe.Heartbeat,
			}
			running[c.Definition()] = known
		}
		for _, name := range c.Names {
			if !slices.Contains(known.Names, name) {
				known.Names = append(known.Names, name)
			}
		}
	}
}

func (r *Report) count(running definitions) {
	for _, c := range running {
		slices.Sort(c.Names)
		r.Checks = append(r.Checks, *c)
	}
	// Sums of fractions depend on their order, and those of a report must not.
	slices.SortFunc(r.Checks, func(a, b Check) int {
		if by := slices.Compare(a.Names, b.Names); by != 0 {
			return by
		}
		if by := strings.Compare(a.Target, b.Target); by != 0 {
			return by
		}
		return int(a.Interval - b.Interval)
	})
	for _, c := range r.Checks {
		if !c.told {
			r.Probes += 1 / c.Interval.Seconds()
		}
	}
}

// place is how errors of CoreDNS begin. What is before the place is the name of who found it.
var place = regexp.MustCompile(`(?s)^(.*?):(\d+) - (?:Error during parsing: )?(.*)$`)

// finding is an error with its place. One that is in an imported file names that.
func finding(path string, err error) Finding {
	text := strings.TrimPrefix(err.Error(), "plugin/"+directive+": ")
	if parts := place.FindStringSubmatch(text); parts != nil {
		line, _ := strconv.Atoi(parts[2])
		return Finding{File: shown(path, parts[1]), Line: line, Text: parts[3]}
	}
	return Finding{File: path, Text: text}
}

// shown gives the name of a file as the user has it. CoreDNS makes the names of imported files absolute.
func shown(path, file string) string {
	if filepath.IsAbs(path) || !filepath.IsAbs(file) {
		return file
	}
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	if relative, err := filepath.Rel(here, file); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return file
}
