package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func benchmarkProbe(b *testing.B, p Spec) {
	b.Helper()
	made := prober(b, p)
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if result := made.Probe(ctx); result.Outcome != Pass {
			b.Fatal(result)
		}
	}
}

func BenchmarkProbeTCP(b *testing.B) {
	benchmarkProbe(b, Spec{Scheme: TCP, Host: "127.0.0.1", Port: listen(b, "127.0.0.1", func(c net.Conn) { c.Close() })})
}

// BenchmarkProbeTLS resumes sessions over https. The check tls reads nothing, so with TLS 1.3 it never has one.
func BenchmarkProbeTLS(b *testing.B) {
	a := newAuthority(b)
	p := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}, nil)
	b.Run("https", func(b *testing.B) { benchmarkProbe(b, p) })
	p = Spec{Scheme: TLS, Host: p.Host, Port: p.Port, CAFile: p.CAFile}
	b.Run("tls", func(b *testing.B) { benchmarkProbe(b, p) })
}

func BenchmarkProbeHTTP(b *testing.B) {
	p := serve(b, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
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
