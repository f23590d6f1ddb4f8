package health

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"pgregory.net/rapid"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name, target string
		want                  bool
	}{
		{"web", "web", "http://192.0.2.1:80/", true},
		{"web", "web2", "http://192.0.2.1:80/", false},
		{"web", "", "", false},
		{"we?", "web", "", true},
		{"we?", "we", "", false},
		{"*", "web", "http://192.0.2.1:80/", true},
		{"w*b", "web", "", true},
		{"w*b*", "wbxb", "", true},
		{"*b", "web2", "", false},
		{"web@http://192.0.2.1:80/", "web", "http://192.0.2.1:80/", true},
		{"web@http://192.0.2.1:80/", "web", "http://192.0.2.10:80/", false},
		{"web@*192.0.2.1:*", "web", "http://192.0.2.1:80/", true},
		{"*@*192.0.2.1:*", "api", "http://192.0.2.1:80/", true},
		{"web@http://192.0.2.1:80/?a=1", "web", "http://192.0.2.1:80/?a=1", true},
		{"web@*", "both", "", false},
		{"both@*", "both", "", true},
		{"both@", "both", "", true},
		{"web@", "web", "http://192.0.2.1:80/", false},
		{"web@a@b", "web", "a@b", true},
		{"a*a*a*a*a*a*a*a*b", strings.Repeat("a", 64), "", false},
	} {
		if got := Pattern(c.pattern).Match(c.name, c.target); got != c.want {
			t.Errorf("%s of %s@%s: %t, want %t", c.pattern, c.name, c.target, got, c.want)
		}
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "the pattern is empty",
		"@http://192.0.2.1/":       `the pattern "@http://192.0.2.1/" has no name before the @`,
		"web\n":                    `the pattern "web\n" has what cannot be printed`,
		"web\xff":                  `the pattern "web\xff" has what cannot be printed`,
		strings.Repeat("web", 200): `the pattern "webwebwebwebwebw"... is longer than 512 octets`,
	} {
		if _, err := ParsePattern(text); err == nil || err.Error() != want {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
	if p, err := ParsePattern("all@exec /bin/x -a *"); err != nil || p != "all@exec /bin/x -a *" {
		t.Errorf("%q, %v", p, err)
	}
}

func TestTheLastManualStateCounts(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	all := Manuals{
		{ID: 1, Checks: "*", State: Unhealthy, Until: at.Add(time.Hour)},
		{ID: 2, Checks: "web@*192.0.2.1*", State: Healthy, Until: at.Add(time.Minute)},
		{ID: 3, Checks: "api", State: Unhealthy},
	}
	of := func(m Manuals, name, target string) uint64 {
		if found := m.Of([]string{"other", name}, target); found != nil {
			return found.ID
		}
		return 0
	}
	if of(all, "web", "tcp://192.0.2.1:80") != 2 || of(all, "web", "tcp://192.0.2.2:80") != 1 || of(all, "api", "") != 3 {
		t.Error("Another one counts")
	}
	if named := all.Named([]string{"web"}); len(named) != 2 || named[1].ID != 2 {
		t.Errorf("Of web: %+v", named)
	}
	if wake := all.Wake(); !wake.Equal(at.Add(time.Minute)) {
		t.Errorf("The first expires at %s", wake)
	}
	kept, expired := all.Expire(at.Add(time.Minute))
	if len(kept) != 2 || len(expired) != 1 || expired[0].ID != 2 || of(kept, "web", "tcp://192.0.2.1:80") != 1 {
		t.Errorf("Expired %+v, kept %+v", expired, kept)
	}
	if kept, _ = kept.Expire(at.Add(time.Hour)); len(kept) != 1 || !kept.Wake().IsZero() || of(kept, "web", "") != 0 {
		t.Errorf("Kept %+v", kept)
	}
}

// tree draws an expression with states of some leaves beneath it. Each node has a leaf of its own.
func tree(t *rapid.T, depth int, leaves *int) *Expression {
	e := &Expression{
		Leaf: int32(*leaves), Invert: rapid.Bool().Draw(t, "invert"), Disabled: rapid.IntRange(0, 5).Draw(t, "disabled") == 0,
	}
	*leaves++
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		e.Kind = rapid.SampledFrom([]ExpressionKind{ExprCheck, ExprManual}).Draw(t, "kind")
		return e
	}
	e.Kind, e.Combination = ExprAtLeast, new(Combination)
	for range rapid.IntRange(1, 3).Draw(t, "children") {
		e.Children = append(e.Children, tree(t, depth-1, leaves))
	}
	e.AtLeast = rapid.IntRange(1, len(e.Children)).Draw(t, "at least")
	return e
}

