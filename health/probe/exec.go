package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
	"unique"
)

const (
	// maxOutput is how much of a program's output is kept, in bytes. The rest is read and thrown away, since a program
	// that cannot write would hang.
	maxOutput = 4 << 10
	// maxRemark is how much of a program's or file's first line gets into a Detail, in bytes.
	maxRemark = 128
	// outputGrace is how long the end of the output is waited for once the program is gone. Only a child that has left
	// its process group can hold the output open after that.
	outputGrace = 100 * time.Millisecond
)

// execProber runs a program and judges its exit status: 0 passes and 1 fails. Everything else, such as another status,
// a signal or a program that cannot be started, says that the check itself is broken (statement H16). A program that
// is still running when the time is over fails.
//
// There is no shell. The environment is that of execEnvironment and nothing else, the working directory is "/", and
// standard input is empty. The first line that the program writes, to either output, gets into the Detail and so into
// logs: it must not print secrets.
//
// The program has a process group of its own, and the whole group is killed when the time is over and also when the
// program has ended, so nothing that it started goes on. A child that leaves the group (setsid) is not followed; it
// delays the result by outputGrace at most.
//
// While a program does not end though it was killed, since the kernel does not let it go or it has made itself another
// user's, Probe does not return: it is for the watchdog to say so, and for the one who called Probe not to start
// another attempt meanwhile.
type execProber struct{ spec unique.Handle[Spec] }

// fieldsExec are the fields of a program's check.
var fieldsExec = group{[]string{"Command"}, Spec.checkExec}

func (s Spec) checkExec() error {
	arguments := s.arguments()
	if len(arguments) == 0 || !strings.HasSuffix(s.Command, "\x00") || !filepath.IsAbs(arguments[0]) {
		return errors.New("exec: the program is not given by an absolute path")
	}
	return nil
}

// arguments gives the program and its arguments.
func (s Spec) arguments() []string {
	if s.Command == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s.Command, "\x00"), "\x00")
}

func newExecProber(s Spec, _ *network) (Prober, error) {
	if err := checkProgram(s.arguments()[0]); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return &execProber{spec: s.ID().rest}, nil
}

func (p *execProber) Probe(ctx context.Context) Result {
	if ctx.Err() != nil {
		return classify(ctx, "exec", ctx.Err(), ReasonInternal).result()
	}
	arguments := p.spec.Value().arguments()
	var output cappedOutput
	program := &exec.Cmd{
		Path:      arguments[0],
		Args:      arguments,
		Env:       execEnvironment(ctx),
		Dir:       "/",
		Stdout:    &output,
		Stderr:    &output,
		WaitDelay: outputGrace,
	}
	if err := runGroup(ctx, program); err != nil {
		return notStarted(err).result()
	}
	return verdictOf(ctx, program.ProcessState, output.firstLine()).result()
}

// execEnvironment is all that a program gets to know. What this process has in its own environment may be secret, and
// would make a check depend on how the server was started.
func execEnvironment(ctx context.Context) []string {
	environment := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C",
	}
	if deadline, ok := ctx.Deadline(); ok {
		seconds := math.Round(time.Until(deadline).Seconds()*1000) / 1000
		environment = append(environment, "FAILOVER_TIMEOUT="+strconv.FormatFloat(max(0, seconds), 'f', -1, 64))
	}
	return environment
}

// notStarted gives the verdict on a program that never ran. Whether the file is gone, is no program or may not be run,
// it says nothing of what the program would have checked.
func notStarted(err error) *probeError {
	errno, _ := errors.AsType[syscall.Errno](err)
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM:
		return indeterminate(ReasonFDLimit, "exec: not started: "+errno.Error())
	case 0:
		return indeterminate(ReasonExec, "exec: not started")
	default:
		return indeterminate(ReasonExec, "exec: not started: "+errno.Error())
	}
}

// verdictOf judges how a program ended. A program that was done before its time was over is judged by its status, even
// if that was seen later.
func verdictOf(ctx context.Context, state *os.ProcessState, line string) *probeError {
	if state == nil {
		return indeterminate(ReasonExec, "exec: the exit status was not given")
	}
	if !state.Exited() && ctx.Err() != nil {
		return classify(ctx, "exec", ctx.Err(), ReasonInternal)
	}
	detail := "exec: " + state.String() // "exit status 2" or "signal: killed"
	if line != "" {
		detail += ": " + line
	}
	switch state.ExitCode() {
	case 0:
		return &probeError{outcome: Pass, reason: ReasonOK, detail: line}
	case 1:
		return failure(ReasonExit, detail)
	default:
		return indeterminate(ReasonExec, detail)
	}
}

// cappedOutput keeps the first maxOutput bytes. Nobody reads it before the one who writes is done.
type cappedOutput struct{ kept []byte }

// Write takes everything, or the program would be sent SIGPIPE.
func (o *cappedOutput) Write(p []byte) (int, error) {
	if space := maxOutput - len(o.kept); space > 0 {
		o.kept = append(o.kept, p[:min(len(p), space)]...)
	}
	return len(p), nil
}

func (o *cappedOutput) firstLine() string {
	line, _, _ := bytes.Cut(o.kept, []byte("\n"))
	return remark(string(line))
}

// remark is a line of text as it may stand in a Detail.
func remark(line string) string {
	line = printable(strings.TrimSpace(line))
	if len(line) <= maxRemark {
		return line
	}
	end := maxRemark
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end]
}
