package probe

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func fileSpec(file string) Spec { return Spec{Scheme: File, File: file} }

func TestC03_FirstWordOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	made := prober(t, fileSpec(file))
	wantResult(t, "missing", try(t, made, time.Second), Indeterminate, ReasonFile, "file: there is none")
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		text    string
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"up", Pass, ReasonOK, "the file says up"},
		{"up\n", Pass, ReasonOK, "the file says up"},
		{"  UP  \r\ndown\n", Pass, ReasonOK, "the file says up"},
		{"Down for  maintenance\nup\n", Fail, ReasonDown, "the file says down: for  maintenance"},
		{"down\tdisk \x1b[31m\xff\n", Fail, ReasonDown, "the file says down: disk ?[31m?"},
		{"up " + long, Pass, ReasonOK, "the file says up: " + long[:maxRemark]},
		{"up " + strings.Repeat("x", maxFileLine-4) + "\n", Pass, ReasonOK, "the file says up: " + long[:maxRemark]},
		{"up " + strings.Repeat("x", maxFileLine-3) + "\n", Pass, ReasonOK, "the file says up: " + long[:maxRemark]},
		{"up " + strings.Repeat("x", maxFileLine-2) + "\n", Indeterminate, ReasonFile, "file: the first line is too long"},
		{"up\n" + strings.Repeat("x", 1<<20), Pass, ReasonOK, "the file says up"},
		{strings.Repeat("x", 1<<20), Indeterminate, ReasonFile, "file: the first line is too long"},
		{"", Indeterminate, ReasonFile, "file: the first line is empty"},
		{"\nup\n", Indeterminate, ReasonFile, "file: the first line is empty"},
		{"do", Indeterminate, ReasonFile, "file: the first word is neither up nor down"},
		{"upp", Indeterminate, ReasonFile, "file: the first word is neither up nor down"},
		{"up,down", Indeterminate, ReasonFile, "file: the first word is neither up nor down"},
		{"root:x:0:0:secret", Indeterminate, ReasonFile, "file: the first word is neither up nor down"},
		{"up\x00", Indeterminate, ReasonFile, "file: the first word is neither up nor down"},
	} {
		write(t, file, c.text)
		got := try(t, made, time.Second)
		if got.Outcome != c.outcome || got.Reason != c.reason || got.Detail != c.detail {
			t.Errorf("%.20q: got %+v, want %s %s %q", c.text, got, c.outcome, c.reason, c.detail)
		}
	}
}

func TestC03_WhatIsNoFileIsIndeterminate(t *testing.T) {
	dir := t.TempDir()
	wantResult(t, "directory", try(t, prober(t, fileSpec(dir)), time.Second), Indeterminate, ReasonFile, "file: ")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("link", link); err != nil {
		t.Skip("no symbolic links here")
	}
	wantResult(t, "loop", try(t, prober(t, fileSpec(link)), time.Second), Indeterminate, ReasonFile, "file: ")
	if runtime.GOOS != "windows" {
		got := try(t, prober(t, fileSpec("/dev/zero")), time.Second)
		wantResult(t, "device", got, Indeterminate, ReasonFile, "file: not a regular file")
	}
	for errno, reason := range map[syscall.Errno]Reason{
		syscall.EMFILE: ReasonFDLimit, syscall.ENFILE: ReasonFDLimit, syscall.ENOMEM: ReasonFDLimit,
		syscall.EACCES: ReasonFile, syscall.EIO: ReasonFile,
	} {
		got := unreadable(&os.PathError{Op: "open", Path: dir, Err: errno})
		if got.outcome != Indeterminate || got.reason != reason {
			t.Errorf("%v: got %v", errno, got.result())
		}
	}
}

func TestFileFieldsAreChecked(t *testing.T) {
	for _, file := range []string{"", "state", "./state", "/a\x00b"} {
		if _, err := New(fileSpec(file)); err == nil || !strings.HasPrefix(err.Error(), "file: ") {
			t.Errorf("%q: error %v", file, err)
		}
	}
}

// write puts text into a file in place.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzVerdictOfLine(f *testing.F) {
	for _, seed := range []string{"up", "DOWN why", " up\tx", "", "\xff up", "upup"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := verdictOfLine(line).result()
		word := ""
		if words := strings.Fields(line); len(words) > 0 {
			word = strings.ToLower(words[0])
		}
		if got.Outcome == Pass && word != "up" || got.Outcome == Fail && word != "down" || len(got.Detail) > maxDetail {
			t.Errorf("%q: got %+v", line, got)
		}
	})
}
