//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Window is the time over which probes are counted.
const Window = 100 * time.Millisecond

// counted is how long an endpoint tells windows apart; what comes later is in the last.
const counted = 20 * time.Minute

// Kinds of endpoints.
const (
	KindTCP  = "tcp"
	KindHTTP = "http"
)

// Tally is what an endpoint has seen.
type Tally struct {
	Total   int64   // probes that arrived
	MaxOpen int64   // connections that were open at a time, at most
	Windows []int32 // probes by the window in which they arrived, from the first one on
}

// endpoint is all targets at once: one socket that listens on every address of the loopback. It runs in a process of
// its own and is one loop of system calls, since it has to keep up with whoever is measured: with net/http it would
// need more of its core than they of theirs.
type endpoint struct {
	http           bool
	listen, events int

	open           int64
	first          time.Time
	total, maxOpen atomic.Int64
	windows        [counted / Window]atomic.Int32
	buffer         [4096]byte
	ready          [64]unix.EpollEvent
}

// answer is what an HTTP check gets.
var answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")

// serveEndpoint is the role. It answers every line of its input with a line of JSON, a tally.
func serveEndpoint(args []string) error {
	if len(args) != 2 {
		return errors.New("the arguments are KIND PORT")
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	e := &endpoint{http: args[0] == KindHTTP}
	if err := e.start(port); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- e.loop() }()
	go func() { failed <- e.converse() }()
	return <-failed
}

func (e *endpoint) converse() error {
	fmt.Println("{}") // it is listening
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		t := Tally{Total: e.total.Load(), MaxOpen: e.maxOpen.Load()}
		for i := range e.windows {
			t.Windows = append(t.Windows, e.windows[i].Load())
		}
		for len(t.Windows) > 0 && t.Windows[len(t.Windows)-1] == 0 {
			t.Windows = t.Windows[:len(t.Windows)-1]
		}
		if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
			return err
		}
	}
	return input.Err()
}

func (e *endpoint) start(port int) error {
	var err error
	if e.listen, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := unix.SetsockoptInt(e.listen, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("setsockopt: %w", err)
	}
	if err := unix.Bind(e.listen, &unix.SockaddrInet4{Port: port}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(e.listen, 65535); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if e.events, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create: %w", err)
	}
	return e.watch(e.listen)
}

func (e *endpoint) watch(fd int) error {
	return unix.EpollCtl(e.events, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (e *endpoint) loop() error {
	runtime.LockOSThread()
	for {
		n, err := unix.EpollWait(e.events, e.ready[:], -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for _, event := range e.ready[:n] {
			if fd := int(event.Fd); fd != e.listen {
				e.serve(fd)
			} else if err := e.accept(); err != nil {
				return err
			}
		}
	}
}

// accept takes what has arrived.
func (e *endpoint) accept() error {
	for {
		fd, _, err := unix.Accept4(e.listen, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.ECONNABORTED), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		now := time.Now()
		if e.first.IsZero() {
			e.first = now
		}
		e.windows[min(int(now.Sub(e.first)/Window), len(e.windows)-1)].Add(1)
		e.total.Add(1)
		if e.open++; e.open > e.maxOpen.Load() {
			e.maxOpen.Store(e.open)
		}
		if err := e.watch(fd); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
}

// serve reads a request, answers and closes, or closes what the other side has closed. A request is taken to be whole
// when its end has been read; those of checks are one segment.
func (e *endpoint) serve(fd int) {
	n, err := unix.Read(fd, e.buffer[:])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if err == nil && n > 0 {
		if !e.http || !bytes.HasSuffix(e.buffer[:n], []byte("\r\n\r\n")) {
			return
		}
		_, _ = unix.Write(fd, answer) // it fails if nobody waits for it any more
	}
	e.open--
	_ = unix.Close(fd)
}
