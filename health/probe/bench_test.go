package probe

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

func benchmarkProbe(b *testing.B, p Spec) {
	b.Helper()
	made := prober(b, p)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		ctx := NewContext(time.Hour)
		if result := made.Probe(ctx); result.Outcome != Pass {
			b.Fatal(result)
		}
		ctx.Cancel()
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
