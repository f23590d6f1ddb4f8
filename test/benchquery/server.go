//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// errNotInstalled is of a server that this machine does not have.
var errNotInstalled = errors.New("not installed")

// installed finds a program, also where Debian puts those that only root is to look for.
func installed(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", errNotInstalled, name)
	}
	return path, nil
}

// server is a contestant that runs.
type server struct {
	*bench.Process
	dir                  string
	port, metrics, debug int // for DNS, prometheus and pprof
	pprof                bench.Pprof
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// onOneCore makes a Go program one with one core even where it is not pinned to one.
func onOneCore(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "GOMAXPROCS=1") }

// start starts a contestant and returns when it answers, and answers rightly.
func (b *runner) start(ctx context.Context, c contestant) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, "server")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	for _, port := range []*int{&s.port, &s.metrics, &s.debug} {
		if *port, err = bench.FreePort(); err != nil {
			return nil, err
		}
	}
	switch c.who {
	case gdnsd:
		err = b.startGdnsd(ctx, c, s)
	case powerDNS:
		err = b.startPowerDNS(ctx, c, s)
	default:
		err = b.startCoreDNS(ctx, c, s)
	}
	if err != nil {
		return nil, err
	}
	if err := s.waitUp(ctx, c); err != nil {
		s.End()
		return nil, err
	}
	return s, nil
}

// loading is how long a server may take until it answers.
const loading = 90 * time.Second

// waitUp returns when the last set is answered.
func (s *server) waitUp(ctx context.Context, c contestant) error {
	client := dns.Client{Timeout: time.Second}
	question := new(dns.Msg)
	question.SetQuestion(label(c.sets-1)+"."+zone+".", dns.TypeA)
	var err error
	for deadline := time.Now().Add(loading); time.Now().Before(deadline); {
		var reply *dns.Msg
		if reply, _, err = client.ExchangeContext(ctx, question, s.addr()); err == nil {
			// PowerDNS knows the health of an address only some time after it was asked for it.
			if err = c.judge(reply); err == nil {
				return nil
			}
		}
		if err := s.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("it does not come up: %w: %w", err, s.Ended())
}

// judge says what is wrong with the answer for a set.
func (c contestant) judge(m *dns.Msg) error {
	want := 1
	switch c.who {
	case whoami: // says who asks, in the additional section
		if m.Rcode != dns.RcodeSuccess || len(m.Extra) == 0 {
			return fmt.Errorf("an answer that is not of whoami: %v", m)
		}
		return nil
	case loadbalance: // puts the one that is drawn first
		want = len(weights)
	}
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != want {
		return fmt.Errorf("not the %d records expected: %v", want, m)
	}
	a, ok := m.Answer[0].(*dns.A)
	if !ok {
		return fmt.Errorf("not an address: %v", m)
	}
	for r := range c.records() {
		if a.A.String() == address(r) && (r == 0 || c.answers == weighted) {
			return nil
		}
	}
	return fmt.Errorf("not an address of the set: %v", m)
}
