package probe

import (
	"errors"
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
