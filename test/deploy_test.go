package test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestDeployedCorefiles wants no warning of what is shipped, since it is what people begin with.
func TestDeployedCorefiles(t *testing.T) {
	t.Parallel()
	for name := range deployed(t) {
		if strings.HasPrefix(name, "stub-zones/") {
			continue // These are for servers that know nothing of the plugin.
		}
		path, err := filepath.Abs(filepath.Join("../deploy/kubernetes", name))
		if err != nil {
			t.Fatal(err)
		}
		r := harness.Ctl(t, t.TempDir(), nil, "check", "--strict", path)
		if r.Code != 0 || !strings.Contains(r.Out, " 1 record set") {
			t.Errorf("%s: Expected a record set, no errors and no warnings, got %s%s", name, r.Out, r.Err)
		}
	}
}
