//go:build unix

package probe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command is a Spec that runs a program with arguments.
func command(words ...string) Spec {
	return Spec{Scheme: Exec, Command: strings.Join(words, "\x00") + "\x00"}
}

// script is a Spec that runs a shell script with arguments.
func script(text string, arguments ...string) Spec {
	return command(append([]string{"/bin/sh", "-c", text, "sh"}, arguments...)...)
}

func TestExec(t *testing.T) {
	long, flood := strings.Repeat("ó", 100), strings.Repeat("?", maxRemark)
	const status1 = "exec: exit status 1"
	const noShell = `test "$1" = '$(false); *' && test -z "$2" && test $# = 2`
	for _, c := range []struct {
		name    string
		spec    Spec
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"pass", script("exit 0"), Pass, ReasonOK, ""},
		{"pass with a word", script("echo all is well; echo more"), Pass, ReasonOK, "all is well"},
		{"fail", script("exit 1"), Fail, ReasonExit, status1},
		{"fail with a word", script("echo disk is full >&2; exit 1"), Fail, ReasonExit, status1 + ": disk is full"},
		{"another status", script("echo odd; exit 2"), Indeterminate, ReasonExec, "exec: exit status 2: odd"},
		{"not found by the shell", script("no-such-program 2>/dev/null"), Indeterminate, ReasonExec, "exec: exit status 127"},
		{"signal", script("kill -SEGV $$"), Indeterminate, ReasonExec, "exec: signal: segmentation fault"},
		{"killed by a stranger", script("kill -KILL $$"), Indeterminate, ReasonExec, "exec: signal: killed"},
		{"arguments are not for a shell", script(noShell, "$(false); *", ""), Pass, ReasonOK, ""},
		{"working directory", script(`test "$(pwd)" = /`), Pass, ReasonOK, ""},
		{"standard input is empty", script(`test -z "$(cat)"`), Pass, ReasonOK, ""},
		{"control characters", script(`printf 'a\033[31m\000\377b\n'; exit 1`), Fail, ReasonExit, status1 + ": a?[31m??b"},
		{"flood", script("head -c 4000000 /dev/zero; echo; exit 1"), Fail, ReasonExit, status1 + ": " + flood},
		{"long line", script("echo $1; exit 1", long), Fail, ReasonExit, status1 + ": " + long[:maxRemark]},
		{"closed output", script("exec >&- 2>&-; exit 1"), Fail, ReasonExit, status1},
	} {
		got := try(t, prober(t, c.spec), 5*time.Second)
		wantResult(t, c.name, got, c.outcome, c.reason, "")
		if got.Detail != c.detail {
			t.Errorf("%s: detail %q, want %q", c.name, got.Detail, c.detail)
		}
	}
}

func TestExecEnvironment(t *testing.T) {
	t.Setenv("FAILOVER_TEST_SECRET", "secret")
	lines := filepath.Join(t.TempDir(), "environment")
	wantResult(t, "env", try(t, prober(t, script(`/usr/bin/env > "$1"`, lines)), 3*time.Second), Pass, ReasonOK, "")
	text, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		seen[name] = value
	}
	seconds, err := strconv.ParseFloat(seen["FAILOVER_TIMEOUT"], 64)
	if err != nil || seconds <= 2 || seconds > 3 {
		t.Errorf("FAILOVER_TIMEOUT is %q", seen["FAILOVER_TIMEOUT"])
	}
	if seen["LANG"] != "C" || seen["PATH"] != "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" {
		t.Errorf("Seen %v", seen)
	}
	for name := range seen {
		switch name {
		case "LANG", "PATH", "FAILOVER_TIMEOUT", "PWD", "OLDPWD", "SHLVL", "_": // shells add the last four
		default:
			t.Errorf("%s is known to the program", name)
		}
	}
}

