package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// blackHole is a port that is open and takes no connection: its queue is full, so the system drops what comes.
func blackHole(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(
		syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0),
	); err != nil {
		t.Fatal(err)
	}
	own, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := own.(*syscall.SockaddrInet4).Port
	for range 10 {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), 100*time.Millisecond)
		if err != nil {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("this system queues connections that nobody asked it to")
	return netip.AddrPort{}
}

func TestH12_ConnectEndsAtTheTimeout(t *testing.T) {
	hole := blackHole(t)
	p := Spec{Scheme: TCP, Host: hole.Addr().String(), Port: hole.Port()}
	wantResult(t, "black hole", try(t, prober(t, p), 50*time.Millisecond), Fail, ReasonTimeout, "connect 127.0.0.1:")
}

func TestH16_ConnectCanBeBrokenOff(t *testing.T) {
	hole := blackHole(t)
	p := prober(t, Spec{Scheme: TCP, Host: hole.Addr().String(), Port: hole.Port()})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	wantResult(t, "canceled", p.Probe(ctx), Indeterminate, ReasonCanceled, "")
	wantResult(t, "canceled before", p.Probe(ctx), Indeterminate, ReasonCanceled, "")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("It took %s", took)
	}
}

// TestDialDoesNotConnectToItself is about ports that the system gives to clients. Of many attempts on one of them that
// nobody listens on, some are given that very port. Linux gives even ones first, and odd ones to who listens.
func TestDialDoesNotConnectToItself(t *testing.T) {
	for _, host := range localhosts(t) {
		target := netip.AddrPortFrom(netip.MustParseAddr(host), refusing(t, host)&^1)
		for range 15_000 {
			if conn, err := dialTCP(t.Context(), netip.Addr{}, target); !errors.Is(err, syscall.ECONNREFUSED) {
				if err == nil {
					conn.Close()
				}
				t.Fatalf("%s: got %v, want a refusal", target, err)
			}
		}
	}
}

// TestH16_WhatTheSystemSaysAtOnceIsOurs knows what a machine without a firewall can show.
func TestH16_WhatTheSystemSaysAtOnceIsOurs(t *testing.T) {
	p := Spec{Scheme: TCP, Host: "127.0.0.1", Port: refusing(t, "127.0.0.1"), Source: netip.MustParseAddr("192.0.2.1")}
	wantResult(t, "an address of nobody here", try(t, prober(t, p), 5*time.Second), Indeterminate, ReasonPorts, "")
	p.Host, p.Source = "::1", netip.MustParseAddr("2001:db8::1")
	if len(localhosts(t)) > 1 {
		wantResult(t, "an address of nobody here", try(t, prober(t, p), 5*time.Second), Indeterminate, ReasonPorts, "")
	}
}
