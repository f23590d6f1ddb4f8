package cluster

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	discovery "k8s.io/api/discovery/v1"
)

// slicesOf makes a namespace of n Services, each with a slice of ten endpoints.
func slicesOf(n int) []any {
	all := make([]any, n)
	for i := range all {
		s := sliceOf(fmt.Sprintf("service-%06d-%05x", i, i*31%0xfffff), "ready", "ready", "ready", "ready", "ready", "ready", "ready",
			"ready", "ready", "unready")
		s.Labels[discovery.LabelServiceName] = fmt.Sprintf("service-%06d", i)
		all[i] = s
	}
	return all
}

// BenchmarkKept tells what is kept of a slice, and how long it takes to make that of a namespace.
func BenchmarkKept(b *testing.B) {
	const n = 20_000
	all := slicesOf(n)
	e := kept()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	for b.Loop() {
		_ = e.Replace(all, "1")
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, "B/slice")
	b.ReportMetric(float64(took.Microseconds())/float64(b.N)/n, "us/slice")
	runtime.KeepAlive(all)
	runtime.KeepAlive(e)
}

// BenchmarkProbe is what a check costs that nothing has happened to.
func BenchmarkProbe(b *testing.B) {
	e := kept(slicesOf(1000)...)
	b.ReportAllocs()
	for b.Loop() {
		e.judge("service-000500", "pg")
	}
}
