package policy_test

import (
	"flag"
	"testing"
)

// TestMain raises the number of random trees, unless the command line names one: they are cheap, and what they look
// for is rare.
func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set("500")
	}
	m.Run()
}
