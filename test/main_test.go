package test

import (
	"os"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
