//go:build linux

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Remote is an endpoint in a process of its own.
type Remote struct {
	*Process
	Port    int
	ask     io.WriteCloser
	answers *bufio.Reader
}

// StartEndpoint starts a copy of this program as an endpoint on a core, with its log in a folder, and returns when it
// listens.
func StartEndpoint(ctx context.Context, core int, dir, kind string) (*Remote, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	input, ask, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer input.Close()
	answers, output, err := os.Pipe()
	if err != nil {
		ask.Close()
		return nil, err
	}
	defer output.Close()
	r := &Remote{Port: port, ask: ask, answers: bufio.NewReader(answers)}
	r.Process, err = Launch(ctx, core, filepath.Join(dir, "endpoint.log"), func(cmd *exec.Cmd) {
		InRole(roleEndpoint)(cmd)
		cmd.Stdin, cmd.Stdout = input, output
	}, self, kind, strconv.Itoa(port))
	if err != nil {
		ask.Close()
		answers.Close()
		return nil, err
	}
	go func() {
		<-r.done
		ask.Close()
		answers.Close() // ends a read of what will never come
	}()
	if _, err := r.read(); err != nil {
		r.End()
		return nil, err
	}
	return r, nil
}

// Tally asks what has arrived until now.
func (r *Remote) Tally() (Tally, error) {
	if _, err := io.WriteString(r.ask, "\n"); err != nil {
		return Tally{}, r.Ended()
	}
	return r.read()
}

func (r *Remote) read() (Tally, error) {
	var t Tally
	line, err := r.answers.ReadBytes('\n')
	if err != nil {
		<-r.done
		return t, r.Ended()
	}
	if err := json.Unmarshal(line, &t); err != nil {
		return t, fmt.Errorf("the endpoint says %q: %w", line, err)
	}
	return t, nil
}
