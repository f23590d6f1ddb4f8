package test

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

func TestMain(m *testing.M) {
	if base := os.Getenv(crowdVariable); base != "" {
		if err := playCrowd(base); err != nil {
			fmt.Fprintln(os.Stderr, "The crowd:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(harness.Main(m))
}
