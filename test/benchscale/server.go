//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// server is the one that is measured.
type server struct {
	*bench.Process
	dir   string
	port  int
	pprof bench.Pprof
	conn  *dns.Conn
}

// loading is how long a server may load at most.
const loading = 5 * time.Minute

// start runs the server on a plan, on all cores, and returns when it answers for the last set, with how long that took.
func (b *runner) start(ctx context.Context, s plan, endpoint int) (*server, time.Duration, error) {
	c := &server{}
	var err error
	if c.dir, err = os.MkdirTemp(b.dir, "server"); err != nil {
		return nil, 0, err
	}
	if c.port, err = bench.FreePort(); err != nil {
		return nil, 0, err
	}
	debug, err := bench.FreePort()
	if err != nil {
		return nil, 0, err
	}
	c.pprof = bench.Pprof("127.0.0.1:" + strconv.Itoa(debug))
	if err := s.write(c.dir, endpoint, c); err != nil {
		return nil, 0, err
	}
	conn, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)))
	if err != nil {
		return nil, 0, err
	}
	c.conn = &dns.Conn{Conn: conn}
	began := time.Now()
	c.Process, err = bench.Launch(ctx, -1, filepath.Join(c.dir, "log"), nil, b.binary, "-conf", "Corefile")
	if err != nil {
		conn.Close()
		return nil, 0, err
	}
	last := s.sets - 1
	for deadline := began.Add(loading); ; {
		at, err := c.ask(last)
		if err == nil && at == bench.Target(perSet*last) {
			return c, time.Since(began), nil
		}
		if time.Now().After(deadline) {
			c.end()
			return nil, 0, fmt.Errorf("it does not come up: %w: %w", err, c.Ended())
		}
		if err := c.Pause(ctx, time.Millisecond); err != nil {
			c.end()
			return nil, 0, err
		}
	}
}

func (c *server) end() {
	c.conn.Close()
	c.End()
	os.RemoveAll(c.dir)
}

// ask gives the address that a set is answered with.
func (c *server) ask(set int) (string, error) {
	question := new(dns.Msg)
	question.SetQuestion("s"+strconv.Itoa(set)+".example.org.", dns.TypeA)
	if err := c.conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if err := c.conn.WriteMsg(question); err != nil {
		return "", err
	}
	for {
		reply, err := c.conn.ReadMsg()
		if err != nil {
			return "", err
		}
		if reply.Id != question.Id {
			continue // to an earlier one, which was given up
		}
		if len(reply.Answer) == 1 {
			if a, ok := reply.Answer[0].(*dns.A); ok {
				return a.A.String(), nil
			}
		}
		return "", errors.New("an answer that is not one address: " + reply.String())
	}
}

// patience is how long a change may take to be seen, far longer than it does.
const patience = 20 * time.Second

// errUnseen is of a change that no answer showed for that long.
var errUnseen = errors.New("not seen")

// await asks for a set until its answer is the primary or the secondary.
func (c *server) await(ctx context.Context, set int, primary bool) error {
	want := bench.Target(perSet * set)
	if !primary {
		want = bench.Target(perSet*set + 1)
	}
	for deadline := time.Now().Add(patience); ; {
		got, err := c.ask(set)
		if err == nil && got == want {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			err = errors.Join(errUnseen, err)
			return fmt.Errorf("set %d is answered %q and not %q after %v: %w", set, got, want, patience, err)
		}
	}
}
