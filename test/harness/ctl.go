package harness

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Result is what a command came to.
type Result struct {
	Code     int
	Out, Err string
}

// Ctl runs failoverctl in a folder, with variables "NAME=VALUE" in its environment. One that does not end by itself is
// ended after a minute.
func Ctl(t *testing.T, dir string, variables []string, args ...string) Result {
	t.Helper()
	path, err := Failoverctl()
	if err != nil {
		t.Fatal(err)
	}
	return Run(t, dir, variables, path, args...)
}

// Run is Ctl for any command, which finds failoverctl by its name.
func Run(t *testing.T, dir string, variables []string, name string, args ...string) Result {
	t.Helper()
	path, err := Failoverctl()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, variables...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return Result{Code: cmd.ProcessState.ExitCode(), Out: out.String(), Err: errs.String()}
}
