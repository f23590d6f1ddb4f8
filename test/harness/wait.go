package harness

import (
	"testing"
	"time"
)

// Soon is for what comes within two seconds on a machine that is not busy.
const Soon = 10 * time.Second

// Eventually polls until it is true, and fails the test after the time given.
func Eventually(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Expected within %v: %s", within, what)
		}
	}
}
