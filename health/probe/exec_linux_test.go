package probe

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// isZombie tells whether a process is dead and nobody has asked how it ended, as an init process that does not do its
// work leaves them.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, found := strings.Cut(string(text), ") ")
	return err == nil && found && strings.HasPrefix(rest, "Z")
}

// TestExecReapsWhatItInherits is about the first process of a container, to which all orphans come.
func TestExecReapsWhatItInherits(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skip("this system hands no orphans to anybody but the first process")
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }()
	got := try(t, prober(t, script("sleep 60 & (sleep 60 & :) ; exit 0")), 10*time.Second)
	wantResult(t, "two orphans", got, Pass, ReasonOK, "")
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("There is a child left: %d, %v", pid, err)
	}
}
