package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Server is a running binary. Its Corefile is a template in which @WORD@ stands for a free port of the loopback, the
// same in all places and over reloads; @DNS@ is the one that queries go to.
type Server struct {
	Dir   string // holds the Corefile and is the working directory
	Addr  string // of @DNS@
	Ports map[string]int
	Cmd   *exec.Cmd
	Log   *LogBuffer
	how   Launch
	since time.Time     // when the process was started
	done  chan struct{} // closed when the process has ended
}

// childhood is how long a process may not be ready for signals yet: CoreDNS asks for them in a goroutine that nothing
// waits for, and on a busy machine that one can come after the first answers. Until then a signal ends the process.
const childhood = time.Second

var placeholder = regexp.MustCompile(`@[A-Z0-9]+@`)

// Start runs the binary and returns when it answers DNS queries. The process ends with the test, by SIGTERM, and its
// log is shown if the test failed. Files are names with their contents, in turn, to lie beside the Corefile.
func Start(t *testing.T, corefile string, files ...string) *Server {
	t.Helper()
	return StartBy(t, nil, corefile, files...)
}

// StartBy is Start through a command that becomes the binary, as nice(1) does.
func StartBy(t *testing.T, by []string, corefile string, files ...string) *Server {
	t.Helper()
	return Launch{By: by}.Start(t, corefile, files...)
}

// Launch is what may be other than usual when a server is started.
type Launch struct {
	By     []string // a command that becomes the binary, as nice(1) does
	Binary string   // another server than the one under test
	Addr   string   // where it answers, if its Corefile has no @DNS@
}

// Start starts a server as the function Start does.
func (l Launch) Start(t *testing.T, corefile string, files ...string) *Server {
	t.Helper()
	s := &Server{Dir: t.TempDir(), how: l}
	for i := 0; i < len(files); i += 2 {
		s.Write(t, files[i], files[i+1])
	}
	// A port that was free a moment ago may be taken by now; then others are tried.
	for range 5 {
		s.Ports = map[string]int{}
		s.Write(t, "Corefile", s.Expand(t, corefile))
		s.run(t)
		err := s.waitUp()
		if err == nil {
			t.Cleanup(func() { s.Stop(t) })
			return s
		}
		s.Kill()
		if !strings.Contains(s.Log.String(), "address already in use") {
			t.Fatalf("The server did not come up: %v\n%s", err, s.Log)
		}
	}
	t.Fatalf("The server found no free port:\n%s", s.Log)
	return nil
}

// Refused runs the binary on a Corefile that it must not accept and returns what it said.
func Refused(t *testing.T, corefile string) string {
	t.Helper()
	s := &Server{Dir: t.TempDir(), Ports: map[string]int{}}
	s.Write(t, "Corefile", s.Expand(t, corefile))
	s.run(t)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.Kill()
		t.Fatalf("Expected the server to refuse this Corefile, but it runs:\n%s\n%s", corefile, s.Log)
	}
	if s.Cmd.ProcessState.ExitCode() == 0 {
		t.Errorf("Expected an exit code other than 0 for a refused Corefile")
	}
	return s.Log.String()
}

// Expand replaces the placeholders of a template.
func (s *Server) Expand(t *testing.T, template string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(template, func(word string) string {
		if s.Ports[word] == 0 {
			s.Ports[word] = FreePort(t)
		}
		return strconv.Itoa(s.Ports[word])
	})
}

// Write writes a file into the directory of the server.
func (s *Server) Write(t *testing.T, name, content string) {
	t.Helper()
	// A rename, so that nobody reads half a file.
	path := filepath.Join(s.Dir, name)
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) run(t *testing.T) {
	t.Helper()
	path := s.how.Binary
	if path == "" {
		var err error
		if path, err = Binary(); err != nil {
			t.Fatal(err)
		}
	}
	s.Log = new(LogBuffer)
	s.done = make(chan struct{})
	command := append(slices.Clone(s.how.By), path, "-conf", "Corefile")
	s.Cmd = exec.Command(command[0], command[1:]...)
	s.Cmd.Dir = s.Dir
	s.Cmd.Stdout, s.Cmd.Stderr = s.Log, s.Log
	s.since = time.Now()
	if err := s.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, done := s.Cmd, s.done
	go func() {
		_ = cmd.Wait() // How it ended is asked of ProcessState, by those who care.
		close(done)
	}()
}

// waitUp returns when the server answers, or with an error when it ended or took too long.
func (s *Server) waitUp() error {
	if s.Addr = s.how.Addr; s.Addr == "" {
		port, ok := s.Ports["@DNS@"]
		if !ok {
			return errors.New("the Corefile has no @DNS@")
		}
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := dns.Client{Timeout: 200 * time.Millisecond}
	for ctx.Err() == nil {
		// Its own banner, and an answer: somebody else may answer on the port, if it is taken.
		if s.Log.Count("CoreDNS-") > 0 {
			m := new(dns.Msg)
			m.SetQuestion("example.org.", dns.TypeSOA)
			if _, _, err := client.ExchangeContext(ctx, m, s.Addr); err == nil {
				return nil
			}
		}
		select {
		case <-s.done:
			return fmt.Errorf("it ended: %s", s.Cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// Signal sends a signal to the server, when that is old enough to heed it.
func (s *Server) Signal(t *testing.T, which os.Signal) {
	t.Helper()
	time.Sleep(time.Until(s.since.Add(childhood)))
	if err := s.Cmd.Process.Signal(which); err != nil {
		t.Fatal(err)
	}
}

// Restart ends the server as an operator does and runs it again, with the Corefile as it is by now. It returns when the
// server answers; the log begins anew.
func (s *Server) Restart(t *testing.T) {
	t.Helper()
	s.Stop(t)
	s.Again(t)
}

// Again runs the server again after it has ended, as Restart does.
func (s *Server) Again(t *testing.T) {
	t.Helper()
	s.run(t)
	if err := s.waitUp(); err != nil {
		t.Fatalf("The server did not come up again: %v\n%s", err, s.Log)
	}
}

// Kill ends the server by SIGKILL.
func (s *Server) Kill() {
	_ = s.Cmd.Process.Kill()
	<-s.done
}

// Stop ends the server as an operator does, and insists on a clean end.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	young := time.Since(s.since) < childhood
	_ = s.Cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		status, _ := s.Cmd.ProcessState.Sys().(syscall.WaitStatus)
		early := young && status.Signaled() && status.Signal() == syscall.SIGTERM
		if code := s.Cmd.ProcessState.ExitCode(); code != 0 && !early {
			t.Errorf("Expected the server to end with exit code 0, got %s", s.Cmd.ProcessState)
		}
	case <-time.After(20 * time.Second):
		s.Kill()
		t.Error("Expected the server to end on SIGTERM, but it had to be killed")
	}
	output := s.Log.String()
	for _, bad := range []string{"panic", "DATA RACE", "Recovered"} {
		if strings.Contains(output, bad) {
			t.Errorf("Expected no %q in the log", bad)
		}
	}
	if t.Failed() {
		t.Logf("The log of the server:\n%s", output)
	}
}
