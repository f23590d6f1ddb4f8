package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"
)

func BenchmarkMachineNext(b *testing.B) {
	var m Machine
	b.ReportAllocs()
	for i := range b.N {
		m = m.Next(timing, Outcome(i%3))
	}
	_ = m
}

func benchmarkProbe(b *testing.B, p Probe) {
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
	benchmarkProbe(b, Probe{Scheme: TCP, Host: "127.0.0.1", Port: listen(b, "127.0.0.1", func(c net.Conn) { c.Close() })})
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

// idle makes a Registry with so many checks that have had their first attempt and wait for the next.
func idle(tb testing.TB, checks int) (*Registry, *Lease) {
	tb.Helper()
	r := NewRegistry(Options{NewProber: func(p Probe) (Prober, error) {
		made, err := NewProber(p)
		return &instant{made}, err
	}})
	definitions := make([]Definition, 0, checks)
	for i := range checks {
		definitions = append(definitions, Definition{
			Probe: Probe{
				Scheme: HTTP, Host: fmt.Sprintf("192.0.%d.%d", i/256, i%256), Port: 80,
				Path: "/healthz", Method: "GET", Status: "200-399", Match: "ok",
			},
			Timing: Timing{Interval: time.Hour, Timeout: time.Second, Fast: time.Minute, Fall: 3, Rise: 2},
		})
	}
	l, err := r.Acquire(definitions)
	if err != nil {
		tb.Fatal(err)
	}
	for !l.Known() {
		<-l.Changes()
	}
	return r, l
}

// instant holds a real prober but needs no network.
type instant struct{ Prober }

func (*instant) Probe(context.Context) Result { return Result{Outcome: Pass, Reason: ReasonOK} }

// idleCost is what one idle check keeps, in bytes.
func idleCost(tb testing.TB, checks int) uint64 {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, l := idle(tb, checks)
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	l.Release()
	r.Wait()
	runtime.KeepAlive(l)
	return (after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse) / uint64(checks)
}

func BenchmarkIdleCheckMemory(b *testing.B) {
	for range b.N {
		b.ReportMetric(float64(idleCost(b, 10_000)), "B/check")
	}
}

// TestAllocIdleCheck is the budget of memory and goroutines.
func TestAllocIdleCheck(t *testing.T) {
	if cost := idleCost(t, 10_000); cost > 1536 {
		t.Errorf("An idle check keeps %d bytes, want at most 1536", cost)
	}
	before := runtime.NumGoroutine()
	r, l := idle(t, 10_000)
	time.Sleep(10 * time.Millisecond) // the last goroutines end
	if n := runtime.NumGoroutine() - before; n > 50 {
		t.Errorf("10,000 idle checks have %d goroutines", n)
	}
	l.Release()
	r.Wait()
}
