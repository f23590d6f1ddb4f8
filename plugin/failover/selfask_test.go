package failover

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

func TestH11_AResolverThatIsThisServerIsRefused(t *testing.T) {
	keys := []string{"dns://example.org.:1053", "dns://example.net.:53", "tls://example.org.:853"}
	for _, tc := range []struct {
		hosts    []string
		resolver string
		refused  bool
	}{
		{[]string{""}, "127.0.0.1:1053", true},
		{[]string{""}, "[::1]:53", true},
		{[]string{""}, "127.0.0.1:5353", false},
		{[]string{""}, "127.0.0.1:853", false}, // nobody answers plain DNS there
		{[]string{""}, "192.0.2.53:53", false},
		{[]string{"0.0.0.0"}, "127.8.8.8:53", true},
		{[]string{"127.0.0.1"}, "127.0.0.1:53", true},
		{[]string{"127.0.0.1"}, "127.0.0.2:53", false},
		{[]string{"127.0.0.1", "fe80::1%eth0"}, "[fe80::1]:53", true},
		{nil, "127.0.0.1:53", false},
	} {
		uses := []corefile.Resolver{{
			Pos: corefile.Pos{File: "Corefile", Line: 7}, Server: netip.MustParseAddrPort(tc.resolver),
		}}
		err := refuseOwn(uses, listenersOf(keys, tc.hosts))
		want := "Corefile:7 - resolver " + tc.resolver + " is this server itself"
		if (err != nil) != tc.refused || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, resolver %s: error %v, want one: %t", tc.hosts, tc.resolver, err, tc.refused)
		}
	}
}

func TestListenersOf(t *testing.T) {
	got := listenersOf([]string{"dns://a.:53", "grpc://b.:443"}, []string{"127.0.0.1", "::1"})
	if want := []listener{{"127.0.0.1", "53"}, {"::1", "53"}}; !slices.Equal(got, want) {
		t.Errorf("Got %v, want %v", got, want)
	}
}
