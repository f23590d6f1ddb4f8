package corefile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/miekg/dns"
)

// parseText parses every server block of a Corefile that has stanzas, as CoreDNS does: the tokens of a block's stanzas
// come in one controller.
func parseText(name, text string) ([]*Config, error) {
	blocks, err := caddyfile.Parse(name, strings.NewReader(text), nil)
	if err != nil {
		return nil, err
	}
	var configs []*Config
	for _, block := range blocks {
		tokens := block.Tokens["failover"]
		if len(tokens) == 0 {
			continue
		}
		c := caddy.NewTestController("dns", "")
		c.Dispenser = caddyfile.NewDispenserTokens(name, tokens)
		c.ServerBlockKeys = block.Keys
		config, err := read(c, tryHere)
		if err != nil {
			return nil, err
		}
		configs = append(configs, config)
	}
	return configs, nil
}

// tryHere is try on a machine where everybody may ping, whatever this one is.
func tryHere(p probe.Spec) error {
	if p.Scheme == probe.ICMP {
		return nil
	}
	return try(p)
}

// corpus returns the files of a folder of testdata, by name without ending.
func corpus(tb testing.TB, folder string) map[string]string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.corefile"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("No files in testdata/%s: %v", folder, err)
	}
	texts := make(map[string]string)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(path), ".corefile")] = string(text)
	}
	return texts
}

// What follows a comment within a word counts again, as README warns: so Caddy reads its files.
func TestACommentWithinAWordEndsWithIt(t *testing.T) {
	configs, err := parseText("Corefile", "example.org {\nfailover {\nstatic a 192.0.2.1#was 192.0.2.2\nstatic b 192.0.2.1 #was 192.0.2.2\n}\n}")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 1} {
		if got := len(configs[0].Zones[0].Sets[i].Records[0].Values(0)); got != want {
			t.Errorf("Got %d values in line %d, want %d", got, i+1, want)
		}
	}
}

// soundConfig checks what holds for every Config.
func soundConfig(tb testing.TB, config *Config) {
	tb.Helper()
	used := make([]bool, len(config.Checks))
	var walk func(e *health.Expression)
	walk = func(e *health.Expression) {
		if e.Kind == health.ExprCheck {
			used[e.Leaf] = true
		}
		if e.Kind != health.ExprAtLeast {
			return
		}
		if !e.Disabled && (e.AtLeast < 1 || e.AtLeast > len(e.Children)) {
			tb.Errorf("An expression wants %d of %d", e.AtLeast, len(e.Children))
		}
		for _, child := range e.Children {
			walk(child)
		}
	}
	for _, index := range config.Canaries {
		used[index] = true
	}
	for _, zone := range config.Zones {
		for _, set := range zone.Sets {
			if set.Zone != zone || !dns.IsSubDomain(zone.Name, set.Name) {
				tb.Errorf("%s is not in its zone %s", set, zone.Name)
			}
			soundSet(tb, set, walk)
		}
	}
	outside := make(map[string]bool)
	for _, o := range config.Outside {
		if outside[o.Name] {
			tb.Errorf("%s is looked up twice", o.Name)
		}
		outside[o.Name] = true
		if o.Leaf == NoLeaf {
			continue
		}
		used[o.Leaf] = true
		if p := config.Checks[o.Leaf].Probe.Spec(); p.Name != o.Name || p.Via != config.Via() {
			tb.Errorf("%s is looked up as %+v", o.Name, p)
		}
	}
	definitions := make(map[health.Definition]bool)
	for i := range config.Checks {
		check := &config.Checks[i]
		definition := check.Definition()
		if err := check.Probe.Spec().Validate(); err != nil {
			tb.Errorf("%s: %v", check.Probe.Target(), err)
		}
		if err := check.Timing.Validate(); err != nil {
			tb.Errorf("%s: %v", check.Probe.Target(), err)
		}
		if !used[i] || definitions[definition] {
			tb.Errorf("%s is unused (%v) or there twice", check.Probe.Target(), !used[i])
		}
		if len(check.Names) == 0 || !slices.IsSorted(check.Names) || len(slices.Compact(slices.Clone(check.Names))) != len(check.Names) {
			tb.Errorf("The names of %s are %q", check.Probe.Target(), check.Names)
		}
		definitions[definition] = true
	}
}

// soundSet checks what holds for every Set, and shows walk its expressions.
func soundSet(tb testing.TB, set *Set, walk func(*health.Expression)) {
	tb.Helper()
	ids := make(map[string]bool)
	for _, record := range set.Records {
		if record.ID == "" || ids[record.ID] {
			tb.Errorf("%s has the id %q twice, or empty", set, record.ID)
		}
		ids[record.ID] = true
		if record.Alias != nil && record.Alias.Check != nil {
			walk(record.Alias.Check)
		}
		if record.Alias != nil && record.Alias.Target == [policy.Families]*Set{} && record.Alias.Outside == nil {
			tb.Errorf("%s has an alias to nothing", set)
		}
		soundValues(tb, set, record)
		for family := range set.Types() {
			checks := record.Checks(family)
			if (len(checks) > 0) != (record.Checked && len(record.Values(family)) > 0) ||
				len(checks) > 0 && len(checks) != len(record.Values(family)) {
				tb.Errorf("%s has %d checks for %d values", set, len(checks), len(record.Values(family)))
			}
			for _, e := range checks {
				walk(e)
			}
		}
	}
	if set.Fixed != nil {
		soundValues(tb, set, set.Fixed)
	}
}

func soundValues(tb testing.TB, set *Set, record *Record) {
	tb.Helper()
	if len(set.Types()) == 1 && len(record.Values(1)) > 0 {
		tb.Errorf("%s has values of a second family", set)
	}
	for family, rrtype := range set.Types() {
		want := dns.RR_Header{Name: set.Name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: set.TTL.Settled}
		for _, rr := range record.Values(family) {
			if header := *rr.Header(); header != want {
				tb.Errorf("Header %v, want %v", header, want)
			}
			if _, err := dns.PackRR(dns.Copy(rr), make([]byte, 70000), 0, nil, false); err != nil {
				tb.Errorf("%v does not pack: %v", rr, err)
			}
		}
	}
}
