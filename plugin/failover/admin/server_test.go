package admin

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A reload acquires before it releases. A connection stays, and what the new line says counts on it.
func TestHandover(t *testing.T) {
	fx := open(t, Line{Local: true})
	line := fx.lease.site.line.Load().Line
	c, reader := fx.raw("")
	askOn := func(fields string, status int) {
		t.Helper()
		if _, err := io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n"+fields+"\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != status {
			t.Errorf("%s, want %d", answer.Status, status)
		}
	}
	askOn("", http.StatusOK)
	with := line
	with.Local, with.Token = false, token
	second, err := fx.servers.Acquire(with)
	if err != nil {
		t.Fatal(err)
	}
	fx.lease.Release()
	fx.lease.Release()
	askOn("", http.StatusUnauthorized)
	askOn(rightly+"\r\n", http.StatusOK)

	// A reload that fails gives its lease back, and what was said before counts.
	third, err := fx.servers.Acquire(line)
	if err != nil {
		t.Fatal(err)
	}
	askOn("", http.StatusOK)
	third.Release()
	askOn("", http.StatusUnauthorized)

	second.Release()
	if _, err := reader.ReadByte(); err == nil {
		t.Error("The connection outlived the last lease")
	}
	if c, err := net.Dial("tcp", fx.addr()); err == nil {
		c.Close()
		t.Error("The address is answered after the last lease")
	}
}

func TestReleaseDoesNotWaitForever(t *testing.T) {
	fx := open(t, Line{Local: true})
	fx.backend.block = make(chan struct{})
	defer close(fx.backend.block)
	_, reader := fx.raw("GET /v1/sets HTTP/1.1\r\nHost: localhost\r\n\r\n")
	_, _ = fx.raw("GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	done := make(chan struct{})
	go func() { fx.lease.Release(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("The release waits for a request")
	}
	_, _ = reader.ReadByte()
}

func TestConnectionsAreBounded(t *testing.T) {
	var g gates
	for range maxConnections {
		if !g.connect() {
			t.Fatal("Refused below the bound")
		}
	}
	if g.connect() {
		t.Error("There are more connections than there may be")
	}
	g.disconnect()
	if !g.connect() {
		t.Error("A place that was given back is not free")
	}

	fx := open(t, Line{Local: true})
	fx.servers.gates.connections.Store(maxConnections)
	c, reader := fx.raw("")
	if _, err := reader.ReadByte(); err == nil {
		t.Error("A connection beyond the bound is kept")
	}
	c.Close()
	fx.servers.gates.connections.Store(0)
	fx.want(http.StatusOK, "GET /v1/status")
	for deadline := time.Now().Add(10 * time.Second); ; {
		fx.client.CloseIdleConnections()
		if fx.servers.gates.connections.Load() == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("A connection does not give its place back")
		}
	}
}

// What is asked too fast waits, and is refused where that takes too long.
func TestPace(t *testing.T) {
	fx := open(t, Line{Local: true})
	fx.servers.pace.changes.SetBurst(3)
	fx.servers.pace.changes.SetLimit(2)
	began := time.Now()
	for range 4 {
		fx.want(http.StatusCreated, post, asJSON, "", down)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("The fourth change came after %s", took)
	}
	fx.servers.pace.changes.SetLimit(0.1)
	status, header, _ := fx.ask(post, asJSON, "", down)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("A change too many is answered %d %v", status, header)
	}
	fx.want(http.StatusOK, "GET /v1/status")
	if n := fx.backend.changed(); n != 4 {
		t.Errorf("There were %d changes, want 4", n)
	}
}
