package corefile

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
)

func TestFilesAreRelativeToRoot(t *testing.T) {
	c := caddy.NewTestController("dns", `failover {
		check web https://:443/ tls ca.pem
		answer www 192.0.2.1 check web
	}`)
	c.ServerBlockKeys = []string{"dns://example.org.:1053"}
	dnsserver.GetConfig(c).Root = "testdata"
	config, err := Parse(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Checks[0].Probe.Spec().CAFile; got != "testdata/ca.pem" {
		t.Errorf("CA file %q, want testdata/ca.pem", got)
	}
	if got := config.Zones[0].Name; got != "example.org." {
		t.Errorf("Zone %q, want example.org.", got)
	}
}

func TestFilesInTheOrderOfCoreDNS(t *testing.T) {
	for _, tc := range []struct {
		values        []string
		cert, key, ca string
	}{
		{[]string{"ca"}, "", "", "ca"},
		{[]string{"cert", "key"}, "cert", "key", ""},
		{[]string{"cert", "key", "ca"}, "cert", "key", "ca"},
	} {
		var s settings
		if err := setTLS(&s, tc.values); err != nil {
			t.Fatal(err)
		}
		if s.probe.CertFile != tc.cert || s.probe.KeyFile != tc.key || s.probe.CAFile != tc.ca {
			t.Errorf("tls %q: %+v", tc.values, s.probe)
		}
	}
}

func TestStateFileIsRelativeToRoot(t *testing.T) {
	c := caddy.NewTestController("dns", "failover {\n state state.json\n}\nfailover example.net {\n}\n")
	c.ServerBlockKeys = []string{"dns://example.org.:1053"}
	dnsserver.GetConfig(c).Root = "testdata"
	config, err := Parse(c)
	if err != nil {
		t.Fatal(err)
	}
	want, err := filepath.Abs("testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	if config.State == nil || config.State.Path != want || config.State.Pos.Line != 2 {
		t.Errorf("Got %+v, want %s", config.State, want)
	}
	other := &StateFile{Pos: Pos{File: "Corefile", Line: 9}, Path: "/state.json"}
	if err := other.Same(&StateFile{Pos: Pos{File: "Corefile", Line: 2}, Path: "/state.json"}); err != nil {
		t.Error(err)
	}
	if err := other.Same(config.State); err == nil {
		t.Error("Two state files are taken for one")
	}
}

// TestOtherMachines wants what a Corefile names on a machine to be looked for on that one only.
func TestOtherMachines(t *testing.T) {
	for _, tc := range []struct {
		name, text      string
		here, elsewhere string // what each of the parsers finds wrong
	}{
		{
			name: "certificate", text: "check web https://:443/ tls none.pem\nanswer www 192.0.2.1 check web",
			here: "no such file",
		},
		{
			name: "header", text: "check web http://:80/\ncheck web header Authorization file none.token\nanswer www 192.0.2.1 check web",
			here: "no such file",
		},
		{
			name: "program", text: "allow_exec\ncheck lag exec /none/lag\nanswer www 192.0.2.1 check lag",
			here: "no such file",
		},
		{
			name: "token", text: "admin 127.0.0.1:9180 token_file none.token\nstatic www 192.0.2.1",
			here: "no such file",
		},
		{
			name: "heartbeat", text: "admin 127.0.0.1:9180\ncheck beat heartbeat 1m\ncheck beat token_file none.token\nanswer www 192.0.2.1 check beat",
			here: "no such file",
		},
		{name: "state", text: "state none/state.json\nstatic www 192.0.2.1", here: "no such file"},
		{
			name: "webhook", text: "webhook https://hooks.example.org/ token_file none.key\nstatic www 192.0.2.1",
			here: "no such file",
		},
		{name: "ping", text: "check alive icmp://\nanswer www 192.0.2.1 check alive"},
		{
			name: "mistake", text: "check web http://:80/ every 5s\nanswer www 192.0.2.1 check web",
			here: `unknown word "every"`, elsewhere: `unknown word "every"`,
		},
	} {
		for parser, want := range map[string]string{"here": tc.here, "elsewhere": tc.elsewhere} {
			c := caddy.NewTestController("dns", "failover {\n"+tc.text+"\n}")
			c.ServerBlockKeys = []string{"dns://example.org.:1053"}
			dnsserver.GetConfig(c).Root = t.TempDir()
			parse := map[string]func(*caddy.Controller) (*Config, error){
				"here": ParseHere, "elsewhere": ParseElsewhere,
			}[parser]
			_, err := parse(c)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: Expected the error %q, got %v", tc.name, parser, want, err)
			}
		}
	}
}
