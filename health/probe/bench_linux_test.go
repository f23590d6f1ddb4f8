package probe

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"
)

// answerBarely is a server that makes next to no garbage, so that what a benchmark counts is the prober's.
func answerBarely(b *testing.B, answer string) (port int) {
	b.Helper()
	fd, err1 := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	err2 := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	err3 := unix.Listen(fd, 100)
	addr, err4 := unix.Getsockname(fd)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		b.Fatal(err)
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
	b.Cleanup(func() {
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
