package health

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func leaf(i int) *Expression { return &Expression{Kind: ExprCheck, Leaf: int32(i)} }

func atLeast(n int, children ...*Expression) *Expression {
	return &Expression{Kind: ExprAtLeast, Leaf: Unnamed, Combination: &Combination{AtLeast: n, Children: children}}
}

func inverted(e *Expression) *Expression {
	c := *e
	c.Invert = !c.Invert
	return &c
}

func disabled(e *Expression) *Expression {
	c := *e
	c.Disabled = true
	return &c
}

// states writes leaves as letters: h, u and ? for unknown; upper case with an open streak.
func states(text string) func(int) Status {
	return func(i int) Status {
		s := Status{Streak: text[i] >= 'A' && text[i] <= 'Z'}
		switch strings.ToLower(text[i : i+1]) {
		case "h":
			s.State = Healthy
		case "u":
			s.State = Unhealthy
		}
		return s
	}
}

func TestC01_CombinedChecks(t *testing.T) {
	all := atLeast(3, leaf(0), leaf(1), leaf(2))
	two := atLeast(2, leaf(0), leaf(1), leaf(2))
	either := atLeast(1, leaf(0), leaf(1), leaf(2))
	not := inverted(atLeast(1, leaf(0)))
	nested := atLeast(1, atLeast(2, leaf(0), leaf(1)), inverted(atLeast(1, leaf(2))))
	for _, c := range []struct {
		name    string
		e       *Expression
		states  string
		healthy bool
	}{
		{"all", all, "hhh", true},
		{"all", all, "huh", false},
		{"all", all, "h?h", true},
		{"at least 2", two, "huh", true},
		{"at least 2", two, "uuh", false},
		{"any", either, "uuh", true},
		{"any", either, "uuu", false},
		{"not", not, "h", false},
		{"not", not, "u", true},
		{"nested", nested, "hhh", true},
		{"nested", nested, "huh", false},
		{"nested", nested, "huu", true},
		{"manual", &Expression{Kind: ExprManual, Leaf: Unnamed}, "", true},
		{"not manual", inverted(&Expression{Kind: ExprManual, Leaf: Unnamed}), "", false},
	} {
		if got := c.e.Evaluate(states(c.states)).Healthy; got != c.healthy {
			t.Errorf("%s of %s: healthy %t, want %t", c.name, c.states, got, c.healthy)
		}
	}
}

// TestC01_OrderOfChildrenIsIrrelevant also holds that a leaf that recovers never makes the whole worse.
func TestC01_OrderOfChildrenIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOfN(rapid.SampledFrom([]byte("huHU?")), 1, 8).Draw(t, "states")
		children := make([]*Expression, len(letters))
		for i := range children {
			children[i] = leaf(i)
		}
		n := rapid.IntRange(1, len(children)).Draw(t, "n")
		shuffled := rapid.Permutation(children).Draw(t, "shuffled")
		before := atLeast(n, children...).Evaluate(states(string(letters)))
		if after := atLeast(n, shuffled...).Evaluate(states(string(letters))); after != before {
			t.Fatalf("Shuffled: %+v, want %+v", after, before)
		}
		letters[rapid.IntRange(0, len(letters)-1).Draw(t, "which")] = 'h'
		if after := atLeast(n, children...).Evaluate(states(string(letters))); before.Healthy && !after.Healthy {
			t.Fatalf("%s: a recovered leaf made it unhealthy", letters)
		}
	})
}

func TestC02_DisabledChildCountsAsHealthy(t *testing.T) {
	e := atLeast(2, leaf(0), disabled(leaf(1)))
	if v := e.Evaluate(states("hu")); !v.Healthy || !v.Settled || !v.Known {
		t.Errorf("Got %+v", v)
	}
	if v := e.Evaluate(states("uu")); v.Healthy {
		t.Errorf("Got %+v", v)
	}
}

func TestH01_UnknownCountsAsHealthy(t *testing.T) {
	if v := leaf(0).Evaluate(states("?")); !v.Healthy || v.Known || v.Settled {
		t.Errorf("Got %+v", v)
	}
	if v := inverted(leaf(0)).Evaluate(states("?")); v.Healthy || v.Known || v.Settled {
		t.Errorf("Inverted: got %+v", v)
	}
}

func TestH10_InvertAndDisabled(t *testing.T) {
	for _, c := range []struct {
		name   string
		e      *Expression
		states string
		want   Verdict
	}{
		{"healthy", leaf(0), "h", Verdict{Healthy: true, Settled: true, Known: true}},
		{"healthy with streak", leaf(0), "H", Verdict{Healthy: true, Known: true}},
		{"unhealthy", leaf(0), "u", Verdict{Known: true}},
		{"inverted healthy", inverted(leaf(0)), "h", Verdict{Known: true}},
		{"inverted unhealthy", inverted(leaf(0)), "u", Verdict{Healthy: true, Settled: true, Known: true}},
		{"inverted unhealthy with streak", inverted(leaf(0)), "U", Verdict{Healthy: true, Known: true}},
		{"inverted twice", inverted(atLeast(1, inverted(leaf(0)))), "h", Verdict{Healthy: true, Settled: true, Known: true}},
		{"disabled", disabled(leaf(0)), "u", Verdict{Healthy: true, Settled: true, Known: true}},
		{"disabled and inverted", disabled(inverted(leaf(0))), "h", Verdict{Settled: true, Known: true}},
	} {
		if got := c.e.Evaluate(states(c.states)); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
