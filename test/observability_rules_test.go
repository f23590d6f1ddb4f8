package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAlertRules has promtool run the tests of the rules, and wants each rule to have them.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, observability, "check", "rules", "failover.rules.yml")
	promtool(t, observability, "test", "rules", "failover.rules.test.yml")

	tests := readObservability(t, "failover.rules.test.yml")
	known := knownMetrics(t)
	sections := runbookSections(t)
	rules := alerts(t)
	for alert, rule := range rules {
		checkLabels(t, alert, rule, known)
		for _, part := range []string{
			`(?m)^        labels:\n          severity: (critical|warning)$`,
			`(?m)^          summary: "[^"]+"$`,
			`(?m)^          description: >-$`,
		} {
			if !regexp.MustCompile(part).MatchString(rule) {
				t.Errorf("%s: expected %s in\n%s", alert, part, rule)
			}
		}
		section := regexp.MustCompile(`(?m)^            Runbook: deploy/RUNBOOK\.md#([a-z-]+)$`).FindStringSubmatch(rule)
		if section == nil {
			t.Errorf("%s: expected a line of the description that names a section of the runbook", alert)
		} else if !slices.Contains(sections, section[1]) {
			t.Errorf("%s: expected one of the sections of the runbook, %v, got %s", alert, sections, section[1])
		}
		for what, then := range map[string]string{"fires": `\n          - exp_labels:`, "does not fire": ` \[\]\n`} {
			if !regexp.MustCompile(`alertname: ` + alert + `\n        exp_alerts:` + then).MatchString(tests) {
				t.Errorf("%s: expected a test in which it %s", alert, what)
			}
		}
	}
	if len(rules) < 10 {
		t.Errorf("Expected to find all rules, got %d", len(rules))
	}
}

func readObservability(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(observability, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alerts are the rules' texts by their names.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for part := range strings.SplitSeq(readObservability(t, "failover.rules.yml"), "\n      - alert: ") {
		name, rule, _ := strings.Cut(part, "\n")
		if strings.HasPrefix(name, "#") {
			continue // what stands before the first
		}
		rule, _, _ = strings.Cut(rule, "\n\n")
		if _, twice := found[name]; twice {
			t.Errorf("Expected one rule of the name %s", name)
		}
		found[name] = rule + "\n"
	}
	return found
}

// runbookSections are the anchors of the runbook's headings, as GitHub and others make them.
func runbookSections(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(runbookFile)
	if err != nil {
		t.Fatal(err)
	}
	headings := regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1)
	sections := make([]string, 0, len(headings))
	for _, heading := range headings {
		anchor := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		sections = append(sections, strings.ReplaceAll(anchor, " ", "-"))
	}
	return sections
}
