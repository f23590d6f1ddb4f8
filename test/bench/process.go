//go:build linux

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Process is a running child. What it says goes to a file: a pipe would have to be emptied, which costs time on a core.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// Launch starts a command on a core, in the folder of its log; a negative core is any. It is killed when ctx ends, when
// End is called, and when this process dies.
func Launch(
	ctx context.Context, core int, log string, prepare func(*exec.Cmd), name string, args ...string,
) (*Process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &Process{cmd: exec.CommandContext(ctx, name, args...), log: log, done: make(chan struct{})}
	p.cmd.Dir = filepath.Dir(log)
	p.cmd.Stdout, p.cmd.Stderr = file, file
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if prepare != nil {
		prepare(p.cmd)
	}
	if err := startOn(core, p.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it has ended is asked of ProcessState, by Wait
		close(p.done)
	}()
	return p, nil
}

// End kills it. There is nothing in it that would be worth an orderly end.
func (p *Process) End() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Pid is its number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Wait returns when it has ended by itself, with an error if it was without success.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
	}
	if !p.cmd.ProcessState.Success() {
		return p.Ended()
	}
	return nil
}

// Ended is the error of a process that was to run on.
func (p *Process) Ended() error {
	said, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	lines = lines[max(0, len(lines)-10):]
	return fmt.Errorf("%s does not run; its last words:\n%s", filepath.Base(p.cmd.Path), bytes.Join(lines, []byte("\n")))
}

// Pause waits while the process runs.
func (p *Process) Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return p.Ended()
	case <-time.After(d):
		return nil
	}
}
