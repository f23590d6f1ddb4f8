package test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is as much of Grafana's model as is judged here.
type dashboard struct {
	UID         string
	Title       string
	Panels      []dashboardPanel
	Templating  struct{ List []dashboardVariable }
	Annotations struct{ List []dashboardAnnotation }
}

type dashboardPanel struct {
	ID          int
	Type        string
	Title       string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		Datasource   dashboardSource
		Expr         string
		LegendFormat string
	}
	Panels []dashboardPanel // of a collapsed row
}

type dashboardSource struct{ Type, UID string }

type dashboardVariable struct {
	Name, Type string
	Datasource dashboardSource
	Query      any
}

type dashboardAnnotation struct {
	Name       string
	BuiltIn    int
	Datasource dashboardSource
	Expr       string
}

var (
	variableUsed = regexp.MustCompile(`\$\{?(\w+)\}?`)
	labelValues  = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	labelShown   = regexp.MustCompile(`\{\{(\w+)\}\}`)
	summedBy     = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// builtIn are the variables of Grafana that stand for a time, with one for promtool to see.
var builtIn = map[string]string{"__rate_interval": "5m", "__interval": "1m"}

// TestDashboard looks at what Grafana would say nothing about: it shows an empty panel for a mistake in a name.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text := readObservability(t, "failover.json")
	var d dashboard
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("Expected JSON: %v", err)
	}
	if d.UID == "" || d.Title == "" {
		t.Errorf("Expected a uid, so that links hold, and a title, got %q and %q", d.UID, d.Title)
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	for _, want := range []string{"datasource", "job", "instance", "zone", "check"} {
		if !variables[want] {
			t.Errorf("Expected a variable %s", want)
		}
	}
	known := knownMetrics(t)
	parsed := make(map[string]string)
	used := make(map[string]bool)
	judge := func(what string, source dashboardSource, expr string) {
		if source != (dashboardSource{"prometheus", "${datasource}"}) {
			t.Errorf("%s: expected the data source of the variable, got %+v", what, source)
		}
		used["datasource"] = true
		parsed[what] = variableUsed.ReplaceAllStringFunc(expr, func(use string) string {
			name := variableUsed.FindStringSubmatch(use)[1]
			if value, ok := builtIn[name]; ok {
				return value
			}
			if !variables[name] {
				t.Errorf("%s: expected a variable of the dashboard, got %s", what, name)
			}
			used[name] = true
			return "any"
		})
		checkLabels(t, what, expr, known)
	}

	panels := allPanels(t, d.Panels)
	for _, p := range panels {
		for i, target := range p.Targets {
			what := fmt.Sprintf("%q, query %d", p.Title, i+1)
			judge(what, target.Datasource, target.Expr)
			checkLegend(t, what, target.LegendFormat, target.Expr, known)
		}
	}
	for _, a := range d.Annotations.List {
		if a.BuiltIn == 0 {
			judge("annotation "+a.Name, a.Datasource, a.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		query, _ := v.Query.(map[string]any)
		text, _ := query["query"].(string)
		m := labelValues.FindStringSubmatch(text)
		if m == nil {
			t.Errorf("variable %s: expected label_values(...), got %q", v.Name, text)
			continue
		}
		judge("variable "+v.Name, v.Datasource, fmt.Sprintf("count by (%s) (%s)", m[2], m[1]))
	}
	for name := range variables {
		if !used[name] {
			t.Errorf("Expected the variable %s to be used", name)
		}
	}
	if len(parsed) < 30 {
		t.Errorf("Expected to find all expressions, got %d", len(parsed))
	}
	checkPromQL(t, parsed)
}

// allPanels are the panels and the rows, what is in collapsed rows among them, each with an id and a place of its own.
func allPanels(t *testing.T, top []dashboardPanel) []dashboardPanel {
	t.Helper()
	var panels []dashboardPanel
	for _, p := range top {
		panels = append(append(panels, p), p.Panels...)
	}
	for i, p := range panels {
		if p.Title == "" || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d, %q: expected a title, a description and a query", p.ID, p.Title)
		}
		if g := p.GridPos; g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%q: expected it to lie within the 24 columns, got %+v", p.Title, g)
		}
		for _, q := range panels[:i] {
			if p.ID == q.ID {
				t.Errorf("%q and %q: expected an id for each, got %d for both", p.Title, q.Title, p.ID)
			}
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q and %q: expected a place for each", p.Title, q.Title)
			}
		}
	}
	return panels
}

// checkLegend wants the labels that a legend shows to be there: those that the query sums by, or else the metrics' own.
func checkLegend(t *testing.T, what, legend, expr string, known map[string]metric) {
	t.Helper()
	var there []string
	if by := summedBy.FindAllStringSubmatch(expr, -1); by != nil {
		for _, m := range by {
			there = append(there, inOrder(strings.Split(m[1], ","))...)
		}
	} else {
		there = slices.Clone(scraped)
		for _, m := range metricUsed.FindAllStringSubmatch(expr, -1) {
			there = append(there, known[m[1]].labels...)
		}
	}
	for _, l := range labelShown.FindAllStringSubmatch(legend, -1) {
		if !slices.Contains(there, l[1]) {
			t.Errorf("%s: the legend shows %s, which the result does not have", what, l[1])
		}
	}
}
