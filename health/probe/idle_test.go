package probe

import (
	"fmt"
	"runtime"
	"testing"
)

// idleKinds are checks as there may be a hundred thousand of, that differ in nothing but their host. What a prober may
// take is in bytes and objects; it does not count the text of the host, which the check's ID holds anyway.
var idleKinds = []struct {
	name    string
	spec    Spec
	bytes   float64
	objects float64
}{
	{"tcp", Spec{Scheme: TCP, Port: 25}, 48, 1},
	{"tcp-expect", Spec{Scheme: TCP, Port: 25, Send: "QUIT\r\n", Expect: "^221 (Bye|bye)"}, 48, 1},
	{"udp", Spec{Scheme: UDP, Port: 514}, 48, 1},
	{"dns", Spec{Scheme: DNS, Port: 53, Name: "www.example.org.", Type: "A", Rcode: "NOERROR"}, 48, 1},
	{"http", Spec{
		Scheme: HTTP, Port: 80, Path: "/healthz", Method: "GET", Status: "200-399",
		Match: "st.tus: (up|ok)", Headers: "Authorization: Bearer secret\n",
	}, 64, 1},
	{"https", Spec{Scheme: HTTPS, Port: 443, Path: "/healthz", Method: "GET", Status: "200-399"}, 128, 2},
	{"tls", Spec{Scheme: TLS, Port: 443}, 112, 1},
	{"grpc", Spec{Scheme: GRPC, Port: 50051}, 64, 1},
	{"prometheus", Spec{Scheme: Prometheus, Port: 9090, Path: "/", Query: "up", Insufficient: "last"}, 80, 1},
}

// idleCount is how many probers are made to know what one takes.
const idleCount = 10_000

// idle makes probers, and gives what each takes.
func idle(tb testing.TB, spec Spec) (bytes, objects float64, probers []Prober) {
	tb.Helper()
	specs := make([]Spec, idleCount)
	for i := range specs {
		specs[i] = spec
		specs[i].Host = fmt.Sprintf("192.0.%d.%d", i/256, i%256)
	}
	probers = make([]Prober, idleCount)
	first := prober(tb, specs[0]) // what all share does not count
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range specs {
		probers[i] = prober(tb, specs[i])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytes = (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / idleCount
	objects = (float64(after.HeapObjects) - float64(before.HeapObjects)) / idleCount
	runtime.KeepAlive(specs)
	runtime.KeepAlive(first)
	return bytes, objects, probers
}

// BenchmarkIdle reports what a prober takes between attempts.
func BenchmarkIdle(b *testing.B) {
	for _, kind := range idleKinds {
		b.Run(kind.name, func(b *testing.B) {
			for range b.N {
				bytes, objects, probers := idle(b, kind.spec)
				b.ReportMetric(bytes, "B/prober")
				b.ReportMetric(objects, "objects/prober")
				runtime.KeepAlive(probers)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestIdleProbersAreSmallAllocs holds what they may take, give or take what else goes on in the process.
func TestIdleProbersAreSmallAllocs(t *testing.T) {
	for _, kind := range idleKinds {
		bytes, objects, probers := idle(t, kind.spec)
		if bytes > kind.bytes*1.1 || objects > kind.objects*1.1 {
			t.Errorf("%s: %.0f bytes in %.1f objects, want %.0f in %.0f", kind.name, bytes, objects, kind.bytes, kind.objects)
		}
		runtime.KeepAlive(probers)
	}
}
