package test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// keeping is a Corefile whose state is kept. The checks are slow: after a restart they tell nothing new for long.
func keeping(dead, live *harness.Endpoint, more ...string) string {
	return harness.Zone(fmt.Sprintf(`
		state state.json
		check *    interval 5s timeout 2s fast 100ms fall 2 rise 2
		check dead %s header Authorization "Bearer canary-in-header" method POST body "canary-in-body"
		check live %s?canary-in-query
		primary   www 192.0.2.1 check dead
		secondary www 198.51.100.1
		primary   api 192.0.2.2 check live
		secondary api 198.51.100.2
		set www failback manual
		%s`, dead.URL(), live.URL(), strings.Join(more, "\n")), "ready 127.0.0.1:@READY@", "reload 2s")
}

func stateText(t *testing.T, s *harness.Server) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// forge changes a state file while the server is down, as nobody should.
func forge(t *testing.T, s *harness.Server, change func(string) string) {
	t.Helper()
	body, _, ok := strings.Cut(change(stateText(t, s)), `"crc32c"`)
	if !ok {
		t.Fatal("The state file has no checksum")
	}
	sum := crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli))
	s.Write(t, "state.json", fmt.Sprintf("%s\"crc32c\": \"%08x\"\n}\n", body, sum))
}

// byHand adds a manual state to a state file.
func byHand(checks, state string, until time.Time) func(string) string {
	m := fmt.Sprintf(`{"id":7,"checks":%q,"state":%q,"reason":"maintenance","author":"ops","since":"2020-01-01T00:00:00Z"`,
		checks, state)
	if !until.IsZero() {
		m += fmt.Sprintf(`,"until":%q`, until.Format(time.RFC3339Nano))
	}
	return func(text string) string {
		text = strings.Replace(text, `"last_manual": 0`, `"last_manual": 9`, 1)
		return strings.Replace(text, "\"manual\": [\n]", "\"manual\": [\n"+m+",\"matches\":0}\n]", 1)
	}
}

// TestO02_HealthSurvivesARestart compares the first answers after a restart with the last ones before it. Nothing is
// probed in between.
func TestO02_HealthSurvivesARestart(t *testing.T) {
	t.Parallel()
	dead, live := harness.Serve(t), harness.Serve(t)
	dead.Set(harness.Fail)
	s := harness.Start(t, keeping(dead, live))
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	serial := s.Serial(t, "example.org.")
	if info, err := os.Stat(filepath.Join(s.Dir, "state.json")); err != nil || info.Mode() != 0o600 {
		t.Errorf("Expected a file for the owner only, got %v (%v)", info, err)
	}
	known := func(when string) {
		t.Helper()
		if got := s.A(t, "www"); got != "198.51.100.1" {
			t.Errorf("%s: expected the answer of before, got %q", when, got)
		}
		if code, body, err := s.Get(t, "@READY@", "/ready"); err != nil || code != 200 {
			t.Errorf("%s: expected to be ready at once, got %d %s (%v)", when, code, body, err)
		}
		if got := s.Log.Lines("tells the state of 2 checks that are to be run (of 2)"); len(got) != 1 {
			t.Errorf("%s: expected one line about what was found:\n%s", when, s.Log)
		}
		next := s.Serial(t, "example.org.")
		if int32(next-serial) <= 0 {
			t.Errorf("%s: the serial went from %d to %d", when, serial, next)
		}
		serial = next
	}
	s.Restart(t)
	known("SIGTERM")
	text := stateText(t, s)
	if !json.Valid([]byte(text)) {
		t.Errorf("The state file is no JSON:\n%s", text)
	}
	if strings.Contains(text, "canary-in") {
		t.Errorf("The state file tells secrets:\n%s", text)
	}

	harness.Eventually(t, 10*time.Second, "the states to be written", func() bool {
		return strings.Count(stateText(t, s), `"state":"`) == 2
	})
	s.Kill()
	s.Again(t)
	known("SIGKILL")

	// The target is well again, but the set stays where it is until it is told.
	dead.Set(harness.OK)
	harness.Eventually(t, 15*time.Second, "the check to recover", func() bool {
		return s.Log.Count("is healthy, was unhealthy") == 1
	})
	s.Restart(t)
	known("a set that is held")

	// What was asked of the old one says nothing of another target.
	s.Stop(t)
	s.Write(t, "Corefile", s.Expand(t, strings.Replace(keeping(dead, live), "canary-in-body", "other", 1)))
	s.Again(t)
	if got := s.Log.Lines("tells the state of 1 checks that are to be run (of 2)"); len(got) != 1 {
		t.Errorf("Expected one check to be known:\n%s", s.Log)
	}
	harness.Eventually(t, 5*time.Second, "the new check to be probed", func() bool {
		return s.Log.Count("is healthy, was unknown") == 1
	})
}

