package lint

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// in writes files into a folder, in which the test runs then.
func in(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFindings(t *testing.T) {
	for _, tc := range []struct {
		name             string
		files            map[string]string
		elsewhere        bool
		errors, warnings []string
	}{
		{
			name: "each block by itself, others' directives unread",
			files: map[string]string{"Corefile": `one.example.org {
    nonesuch {
        block
    }
    failover {
        check web http://:80/ intervall 5s
        answer www 192.0.2.1 check web
        answer www 192.0.2.1 chekc web
    }
}
two.example.org {
    failover {
        primary www 192.0.2.1
        secondary www 192.0.2.2
    }
}
three.example.org {
    failover {
        answer www 192.0.2.300
    }
}
`},
			errors: []string{
				`Corefile:6 - check web: unknown word "intervall", did you mean "interval"?`,
				`Corefile:19 - "192.0.2.300" is not an address; a record of another kind needs its TYPE`,
			},
			warnings: []string{
				`Corefile:13 - the primary of "www" has no check: it always answers, and no secondary ever does`,
			},
		},
		{
			name: "imports",
			files: map[string]string{
				"Corefile": "(web) {\n    check web http://:80/\n}\nexample.org {\n    failover {\n" +
					"        import web\n        import sets/*\n    }\n}\n",
				"sets/www": "answer www 192.0.2.1 check web\nanswer www 192.0.2.1 chekc web\n",
			},
			errors: []string{`sets/www:2 - "chekc" before the name of a check, did you mean "check"?`},
		},
		{
			name:   "no such import",
			files:  map[string]string{"Corefile": "example.org {\n    import none\n}\n"},
			errors: []string{"Corefile:2 - File to import not found: none"},
		},
		{
			name:   "not closed",
			files:  map[string]string{"Corefile": "example.org {\n    failover {\n        static www 192.0.2.1\n"},
			errors: []string{"Corefile:3 - Unexpected EOF"},
		},
		{
			name:   "odd zone",
			files:  map[string]string{"Corefile": "exa..mple.org {\n    failover {\n        static www 192.0.2.1\n    }\n}\n"},
			errors: []string{"Corefile - "},
		},
		{
			name:     "no stanza",
			files:    map[string]string{"Corefile": "example.org {\n    whoami\n}\n"},
			warnings: []string{"Corefile - no server block has a stanza of failover"},
		},
		{
			name: "files are relative to root",
			files: map[string]string{
				"Corefile": "example.org {\n    root conf\n    failover {\n        check web http://:80/\n" +
					"        check web header Authorization file token\n        answer www 192.0.2.1 check web\n    }\n}\n",
				"conf/token": "Bearer x\n",
			},
		},
		{
			name: "two server blocks about one address",
			files: map[string]string{
				"Corefile": "one.example.org {\n    failover {\n        admin 127.0.0.1:9180\n        static www 192.0.2.1\n    }\n}\n" +
					"two.example.org {\n    failover {\n        admin 127.0.0.1:9180 token_file token\n        static www 192.0.2.1\n    }\n}\n",
				"token": "x\n",
			},
			errors: []string{"Corefile:9 - admin: 127.0.0.1:9180 has other words on line 3"},
		},
		{
			name: "a heartbeat without an address to post to",
			files: map[string]string{
				"Corefile": "example.org {\n    failover {\n        check beat heartbeat 1m\n        answer www 192.0.2.1 check beat\n    }\n}\n",
			},
			errors: []string{"Corefile:3 - check beat: "},
		},
		{
			name: "two state files",
			files: map[string]string{
				"Corefile": "one.example.org {\n    failover {\n        state one\n        static www 192.0.2.1\n    }\n}\n" +
					"two.example.org {\n    failover {\n        state two\n        static www 192.0.2.1\n    }\n}\n",
			},
			errors: []string{"Corefile:9 - there is one state file for the process"},
		},
		{
			name: "no file",
			files: map[string]string{"Corefile": "example.org {\n    failover {\n        check web https://:443/ tls ca.pem\n" +
				"        answer www 192.0.2.1 check web\n    }\n}\n"},
			errors: []string{"Corefile:3 - check web: tls: stat ca.pem: no such file or directory"},
		},
		{
			name: "no file on this machine", elsewhere: true,
			files: map[string]string{"Corefile": "example.org {\n    failover {\n        check web https://:443/ tls ca.pem\n" +
				"        answer www 192.0.2.1 check web\n    }\n}\n"},
		},
		{
			name: "nobody to look a name up (A07)",
			files: map[string]string{"Corefile": `one.example.org {
    cache
    failover {
        answer www alias www.example.net.
    }
    log
}
two.example.org {
    forward . 192.0.2.53
    failover {
        answer www alias www.example.net.
    }
}
three.example.org {
    nonesuch
    failover {
        answer www alias www.example.net.
    }
}
four.example.org {
    failover {
        answer www CNAME www.example.net.
    }
}
`},
			errors: []string{"Corefile:4 - alias leads to no record set, and no plugin that could look the name up comes after"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, tc.files)
			r, err := File("Corefile", tc.elsewhere)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "errors", r.Errors, tc.errors)
			compare(t, "warnings", r.Warnings, tc.warnings)
		})
	}
}

