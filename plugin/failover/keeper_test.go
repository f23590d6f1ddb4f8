package failover

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/state"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// amnesia has the process forget what no generation owns, as a restart does.
func amnesia(t *testing.T) {
	t.Helper()
	manuals.mu.Lock()
	defer manuals.mu.Unlock()
	manuals.states, manuals.lastID = nil, 0
}

// keptIn is a stanza whose state is kept in a folder.
func keptIn(path string) string { return strings.Replace(byName, "{", "{\nstate "+path, 1) }

func savedIn(t *testing.T, path string) *state.Saved {
	t.Helper()
	saved, err := state.Load(path)
	if err != nil || saved == nil {
		t.Fatalf("No state: %v, %v", saved, err)
	}
	return saved
}

func TestH15_O02_StateIsThatOfBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	config, elsewhere := parsed(t, keptIn(path)), parsed(t, keptIn(path+"2"))
	synctest.Test(t, func(t *testing.T) {
		defer amnesia(t)
		amnesia(t)
		fake := pretend(t)
		fake.outcome.Store(int32(probe.Fail))
		g, f := generated(config)
		mustStart(t, g)
		fx := &fixture{t: t, f: f}
		time.Sleep(time.Minute)
		synctest.Wait()
		fx.want("www.example.org.", dns.TypeA, "192.0.2.2")
		if got := savedIn(t, path); len(got.Checks) != 2 || got.Final {
			t.Errorf("Got %+v", got)
		}
		// What is done by hand is there within the second.
		idle := byHand(t, "off", health.Unhealthy, time.Now().Add(20*time.Second))
		gate := byHand(t, "gate", health.Unhealthy, time.Time{})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := savedIn(t, path); len(got.Manual) != 2 || got.LastManual != gate.ID || got.Manual[0].Checks != "off" {
			t.Errorf("Got %+v", got.Header)
		}
		g.running.release()
		if got := savedIn(t, path); !got.Final || len(got.Checks) != 2 || len(got.Serials) == 0 {
			t.Errorf("At the end: %+v", got)
		}
		if keeper.saver.Load() != nil || stateTrouble() != "" {
			t.Error("The keeper has not ended")
		}

		time.Sleep(30 * time.Second)
		_, seq := events.after(0)
		amnesia(t)
		pretend(t).outcome.Store(int32(probe.Fail))
		g, f = generated(config)
		mustStart(t, g)
		fx = &fixture{t: t, f: f}
		fx.want("www.example.org.", dns.TypeA, "192.0.2.2")
		fx.want("idle.example.org.", dns.TypeA, "192.0.2.7") // its time is over
		fx.want("back.example.org.", dns.TypeA, "192.0.2.5") // the gate is closed by hand
		if !f.Ready() {
			t.Error("Not ready, though all is known")
		}
		if got := manuals.list(); len(got) != 1 || got[0].ID != gate.ID || !got[0].Since.Equal(gate.Since) {
			t.Errorf("Manual states %+v, want %+v", got, gate)
		}
		if got := since(seq); len(got) != 1 || got[0] != api.EventRestored {
			t.Errorf("Events %v, want the end of %d only", got, idle.ID)
		}
		if next := byHand(t, "off", health.Unhealthy, time.Time{}); next.ID != gate.ID+1 {
			t.Errorf("The next id is %d, want %d", next.ID, gate.ID+1)
		}

		// A reload with another file: it is written, the old one is not any more, and nothing is read from it.
		synctest.Wait()
		stale := savedIn(t, path).Saved
		g2, _ := generated(elsewhere)
		mustStart(t, g2)
		g.running.release()
		manuals.end("ops", func(m *health.Manual) bool { return m.ID == gate.ID })
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := savedIn(t, path+"2"); len(got.Checks) != 2 || len(got.Manual) != 1 || time.Since(got.Saved) > time.Minute {
			t.Errorf("The new file: %+v", got.Header)
		}
		if got := savedIn(t, path).Saved; got.Sub(stale) > time.Second {
			t.Errorf("The old file was written %s after the reload", got.Sub(stale))
		}
		g3, f3 := generated(config)
		mustStart(t, g3)
		g2.running.release()
		(&fixture{t: t, f: f3}).want("back.example.org.", dns.TypeA, "192.0.2.6")
		if got := manuals.list(); len(got) != 1 {
			t.Errorf("An old file has brought back manual states: %+v", got)
		}
		g3.running.release()

		// Long after, nothing is known any more, but manual states are.
		time.Sleep(time.Hour)
		amnesia(t)
		pretend(t)
		g, f = generated(config)
		mustStart(t, g)
		(&fixture{t: t, f: f}).want("www.example.org.", dns.TypeA, "192.0.2.1")
		if len(manuals.list()) != 1 {
			t.Errorf("Manual states %+v", manuals.list())
		}
		g.running.release()
		checks.Wait()
	})
}

func TestO02_ReadTroubleStopsNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	config := parsed(t, keptIn(path))
	if err := os.Mkdir(path, 0o700); err != nil { // since it was loaded
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		pretend(t)
		g, f := generated(config)
		mustStart(t, g)
		time.Sleep(time.Minute)
		synctest.Wait()
		(&fixture{t: t, f: f}).want("www.example.org.", dns.TypeA, "192.0.2.1")
		if got := stateTrouble(); !strings.Contains(got, "cannot be written since") || !strings.Contains(got, "nothing of this") {
			t.Errorf("Trouble: %q", got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := stateTrouble(); got != "" {
			t.Errorf("Trouble: %q", got)
		}
		g.running.release()
		checks.Wait()
	})
}

func TestTwoStateFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	c := caddy.NewTestController("dns", "failover {\n state "+dir+"/a\n}")
	c.ServerBlockKeys = []string{"example.org."}
	if err := setup(c); err != nil {
		t.Fatal(err)
	}
	for file, wrong := range map[string]bool{"b": true, "a": false, "./a": false} {
		c.Dispenser = caddy.NewTestController("dns", "failover {\n static x 192.0.2.1\n state "+dir+"/"+file+"\n}").Dispenser
		err := setup(c)
		if got := err != nil && strings.Contains(err.Error(), ":3 - there is one state file") &&
			strings.Contains(err.Error(), "/a on line 2"); got != wrong || !wrong && err != nil {
			t.Errorf("%s: got %v", file, err)
		}
	}
}

// Secrets are in what is hashed, and in nothing else.
func TestO02_IdentitiesTellNoSecrets(t *testing.T) {
	ids := newIdentities()
	base := probe.Spec{Scheme: probe.HTTP, Host: "192.0.2.1", Port: 80, Path: "/?token=secret", Headers: "X: secret\n", Body: "secret"}
	seen := map[string]bool{}
	for _, change := range []func(*probe.Spec){
		func(*probe.Spec) {},
		func(s *probe.Spec) { s.Body = "other secret" },
		func(s *probe.Spec) { s.Headers = "X: other secret\n" },
		func(s *probe.Spec) { s.Path = "/?token=other" },
		func(s *probe.Spec) { s.Follow = true },
		func(s *probe.Spec) { s.Headers, s.Body = s.Body, s.Headers },
	} {
		s := base
		change(&s)
		c := ids.check(&corefile.Check{Probe: s.ID(), Traits: &corefile.Traits{}}, health.Record{})
		if seen[c.Definition] {
			t.Errorf("%+v is taken for another", s)
		}
		seen[c.Definition] = true
		if text := fmt.Sprint(c); strings.Contains(text, "secret") || strings.Contains(text, "token") {
			t.Errorf("%s tells secrets", text)
		}
	}
	moved := base
	moved.Host, moved.Port = "192.0.2.2", 81
	if !seen[ids.definition(moved.ID())] {
		t.Error("The endpoint is hashed too; there would be as many hashes as checks")
	}
}

// BenchmarkSave is what it takes to write the state of a hundred thousand checks, without the disk.
func BenchmarkSave(b *testing.B) {
	const n = 100_000
	var text bytes.Buffer
	text.WriteString("failover {\ncheck web http://:80/healthz interval 1h\n")
	for i := range n {
		fmt.Fprintf(&text, "answer n%d 10.%d.%d.%d check web\n", i, i>>16, i>>8&255, i&255)
	}
	text.WriteString("}")
	config := load(b, text.String()).f.config
	genuine := checks
	defer func() { checks = genuine }()
	checks = health.NewRegistry(health.Options{NewProber: func(probe.Spec) (probe.Prober, error) { return fakeProber{}, nil }})
	known, now := make(map[health.Definition]health.Record), time.Now()
	for i := range config.Checks {
		known[config.Checks[i].Definition()] = health.Record{State: health.Healthy, Since: now, Probed: now,
			Result: probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK, Detail: "status 200"}}
	}
	checks.Restore(known)
	g, _ := generated(config)
	if err := g.start(); err != nil {
		b.Fatal(err)
	}
	checks.Restore(nil)
	defer g.running.release()
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text.Reset()
			if err := state.Write(&text, content(false)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(text.Len())/n, "octets/check")
	})
	b.Run("disk", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "state.json")
		for b.Loop() {
			if err := state.Replace(path, func(w io.Writer) error { return state.Write(w, content(false)) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			saved, err := state.Read(text.Bytes())
			if err != nil {
				b.Fatal(err)
			}
			if got := records(saved.Checks, g.blocks, time.Now()); len(got) != n {
				b.Fatalf("%d records", len(got))
			}
		}
	})
}

// What changes no answer is kept as soon as what does.
func TestH15_O02_WrittenThoughNoAnswerChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	config := parsed(t, "failover {\nstate "+path+"\ncheck far tcp://192.0.2.9:80 interval 20s fast 1s\ncanary far\nstatic x 192.0.2.1\n}")
	synctest.Test(t, func(t *testing.T) {
		defer amnesia(t)
		fake := pretend(t)
		g, _ := generated(config)
		mustStart(t, g)
		time.Sleep(5 * time.Second)
		fake.outcome.Store(int32(probe.Fail))
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if got := savedIn(t, path); len(got.Checks) != 1 || got.Checks[0].State != api.Unhealthy {
			t.Errorf("Got %+v", got.Checks)
		}
		byHand(t, "nobody", health.Unhealthy, time.Time{})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := savedIn(t, path); len(got.Manual) != 1 {
			t.Errorf("Got %+v", got.Manual)
		}
		g.running.release()
		checks.Wait()
	})
}
