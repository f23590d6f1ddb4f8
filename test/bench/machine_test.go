//go:build linux

package bench

import "testing"

func TestTarget(t *testing.T) {
	for i, want := range map[int]string{
		0: "127.1.0.0", 258: "127.1.1.2", 65536: "127.2.0.0", MaxTargets - 1: "127.123.17.255",
	} {
		if got := Target(i); got != want {
			t.Errorf("Expected target %d to be %s, got %s", i, want, got)
		}
	}
}
