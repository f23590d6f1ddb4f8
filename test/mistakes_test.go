package test

import (
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestMistakesStopTheStart has mistakes that only the running system can tell, and wants file and line of each.
func TestMistakesStopTheStart(t *testing.T) {
	t.Parallel()
	path, _ := program(t)
	const records = "\nprimary www 192.0.2.1 check web\nsecondary www 192.0.2.2"
	// The stanza begins in line 4 of the Corefile.
	for name, test := range map[string]struct {
		stanza string
		want   []string
	}{
		"a program without allow_exec": {"check web exec " + path, []string{"Corefile:5", "allow_exec"}},
		"a program that is not there":  {"allow_exec\ncheck web exec " + path + "-none", []string{"Corefile:6", path + "-none"}},
		"a resolver that is this server": {
			"check web http://www.example.com/ resolver 127.0.0.1:@DNS@",
			[]string{"Corefile:5", "resolver 127.0.0.1:", "is this server itself"},
		},
		"a resolver of several that is this server": {
			"check web http://www.example.com/\ncheck web resolver 192.0.2.53 127.0.0.1:@DNS@",
			[]string{"Corefile:6", "is this server itself"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := harness.Refused(t, harness.Zone(test.stanza+records))
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("Expected %q, got:\n%s", want, said)
				}
			}
		})
	}
}
