package probe

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// answerBarely is a server that makes next to no garbage, so that what a benchmark counts is the prober's.
func answerBarely(tb testing.TB, answer string) (port int) {
	tb.Helper()
	fd, err1 := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	err2 := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	err3 := unix.Listen(fd, 100)
	addr, err4 := unix.Getsockname(fd)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var buffer [4096]byte
		block := []byte(answer)
		for {
			conn, _, err := unix.Accept(fd)
			if err != nil {
				return
			}
			if n, _ := unix.Read(conn, buffer[:]); n > 0 {
				_, _ = unix.Write(conn, block)
			}
			unix.Close(conn)
		}
	}()
	tb.Cleanup(func() {
		_ = unix.Shutdown(fd, unix.SHUT_RD)
		<-ended
		unix.Close(fd)
	})
	return addr.(*unix.SockaddrInet4).Port
}

func BenchmarkProbeHTTP(b *testing.B) {
	p := probeOf(b, fmt.Sprintf("http://127.0.0.1:%d", answerBarely(b, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")))
	b.Run("status", func(b *testing.B) { benchmarkProbe(b, p) })
	matched := p
	matched.Match = "ok"
	b.Run("match", func(b *testing.B) { benchmarkProbe(b, matched) })
	// What a plain client of net/http costs on fresh connections, to compare with.
	b.Run("net-http", func(b *testing.B) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		b.ReportAllocs()
		for range b.N {
			response, err := client.Get(p.Target())
			if err != nil {
				b.Fatal(err)
			}
			response.Body.Close()
		}
	})
}

// TestAllocHTTPAttempt holds the garbage of the commonest attempt, with an object of the server's in it.
func TestAllocHTTPAttempt(t *testing.T) {
	made := prober(t, probeOf(t, fmt.Sprintf("http://127.0.0.1:%d", answerBarely(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))))
	objects := testing.AllocsPerRun(200, func() {
		ctx := NewContext(time.Minute)
		defer ctx.Cancel()
		if result := made.Probe(ctx); result.Outcome != Pass {
			t.Fatal(result)
		}
	})
	if objects > 16 {
		t.Errorf("An attempt makes %v objects, want 16 at most", objects)
	}
}
