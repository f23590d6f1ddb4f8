//go:build unix

package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkProgram tells why file cannot be run, so that a wrong path stops the start.
func checkProgram(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file)
	}
	if err := unix.Access(file, unix.X_OK); err != nil {
		return fmt.Errorf("%s is not executable: %w", file, err)
	}
	return nil
}

// runGroup runs a program in a process group of its own until it ends or ctx does, and leaves nothing of the group
// behind. The error is that of a program that never ran; how one ended is in its ProcessState.
//
// The leader of the group is the program itself, so the number of the group is free for others as soon as the program
// has been reaped and no child is left. A signal after that could hit a stranger, so where the system can tell of an
// end without reaping (endedUnreaped), the last one is sent before.
func runGroup(ctx context.Context, program *exec.Cmd) error {
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := program.Start(); err != nil {
		return err
	}
	leader := program.Process.Pid
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		killGroup(leader)
		close(killed)
	})
	settle := func() {
		if !stop() {
			<-killed
		}
		killGroup(leader)
	}
	unreaped := endedUnreaped(leader)
	if unreaped {
		settle()
	}
	_ = program.Wait() // says less than ProcessState does
	if !unreaped {
		settle()
	}
	reapOrphans(leader)
	return nil
}

// killGroup ends all processes of a group. That there is none left is no error here.
func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }

// reapOrphans waits for the killed processes of a group that are children of this one. There are none unless this
// process inherits orphans, as the first process of a container does: they would stay as zombies until no process can
// be started any more.
func reapOrphans(leader int) {
	for {
		if _, err := syscall.Wait4(-leader, nil, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}
