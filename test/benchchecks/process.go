//go:build linux

package main

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

// process is a running child. What it says goes to a file: a pipe would have to be emptied, which costs time on a core.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// launch starts a command on a core. It is killed when ctx ends, when end is called, and when this process dies.
func launch(
	ctx context.Context, core int, log string, prepare func(*exec.Cmd), name string, args ...string,
) (*process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &process{cmd: exec.CommandContext(ctx, name, args...), log: log, done: make(chan struct{})}
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
		_ = p.cmd.Wait() // that it has ended is enough to know
		close(p.done)
	}()
	return p, nil
}

// end kills it. There is nothing in it that would be worth an orderly end.
func (p *process) end() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended is the error of a process that was to run on.
func (p *process) ended() error {
	said, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	lines = lines[max(0, len(lines)-10):]
	return fmt.Errorf("%s does not run; its last words:\n%s", filepath.Base(p.cmd.Path), bytes.Join(lines, []byte("\n")))
}

// pause waits while the process runs.
func (p *process) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return p.ended()
	case <-time.After(d):
		return nil
	}
}
