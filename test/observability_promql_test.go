package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const observability = "../deploy/observability"

// promtool runs Prometheus's own judge of rules in a folder.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool", "prometheus"), args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
	}
}

// checkPromQL has promtool parse expressions, given by what they are of. It takes them for rules, so that there is no
// need for a parser here.
func checkPromQL(t *testing.T, expressions map[string]string) {
	t.Helper()
	type rule struct {
		Record string            `json:"record"`
		Expr   string            `json:"expr"`
		Labels map[string]string `json:"labels"`
	}
	rules := make([]rule, 0, len(expressions))
	for what, expr := range expressions {
		rules = append(rules, rule{fmt.Sprintf("of:number_%d", len(rules)), expr, map[string]string{"of": what}})
	}
	file := map[string]any{"groups": []any{map[string]any{"name": "expressions", "rules": rules}}}
	text, err := json.MarshalIndent(file, "", " ") // which is YAML
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, "check", "rules", "rules.yml")
	if t.Failed() {
		t.Logf("The expressions were:\n%s", text)
	}
}

var (
	metricUsed   = regexp.MustCompile(`\b` + metricPrefix + `(\w+)(?:\{([^}]*)\})?`)
	matcherUsed  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"`)
	groupingUsed = regexp.MustCompile(`\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
)

// scraped are the labels that every series has by its target.
var scraped = []string{"job", "instance"}

// checkLabels wants the metrics of an expression to be known, and no label in it that they do not have.
func checkLabels(t *testing.T, what, expr string, known map[string]metric) {
	t.Helper()
	all := slices.Clone(scraped)
	for _, use := range metricUsed.FindAllStringSubmatch(expr, -1) {
		name := documentedName(use[1], known)
		m, ok := known[name]
		if !ok {
			t.Errorf("%s: expected %s%s to be in the README", what, metricPrefix, use[1])
			continue
		}
		labels := slices.Concat(m.labels, scraped)
		if m.kind == "histogram" && strings.HasSuffix(use[1], "_bucket") {
			labels = append(labels, "le")
		} else if m.kind == "histogram" && name == use[1] {
			t.Errorf("%s: %s%s is a histogram: expected its buckets, sum or count", what, metricPrefix, name)
		}
		for _, l := range matcherUsed.FindAllStringSubmatch(use[2], -1) {
			if !slices.Contains(labels, l[1]) {
				t.Errorf("%s: %s%s has no label %s", what, metricPrefix, name, l[1])
			}
		}
		all = append(all, labels...)
	}
	for _, group := range groupingUsed.FindAllStringSubmatch(expr, -1) {
		for _, l := range inOrder(strings.Split(group[1], ",")) {
			if !slices.Contains(all, l) {
				t.Errorf("%s: no metric in it has a label %s", what, l)
			}
		}
	}
}
