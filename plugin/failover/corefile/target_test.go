package corefile

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/coredns/caddy"
)

// A machine that does not allow what a check needs is found out before anything is replaced by it.
func TestPermissionToPing(t *testing.T) {
	for _, tc := range []struct{ name, forbidden, want string }{
		{"all allowed", "none", ""},
		{"IPv4", "192.0.2.1", "Testfile:3 - check alive: icmp: not here"},
		{"IPv6", "2001:db8::1", "Testfile:3 - check alive: icmp: not here"},
		{"a name", "www.example.org", "Testfile:4 - check named: icmp: not here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := caddy.NewTestController("dns", `failover {
				check web tcp://:80
				check alive icmp://
				check named icmp://mail.example.net
				answer www 192.0.2.9 2001:db8::9 check web alive named
			}`)
			c.ServerBlockKeys = []string{"example.org"}
			asked := make(map[string]int)
			_, err := read(c, func(p probe.Spec) error {
				asked[p.Host]++
				if p.Scheme == probe.ICMP && p.Host == tc.forbidden {
					return errors.New("icmp: not here")
				}
				return nil
			})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("Error %v, want none", err)
			case tc.want != "" && (err == nil || err.Error() != tc.want):
				t.Errorf("Error %v, want %s", err, tc.want)
			}
			for host, times := range asked {
				if times > 1 {
					t.Errorf("%s was tried %d times", host, times)
				}
			}
		})
	}
}

// Nothing is asked for on behalf of checks that are not probed.
func TestNoPermissionToPingWithoutPings(t *testing.T) {
	c := caddy.NewTestController("dns", `failover {
		check alive icmp://
		check off icmp:// disabled
		answer www 192.0.2.9 check off
	}`)
	c.ServerBlockKeys = []string{"example.org"}
	if _, err := read(c, func(probe.Spec) error { return errors.New("not here") }); err != nil {
		t.Error(err)
	}
}

func TestOctets(t *testing.T) {
	for text, want := range map[string]string{
		`PING\r\n`: "PING\r\n", `\\r`: `\r`, `\x41\x0a`: "A\n", `\0`: "\x00", `a\tb`: "a\tb", "": "", "\u00e9": "\u00e9",
	} {
		if got, err := octets(text); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`\`, `\q`, `\"`, `\x`, `\x1`, `\xgg`, `\x+1`, `\X41`, `\1`} {
		if got, err := octets(text); err == nil {
			t.Errorf("%s is %q, want an error", text, got)
		}
	}
}

func FuzzOctets(f *testing.F) {
	f.Add(`PING\r\n\x00\\`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := octets(text)
		if err == nil && len(got) > len(text) {
			t.Errorf("%q became longer: %q", text, got)
		}
		if err == nil && !strings.Contains(text, `\`) && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
