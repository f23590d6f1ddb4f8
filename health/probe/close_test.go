package probe

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lingering counts the connections to a port that our side keeps in TIME_WAIT.
func lingering(tb testing.TB, port uint16) int {
	tb.Helper()
	count := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			tb.Fatal(err)
		}
		defer file.Close()
		mark := fmt.Sprintf(":%04X 06 ", port) // of the remote address, and the state
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if strings.Contains(lines.Text(), mark) {
				count++
			}
		}
	}
	return count
}

func TestNoTimeWaitPilesUp(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lists its sockets in a file")
	}
	a := newAuthority(t)
	answer := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }
	web := serve(t, answer)
	matched := web
	matched.Match = "ok"
	secured := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}, answer)
	two := serveHTTP2(t, a, answer)
	plainTwo := serveHTTP2(t, nil, answer)
	for name, p := range map[string]Spec{
		"status": web, "match": matched, "https": secured, "http2 over TLS": two, "http2": plainTwo,
		"tcp": {Scheme: TCP, Host: "127.0.0.1", Port: listen(t, "127.0.0.1", readAll)},
	} {
		made := prober(t, p)
		for range 300 {
			if got := try(t, made, 5*time.Second); got.Outcome != Pass {
				t.Fatalf("%s: got %+v", name, got)
			}
		}
		if count := lingering(t, p.Port); count > 10 {
			t.Errorf("%s: %d connections in TIME_WAIT", name, count)
		}
	}
}

// TestConnectionsAreClosedAsIsRight holds that a peer that closes when it has answered sees an orderly end, and one that
// does not, or that hangs, sees a reset.
func TestConnectionsAreClosedAsIsRight(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		closes       bool
		outcome      Outcome
		reason       Reason
		reset        bool
	}{
		{"hangs", "", false, Fail, ReasonTimeout, true},
		{"answers and closes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, Pass, ReasonOK, false},
		{"answers and waits", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, Pass, ReasonOK, true},
		{"has more to say", "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1<<20), true, Pass, ReasonOK, true},
	} {
		ends := make(chan error, 1)
		port := listen(t, "127.0.0.1", func(conn net.Conn) {
			defer conn.Close()
			_, err := conn.Read(make([]byte, 4096))
			if err == nil {
				_, err = io.WriteString(conn, c.answer)
			}
			if c.closes && err == nil {
				err = conn.(*net.TCPConn).CloseWrite()
			}
			if err == nil {
				_, err = io.Copy(io.Discard, conn)
			}
			ends <- err
		})
		p := Spec{Scheme: HTTP, Host: "127.0.0.1", Port: port, Path: "/", Method: "GET", Status: "200"}
		wantResult(t, c.name, try(t, prober(t, p), 200*time.Millisecond), c.outcome, c.reason, "")
		// Which of these a reset is depends on what the peer is doing when it comes.
		err := <-ends
		wasReset := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOTCONN)
		if wasReset != c.reset || !wasReset && err != nil {
			t.Errorf("%s: the peer saw %v", c.name, err)
		}
	}
}
