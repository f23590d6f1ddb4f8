//go:build unix

package probe

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestC03_PipeIsNotWaitedFor(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := try(t, prober(t, fileSpec(pipe)), time.Second)
	wantResult(t, "pipe", got, Indeterminate, ReasonFile, "file: not a regular file")
}
