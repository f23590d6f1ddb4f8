package corefile

import (
	"path/filepath"
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
