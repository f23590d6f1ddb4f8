package corefile

import (
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