// TestH15_O02_ManualStatesSurvive has a manual state live through a reload, a restart and a crash, and end on time.
func TestH15_O02_ManualStatesSurvive(t *testing.T) {
	t.Parallel()
	dead, live := harness.Serve(t), harness.Serve(t)
	corefile := keeping(dead, live, "static x 192.0.2.9")
	s := harness.Start(t, corefile)
	s.AwaitA(t, harness.Soon, "api", "192.0.2.2")
	s.Stop(t)
	forge(t, s, byHand("live", "unhealthy", time.Time{}))
	s.Again(t)
	forced := func(when, want string) {
		t.Helper()
		if got := s.A(t, "api"); got != want {
			t.Errorf("%s: expected %s, got %q", when, want, got)
		}
	}
	forced("at the start", "198.51.100.2")
	s.SignalReload(t, s.Expand(t, strings.Replace(corefile, "192.0.2.9", "192.0.2.8", 1)), false)
	s.AwaitA(t, harness.Soon, "x", "192.0.2.8")
	forced("after a reload", "198.51.100.2")
	s.Restart(t)
	forced("after a restart", "198.51.100.2")
	s.Kill()
	s.Again(t)
	forced("after a crash", "198.51.100.2")
	s.Stop(t)
	if text := stateText(t, s); !strings.Contains(text, `"last_manual": 9`) || !strings.Contains(text, `"id":7,`) {
		t.Errorf("Expected the ids to be kept:\n%s", text)
	}

	forge(t, s, func(text string) string {
		return strings.Replace(text, `"matches":0`, fmt.Sprintf(`"until":%q,"matches":0`,
			time.Now().Add(4*time.Second).Format(time.RFC3339Nano)), 1)
	})
	s.Again(t)
	forced("before its end", "198.51.100.2")
	s.AwaitA(t, 10*time.Second, "api", "192.0.2.2")
	s.Stop(t)
	if text := stateText(t, s); strings.Contains(text, `"id":7,`) {
		t.Errorf("Expected what has ended to be gone:\n%s", text)
	}

	forge(t, s, byHandAgain("live", "unhealthy", time.Now().Add(-time.Millisecond)))
	s.Again(t)
	forced("what ended while the server was down", "192.0.2.2")
}

// byHandAgain is byHand for a file that knows of manual states.
func byHandAgain(checks, state string, until time.Time) func(string) string {
	return func(text string) string {
		return byHand(checks, state, until)(strings.Replace(text, `"last_manual": 9`, `"last_manual": 0`, 1))
	}
}

// TestO02_DamagedFiles starts with all kinds of files that are no state file.
func TestO02_DamagedFiles(t *testing.T) {
	t.Parallel()
	dead, live := harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, keeping(dead, live))
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	s.Stop(t)
	good := stateText(t, s)
	version := regexp.MustCompile(`"version": \d+`)
	for what, text := range map[string]string{
		"nothing in it":     "",
		"the first half":    good[:len(good)/2],
		"one letter less":   good[:len(good)-1],
		"another letter":    strings.Replace(good, "healthy", "healthz", 1),
		"more at the end":   good + "\n",
		"no JSON":           "primary www 192.0.2.1\n",
		"a later version":   version.ReplaceAllString(good, `"version": 99`),
		"a word is unknown": strings.Replace(good, `"final"`, `"finale"`, 1),
	} {
		s.Write(t, "state.json", text)
		s.Again(t)
		if got := s.Log.Lines("is damaged, so this server starts without"); len(got) != 1 {
			t.Errorf("%s: expected one line, got %q", what, got)
		}
		if got := s.A(t, "www"); got != "192.0.2.1" {
			t.Errorf("%s: got %q", what, got)
		}
		aside, err := os.ReadFile(filepath.Join(s.Dir, "state.json.damaged"))
		if err != nil || string(aside) != text {
			t.Errorf("%s: expected it to be set aside: %v", what, err)
		}
		s.Stop(t)
		if text := stateText(t, s); !strings.HasSuffix(text, "}\n") {
			t.Errorf("%s: expected a new file, got %q", what, text)
		}
	}
	s.Write(t, "state.json", good)
	s.Write(t, ".state.json4711", "left by a process that was killed")
	s.Again(t)
	if _, err := os.Stat(filepath.Join(s.Dir, ".state.json4711")); err == nil {
		t.Error("Expected leftovers to be removed")
	}
}
