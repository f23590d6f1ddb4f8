package probe

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"
)

func TestSharedIsFreedWithItsLastUser(t *testing.T) {
	var s shared[string, []string]
	made := 0
	load := func() (*[]string, error) { made++; return &[]string{"value"}, nil }
	one, err := s.get("a", load)
	two, again := s.get("a", load)
	if err != nil || again != nil || one != two || made != 1 {
		t.Errorf("Made %d times, errors %v and %v", made, err, again)
	}
	if _, err := s.get("b", func() (*[]string, error) { return nil, errors.New("broken") }); err == nil || s.holds("b") {
		t.Errorf("Error %v, kept %t", err, s.holds("b"))
	}
	runtime.KeepAlive(one)
	until := time.Now().Add(5 * time.Second)
	for s.holds("a") {
		if time.Now().After(until) {
			t.Fatal("It is kept though nobody uses it")
		}
		runtime.GC()
		runtime.Gosched()
	}
}

// TestHTTPProbersAreSmall is about memory: there may be a hundred thousand of them, with few patterns and headers.
func TestHTTPProbersAreSmall(t *testing.T) {
	const count, most = 10_000, 400
	var before, after runtime.MemStats
	probers := make([]Prober, count)
	specs := make([]Spec, count)
	for i := range specs {
		specs[i] = Spec{
			Scheme: HTTP, Host: fmt.Sprintf("192.0.2.%d", i%256), Port: uint16(1 + i), Path: "/healthz", Method: "GET", Status: "200-399",
			Match: "st.tus: (up|ok)", Headers: "Authorization: Bearer secret\n",
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range specs {
		probers[i] = prober(t, specs[i])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / count; each > most {
		t.Errorf("A prober takes %d bytes", each)
	}
	if first, last := probers[0].(*httpProber), probers[count-1].(*httpProber); first.plan != last.plan {
		t.Error("What they have in common is kept twice")
	}
	runtime.KeepAlive(specs)
}
