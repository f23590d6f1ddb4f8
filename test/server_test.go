package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// server is a running binary. Its Corefile is a template in which @WORD@ stands for a free port of the loopback, the
// same in all places and over reloads; @DNS@ is the one that queries go to.
type server struct {
	dir   string // holds the Corefile and is the working directory
	addr  string // of @DNS@
	ports map[string]int
	cmd   *exec.Cmd
	log   *logBuffer
	done  chan struct{} // closed when the process has ended
}

var placeholder = regexp.MustCompile(`@[A-Z0-9]+@`)

// start runs the binary and returns when it answers DNS queries. The process ends with the test, by SIGTERM, and its
// log is shown if the test failed.
func start(t *testing.T, corefile string, files ...string) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	for i := 0; i < len(files); i += 2 {
		s.write(t, files[i], files[i+1])
	}
	// A port that was free a moment ago may be taken by now; then others are tried.
	for range 5 {
		s.ports = map[string]int{}
		s.write(t, "Corefile", s.expand(t, corefile))
		s.run(t)
		err := s.waitUp()
		if err == nil {
			t.Cleanup(func() { s.stop(t) })
			return s
		}
		s.kill()
		if !strings.Contains(s.log.String(), "address already in use") {
			t.Fatalf("The server did not come up: %v\n%s", err, s.log)
		}
	}
	t.Fatalf("The server found no free port:\n%s", s.log)
	return nil
}

// refused runs the binary on a Corefile that it must not accept and returns what it said.
func refused(t *testing.T, corefile string) string {
	t.Helper()
	s := &server{dir: t.TempDir(), ports: map[string]int{}}
	s.write(t, "Corefile", s.expand(t, corefile))
	s.run(t)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.kill()
		t.Fatalf("Expected the server to refuse this Corefile, but it runs:\n%s\n%s", corefile, s.log)
	}
	if s.cmd.ProcessState.ExitCode() == 0 {
		t.Errorf("Expected an exit code other than 0 for a refused Corefile")
	}
	return s.log.String()
}

// expand replaces the placeholders of a template.
func (s *server) expand(t *testing.T, template string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(template, func(word string) string {
		if s.ports[word] == 0 {
			s.ports[word] = freePort(t)
		}
		return strconv.Itoa(s.ports[word])
	})
}

func (s *server) write(t *testing.T, name, content string) {
	t.Helper()
	// A rename, so that nobody reads half a file.
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (s *server) run(t *testing.T) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s.log = new(logBuffer)
	s.done = make(chan struct{})
	s.cmd = exec.Command(path, "-conf", "Corefile")
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, done := s.cmd, s.done
	go func() {
		_ = cmd.Wait() // How it ended is asked of ProcessState, by those who care.
		close(done)
	}()
}

// waitUp returns when the server answers, or with an error when it ended or took too long.
func (s *server) waitUp() error {
	port, ok := s.ports["@DNS@"]
	if !ok {
		return errors.New("the Corefile has no @DNS@")
	}
	s.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := dns.Client{Timeout: 200 * time.Millisecond}
	for ctx.Err() == nil {
		// Its own banner, and an answer: somebody else may answer on the port, if it is taken.
		if s.log.count("CoreDNS-") > 0 {
			m := new(dns.Msg)
			m.SetQuestion("example.org.", dns.TypeSOA)
			if _, _, err := client.ExchangeContext(ctx, m, s.addr); err == nil {
				return nil
			}
		}
		select {
		case <-s.done:
			return fmt.Errorf("it ended: %s", s.cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return ctx.Err()
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// stop ends the server as an operator does, and insists on a clean end.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("Expected the server to end with exit code 0, got %s", s.cmd.ProcessState)
		}
	case <-time.After(20 * time.Second):
		s.kill()
		t.Error("Expected the server to end on SIGTERM, but it had to be killed")
	}
	output := s.log.String()
	for _, bad := range []string{"panic", "DATA RACE", "Recovered"} {
		if strings.Contains(output, bad) {
			t.Errorf("Expected no %q in the log", bad)
		}
	}
	if t.Failed() {
		t.Logf("The log of the server:\n%s", output)
	}
}

// freePort returns a port that nobody listens on, for UDP nor TCP, and never the same one twice: CoreDNS shares its
// ports (SO_REUSEPORT), so two servers that were given the same would answer for each other. It lies below the ports
// that systems give to outgoing connections, as those of probes: one of them could take it until it is listened on, or
// while an endpoint is dead.
func freePort(t *testing.T) int {
	t.Helper()
	handedOut.mu.Lock()
	defer handedOut.mu.Unlock()
	for range 1000 {
		port := 12_000 + rand.IntN(20_000)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		p, err := net.ListenPacket("udp", addr)
		l.Close()
		if err != nil {
			continue
		}
		p.Close()
		if !handedOut.ports[port] {
			handedOut.ports[port] = true
			return port
		}
	}
	t.Fatal("No port is free for both UDP and TCP")
	return 0
}

var handedOut = struct {
	mu    sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// logBuffer keeps what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// count returns how often any of the texts is in the log.
func (b *logBuffer) count(texts ...string) int {
	output, n := b.String(), 0
	for _, text := range texts {
		n += strings.Count(output, text)
	}
	return n
}

// lines returns the lines of the log that hold all the texts.
func (b *logBuffer) lines(texts ...string) []string {
	var found []string
next:
	for line := range strings.Lines(b.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, strings.TrimSpace(line))
	}
	return found
}

// soon is for what comes within two seconds on a machine that is not busy.
const soon = 10 * time.Second

// eventually polls until it is true, and fails the test after the time given.
func eventually(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Expected within %v: %s", within, what)
		}
	}
}
