//go:build linux

package main

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

// remote is an endpoint in a process of its own.
type remote struct {
	*process
	port    int
	ask     io.WriteCloser
	answers *bufio.Reader
}

// startEndpoint returns when it listens.
func (b *bench) startEndpoint(ctx context.Context, kind string) (*remote, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
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
	r := &remote{port: port, ask: ask, answers: bufio.NewReader(answers)}
	r.process, err = launch(ctx, b.serving, filepath.Join(b.dir, "endpoint.log"), func(cmd *exec.Cmd) {
		inRole(roleEndpoint)(cmd)
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
		r.end()
		return nil, err
	}
	return r, nil
}

// tally asks what has arrived until now.
func (r *remote) tally() (tally, error) {
	if _, err := io.WriteString(r.ask, "\n"); err != nil {
		return tally{}, r.ended()
	}
	return r.read()
}

func (r *remote) read() (tally, error) {
	var t tally
	line, err := r.answers.ReadBytes('\n')
	if err != nil {
		<-r.done
		return t, r.ended()
	}
	if err := json.Unmarshal(line, &t); err != nil {
		return t, fmt.Errorf("the endpoint says %q: %w", line, err)
	}
	return t, nil
}
