package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// listen opens an address. A socket is for the user of this process alone, and takes the place of one that nobody answers
// at any more.
func listen(network, address string) (net.Listener, error) {
	if network != "unix" {
		return net.Listen(network, address)
	}
	if err := clearSocket(address); err != nil {
		return nil, err
	}
	private := func(_, _ string, c syscall.RawConn) error {
		var failed error
		// Before it has a name, or others could connect until the mode is set.
		if err := c.Control(func(fd uintptr) { failed = chmodSocket(fd) }); err != nil {
			return err
		}
		return failed
	}
	l, err := (&net.ListenConfig{Control: private}).Listen(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(address, 0o600); err != nil { // where the above has no effect
		return nil, errors.Join(err, l.Close())
	}
	info, err := os.Lstat(address)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{Listener: l, path: address, info: info}, nil
}

// clearSocket removes the socket that a process left which was killed.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("%s is there already, and is no socket", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("somebody answers at %s already", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s cannot be told to be unused: %w", path, err)
	}
	return os.Remove(path)
}

// socket removes its file at its end, unless that is another one by then.
type socket struct {
	net.Listener

	path string
	info os.FileInfo
	once sync.Once
}

func (s *socket) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.info) {
			_ = os.Remove(s.path)
		}
	})
	return s.Listener.Close()
}

// gateway lets a bounded number of connections in, with TLS where the line of now has it. It is for http.Server, which
// makes the handshake, within its timeouts, where it is given a *tls.Conn.
type gateway struct {
	net.Listener

	site  *site
	gates *gates
}

func (g *gateway) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !g.gates.connect() {
			_ = c.Close() // to let it wait would keep its socket
			continue
		}
		c = &counted{Conn: c, gates: g.gates}
		if line := g.site.line.Load(); line.credentials != nil {
			c = tls.Server(c, line.credentials.config())
		}
		return c, nil
	}
}

// counted gives its place back at its end.
type counted struct {
	net.Conn

	gates *gates
	once  sync.Once
}

func (c *counted) Close() error {
	c.once.Do(c.gates.disconnect)
	return c.Conn.Close()
}