// TestH15_AManualStateWinsOverAllElse is the law (h) for what combines checks too: without its manual state everything
// is as if there had been none.
func TestH15_AManualStateWinsOverAllElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := 0
		e := tree(t, 3, &leaves)
		all := make([]Status, leaves)
		for i := range all {
			all[i].State = rapid.SampledFrom([]State{Unknown, Healthy, Unhealthy}).Draw(t, "state")
			all[i].Streak = rapid.Bool().Draw(t, "streak")
		}
		status := func(leaf int) Status { return all[leaf] }
		before := e.Evaluate(status)

		forced := rapid.IntRange(0, leaves-1).Draw(t, "forced")
		all[forced].Manual = rapid.SampledFrom([]State{Healthy, Unhealthy}).Draw(t, "manual")
		with := e.Evaluate(status)
		if want := (Verdict{Healthy: all[forced].Manual == Healthy, Known: true}); forced == int(e.Leaf) && with != want {
			t.Fatalf("%+v with a manual state of its own, want %+v", with, want)
		}
		all[forced].Manual = Unknown
		if after := e.Evaluate(status); after != before {
			t.Fatalf("Afterwards %+v, before %+v", after, before)
		}
	})
}

func TestH15_TheRealCheckGoesOnBeneath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pass)
		r := w.registry(Options{})
		web := check("192.0.2.1")
		l := acquire(t, r, web, check("192.0.2.2"))
		other := acquire(t, r, web)
		time.Sleep(time.Minute)
		l.Drain()
		real := l.Status(0)

		l.Force(map[int]State{0: Unhealthy, 5: Healthy})
		<-l.Changes()
		if got := l.Drain(); !slices.Contains(got, 0) || !slices.Contains(got, 5) || len(got) != 2 {
			t.Errorf("Changed: %v", got)
		}
		s := l.Status(0)
		if s.Manual != Unhealthy || s.State != Healthy {
			t.Errorf("Forced: %+v", s)
		}
		if s := l.Status(5); s != (Status{Manual: Healthy}) {
			t.Errorf("Beyond the checks: %+v", s)
		}
		if s := other.Status(0); s.Manual != Unknown {
			t.Errorf("Another lease: %+v", s)
		}
		w.mu.Lock()
		w.answer = func(ctx context.Context, p probe.Spec, n int) probe.Result { return fail(ctx, p, n) }
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if s := l.Status(0); s.Manual != Unhealthy || s.State != Unhealthy {
			t.Errorf("It fails beneath: %+v", s)
		}
		w.mu.Lock()
		w.answer = pass
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		l.Drain()

		l.Force(map[int]State{1: Healthy})
		if got := l.Drain(); !slices.Contains(got, 0) || !slices.Contains(got, 1) || !slices.Contains(got, 5) || len(got) != 3 {
			t.Errorf("Changed: %v", got)
		}
		l.Force(map[int]State{1: Healthy})
		if got := l.Drain(); len(got) != 0 {
			t.Errorf("The same again changed %v", got)
		}
		l.Force(nil)
		s = l.Status(0)
		if s.Since = real.Since; s != real {
			t.Errorf("Afterwards %+v, want %+v", s, real)
		}
		l.Release()
		other.Release()
		r.Wait()
	})
}