// compare wants each finding to begin with what is wanted.
func compare(t *testing.T, what string, got []Finding, want []string) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(f Finding, text string) bool { return strings.HasPrefix(f.String(), text) })
	if !same {
		t.Errorf("Expected the %s %q, got %q", what, want, got)
	}
}

// TestProbed wants equal checks of several server blocks to be one, as they are in the process.
func TestProbed(t *testing.T) {
	t.Setenv("PRIMARY", "192.0.2.1")
	in(t, map[string]string{"Corefile": `example.org example.net {
    failover {
        check web http://:80/ interval 5s
        check both all web alive
        check alive tcp://192.0.2.9:25 interval 1s timeout 500ms
        check beat heartbeat 30s
        admin localhost:9120
        primary   www {$PRIMARY} check web
        secondary www 192.0.2.2 check both beat
    }
}
example.com {
    failover {
        check site http://:80/ interval 5s
        answer www {$PRIMARY} check site
    }
}
`})
	r, err := File("Corefile", false)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Errors)+len(r.Warnings) > 0 || r.Blocks != 2 || r.Zones != 3 || r.Sets != 3 || math.Abs(r.Probes-1.4) > 1e-9 {
		t.Errorf("Expected 2 blocks, 3 zones, 3 sets, 1.4 probes a second, got %+v", r)
	}
	text, err := json.Marshal(r.Checks)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"names":["alive"],"target":"tcp://192.0.2.9:25","interval":"1s","timeout":"500ms"},` +
		`{"names":["beat"],"target":"heartbeat 30s","interval":"10s","timeout":"4s"},` +
		`{"names":["site","web"],"target":"http://192.0.2.1:80/","interval":"5s","timeout":"4s"},` +
		`{"names":["web"],"target":"http://192.0.2.2:80/","interval":"5s","timeout":"4s"}]`
	if string(text) != want {
		t.Errorf("Expected the checks %s, got %s", want, text)
	}
}

func TestNoFile(t *testing.T) {
	if _, err := File(filepath.Join(t.TempDir(), "none"), false); !os.IsNotExist(err) {
		t.Errorf("Expected an error about the file, got %v", err)
	}
}

// TestMistakes wants every mistake that the parser knows to be told as the server tells it.
func TestMistakes(t *testing.T) {
	const folder = "../../../plugin/failover/corefile"
	paths, err := filepath.Glob(folder + "/testdata/invalid/*.corefile")
	if err != nil || len(paths) == 0 {
		t.Fatalf("No Corefiles with mistakes: %v", err)
	}
	for i := range paths {
		if paths[i], err = filepath.Abs(paths[i]); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(folder) // what they name is relative to it
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want := strings.TrimPrefix(first, "# error: ")
		r, err := File(path, false)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]string, 0, len(r.Errors))
		for _, e := range r.Errors {
			got = append(got, strings.ReplaceAll(strings.TrimPrefix(e.String(), path+":"), path, "Corefile"))
		}
		if !slices.Contains(got, want) {
			t.Errorf("%s: Expected %q, got %q", filepath.Base(path), want, got)
		}
	}
}