func TestH12_ExecEndsAtTheTimeout(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"hangs", `echo $$ > "$1"; sleep 60`},
		{"ignores signals", `trap "" TERM INT HUP; echo $$ > "$1"; while :; do sleep 60; done`},
		{"hangs in a child", `sleep 60 & echo $! > "$1"; wait`},
		{"floods", `echo $$ > "$1"; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done`},
		{"ends at once but for children", `(trap "" TERM; sleep 60 & echo $! > "$1"; wait)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pids := filepath.Join(t.TempDir(), "pids")
			got := try(t, prober(t, script(c.text, pids)), 500*time.Millisecond)
			wantResult(t, c.name, got, Fail, ReasonTimeout, "exec: no answer in time")
			wantGone(t, c.name, pids)
		})
	}
}

// TestExecLeavesNothingBehind holds also that a child with the output open delays nothing.
func TestExecLeavesNothingBehind(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	const stubborn = `(trap "" TERM HUP; sleep 60 & echo $! > "$1"; wait) &
		while ! test -s "$1"; do sleep 0.01; done; echo started`
	for _, c := range []struct{ name, text string }{
		{"a child", `sleep 60 & echo $! > "$1"; echo started`},
		{"a child without the output", `sleep 60 >/dev/null 2>&1 & echo $! > "$1"; echo started`},
		{"an orphan", `(sleep 60 & echo $! > "$1") & wait; echo started`},
		{"one that ignores signals", stubborn},
	} {
		if err := os.WriteFile(pids, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		wantResult(t, c.name, try(t, prober(t, script(c.text, pids)), 30*time.Second), Pass, ReasonOK, "started")
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: took %s", c.name, took)
		}
		wantGone(t, c.name, pids)
	}
}

// TestExecIsNotHeldUpByWhoLeavesTheGroup is about what cannot be ended with the group.
func TestExecIsNotHeldUpByWhoLeavesTheGroup(t *testing.T) {
	setsid, err := exec.LookPath("setsid")
	if err != nil {
		t.Skip("there is no setsid")
	}
	pids := filepath.Join(t.TempDir(), "pids")
	got := try(t, prober(t, script(`"$2" sh -c 'echo $$ > "$1"; exec sleep 60' sh "$1" &
		while ! test -s "$1"; do sleep 0.01; done; echo started`, pids, setsid)), 30*time.Second)
	wantResult(t, "it leaves", got, Pass, ReasonOK, "started")
	if err := syscall.Kill(pidIn(t, pids), syscall.SIGKILL); err != nil {
		t.Errorf("The child that left is gone: %v", err)
	}
}

func TestExecIsBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	wantResult(t, "while it runs", prober(t, script("sleep 60")).Probe(ctx), Indeterminate, ReasonCanceled, "")
	file := filepath.Join(t.TempDir(), "ran")
	wantResult(t, "before it runs", prober(t, script(`: > "$1"`, file)).Probe(ctx), Indeterminate, ReasonCanceled, "")
	if _, err := os.Stat(file); err == nil {
		t.Error("It ran though its time was over")
	}
}

func TestH16_ExecThatIsNotStartedIsIndeterminate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(file, []byte("no program\x00\x01"), 0o700); err != nil {
		t.Fatal(err)
	}
	made := prober(t, command(file))
	got := try(t, made, time.Second)
	wantResult(t, "not a program", got, Indeterminate, ReasonExec, "exec: not started: exec format error")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wantResult(t, "gone", try(t, made, time.Second), Indeterminate, ReasonExec, "exec: not started: no such file")
	for errno, reason := range map[error]Reason{
		syscall.EMFILE: ReasonFDLimit, syscall.ENFILE: ReasonFDLimit,
		syscall.EAGAIN: ReasonFDLimit, syscall.ENOMEM: ReasonFDLimit,
		syscall.EACCES: ReasonExec, syscall.ETXTBSY: ReasonExec, errors.New("odd"): ReasonExec,
	} {
		got := notStarted(&os.PathError{Op: "fork/exec", Path: file, Err: errno})
		if got.outcome != Indeterminate || got.reason != reason {
			t.Errorf("%v: got %v", errno, got.result())
		}
	}
}

func TestExecFieldsAreChecked(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command, err string
	}{
		{"", "absolute path"},
		{"/bin/true", "absolute path"}, // without its NUL
		{"\x00", "absolute path"},
		{"true\x00", "absolute path"},
		{"./true\x00/bin/true\x00", "absolute path"},
		{dir + "/none\x00", "exec: stat " + dir + "/none: no such file"},
		{dir + "\x00", "exec: " + dir + " is not a regular file"},
		{plain + "\x00", "exec: " + plain + " is not executable"},
	} {
		if _, err := New(Spec{Scheme: Exec, Command: c.command}); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.command, err, c.err)
		}
	}
	if _, err := New(Spec{Scheme: Exec, Command: "/bin/sh\x00", Host: "192.0.2.1"}); err == nil {
		t.Error("Expected an error for a host")
	}
	if got := command("/bin/sh", "secret").Target(); got != "exec /bin/sh" {
		t.Errorf("The target is %q", got)
	}
}

// pidIn reads the number of a process from a file.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		t.Fatalf("Process %q: %v", text, err)
	}
	return pid
}

// wantGone waits until the process of a file is no more, or is a zombie that another process has inherited.
func wantGone(t *testing.T, name, file string) {
	t.Helper()
	pid := pidIn(t, file)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); <-tick.C {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid) {
			return
		}
	}
	t.Errorf("%s: process %d is still there", name, pid)
}
