//go:build linux && kube

package kube

import (
	"testing"
)

// Address gives the machine of the tests an address more, until the end of the test.
func Address(t *testing.T, address string) {
	t.Helper()
	must(t, "ip", "addr", "add", address, "dev", "lo", "nodad")
	t.Cleanup(func() { must(t, "ip", "addr", "del", address, "dev", "lo") })
}

// Drop has the machine of the tests swallow without a word what is sent to an IPv4 prefix, until mend is called or the
// test ends.
func Drop(t *testing.T, prefix string) (mend func()) {
	t.Helper()
	must(t, "nft", "add table ip hole")
	must(t, "nft", "add chain ip hole in { type filter hook input priority 0; }")
	must(t, "nft", "add rule ip hole in ip daddr "+prefix+" drop")
	mended := false
	mend = func() {
		if !mended {
			mended = true
			must(t, "nft", "delete table ip hole")
		}
	}
	t.Cleanup(mend)
	return mend
}

// must runs a command that has to succeed and returns what it prints.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	r := execute(t, "", nil, name, args...)
	if r.Code != 0 {
		t.Fatalf("Expected %s %v to succeed, got exit code %d: %s%s", name, args, r.Code, r.Out, r.Err)
	}
	return r.Out
}
