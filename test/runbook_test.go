package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestRunbook follows deploy/RUNBOOK.md from its first line to its last, as somebody at a terminal would: it starts the
// server of its Corefile, runs each command in its order, and compares what they say with what stands there. Comments
// such as <!-- test: kill web-primary -->, which readers do not see, say how the world changes in between.
//
// With RUNBOOK_UPDATE=1 what they say is written into the file. Outputs with a line "..." stay as they are where they fit.
func TestRunbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(runbookFile)
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	update := os.Getenv("RUNBOOK_UPDATE") != ""
	var out []string
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out = append(out, line)
		if step, is := strings.CutPrefix(line, "<!-- test: "); is {
			r.line = i + 1
			r.step(t, strings.TrimSuffix(step, " -->"))
			continue
		}
		kind, is := strings.CutPrefix(line, "~~~ ")
		if !is {
			continue
		}
		block := i + 1
		for i++; i < len(lines) && lines[i] != "~~~"; i++ {
		}
		body := lines[block:i]
		switch kind {
		case "corefile":
			r.write(t, "Corefile", strings.Join(body, "\n")+"\n")
		case "console":
			body = r.console(t, block, body, update)
		}
		out = append(append(out, body...), "~~~")
	}
	if r.ran < 30 {
		t.Errorf("Expected many commands, found %d", r.ran)
	}
	if result := strings.Join(out, "\n"); update && result != string(text) {
		if err := os.WriteFile(runbookFile, []byte(result), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const runbookFile = "../deploy/RUNBOOK.md"

// reader is who follows the runbook, with the world around.
type reader struct {
	dir         string
	here, there *strings.Replacer // from the runbook's addresses and ports to those of this machine, and back
	world       map[string]*harness.Endpoint
	exports     string // what the shell was told to export so far
	line        int    // of the runbook
	exit        int    // what the next command ends with
	ran         int
}

// Who is in the runbook's Corefile, with the port.
var cast = map[string]struct{ host, port string }{
	"web-primary":    {"192.0.2.1", "18080"},
	"web-secondary":  {"198.51.100.1", "18080"},
	"shop-primary":   {"192.0.2.2", "18080"},
	"shop-secondary": {"198.51.100.2", "18080"},
	"router":         {"203.0.113.1", "18081"},
	"receiver":       {"203.0.113.9", "8080"},
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{dir: t.TempDir(), world: map[string]*harness.Endpoint{}}
	bin := filepath.Join(r.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, find := range map[string]func() (string, error){"coredns": harness.Binary, "failoverctl": harness.Failoverctl} {
		path, err := find()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	nets := [][2]string{{"192.0.2.", "127.0.2."}, {"198.51.100.", "127.51.100."}, {"203.0.113.", "127.0.113."}}
	here, there := make([]string, 0, 100), make([]string, 0, 100)
	for _, n := range nets {
		here, there = append(here, n[0], n[1]), append(there, n[1], n[0])
	}
	ports := map[string]string{}
	for _, port := range []string{"18080", "18081", "8080", "9180", "9153", "53"} {
		ports[port] = strconv.Itoa(harness.FreePort(t))
		for _, end := range []string{"/", " ", ":", "*", "\n", "'"} {
			here = append(here, ":"+port+end, ":"+ports[port]+end)
		}
		there = append(there, ":"+ports[port], ":"+port)
	}
	there = append(there, r.dir, "/etc/coredns")
	here = append(here, "dig +short", "dig +short -p "+ports["53"])
	r.here, r.there = strings.NewReplacer(here...), strings.NewReplacer(there...)
	for name, who := range cast {
		host := strings.TrimSpace(r.here.Replace(who.host))
		port, err := strconv.Atoi(ports[who.port])
		if err != nil {
			t.Fatal(err)
		}
		r.world[name] = harness.ServeOn(t, port, host)
	}
	t.Cleanup(func() { r.stop(t) })
	return r
}

// stop ends the server that the runbook has left running.
func (r *reader) stop(t *testing.T) {
	t.Helper()
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(r.dir, "coredns.log"))
		t.Logf("The log of the server:\n%s", log)
	}
	pid := r.pid()
	if pid == 0 {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	r.ended(t)
}

// ended waits until the server of the file with its number is no more.
func (r *reader) ended(t *testing.T) {
	t.Helper()
	pid := r.pid()
	for deadline := time.Now().Add(harness.Soon); pid != 0 && running(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Errorf("%s:%d: Expected the server to end", runbookFile, r.line)
			return
		}
	}
	os.Remove(filepath.Join(r.dir, "coredns.pid"))
}

// running tells whether a process is there and no zombie: its parent, a shell, is gone, and nobody may have asked for
// what became of it.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// pid is that of the server, or 0.
func (r *reader) pid() int {
	text, err := os.ReadFile(filepath.Join(r.dir, "coredns.pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

func (r *reader) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(r.here.Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shell runs a command of the runbook and returns what it says, as the runbook would have it.
func (r *reader) shell(t *testing.T, line string) (string, int) {
	t.Helper()
	script := r.exports + r.here.Replace(line+"\n")
	path := "PATH=" + filepath.Join(r.dir, "bin") + ":" + os.Getenv("PATH")
	got := harness.Run(t, r.dir, []string{path, "LC_ALL=C", "NO_COLOR=1"}, "sh", "-c", "exec 2>&1\n"+script)
	return r.there.Replace(got.Out), got.Code
}

// console runs the commands of a block and returns the block as it has to be.
func (r *reader) console(t *testing.T, at int, body []string, update bool) []string {
	t.Helper()
	var out []string
	for i := 0; i < len(body); {
		line, is := strings.CutPrefix(body[i], "$ ")
		if !is {
			t.Fatalf("%s:%d: Expected a command, found %q", runbookFile, at+i+1, body[i])
		}
		start := i + 1
		for i++; i < len(body) && !strings.HasPrefix(body[i], "$ "); i++ {
		}
		want := body[start:i]
		if strings.HasPrefix(line, "export ") {
			r.exports += r.here.Replace(line + "\n")
		}
		said, code := r.shell(t, line)
		r.ran++
		got := strings.Split(strings.TrimRight(said, "\n"), "\n")
		if said == "" {
			got = nil
		}
		if code != r.exit {
			t.Errorf("%s:%d: %s: Expected the exit code %d, got %d and\n%s", runbookFile, at+start, line, r.exit, code, said)
		}
		r.exit = 0
		out = append(out, "$ "+line)
		switch {
		case says(want, got) && (!update || slices.Contains(want, "...")):
			out = append(out, want...)
		case update:
			out = append(out, got...)
		default:
			t.Errorf("%s:%d: %s: Expected\n%s\ngot\n%s", runbookFile, at+start, line,
				strings.Join(want, "\n"), strings.Join(got, "\n"))
			out = append(out, want...)
		}
	}
	return out
}
