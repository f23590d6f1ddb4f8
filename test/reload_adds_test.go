package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestO03_A08_ASignalAddsThePlugin has a reload bring the plugin to a server that had none of it. On SIGUSR1 CoreDNS
// forgets whom it was to tell that the new configuration serves.
func TestO03_A08_ASignalAddsThePlugin(t *testing.T) {
	t.Parallel()
	const with = `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		STANZA
		hosts hosts.txt example.com
	}`
	s := harness.Start(t, strings.Replace(with, "STANZA", "", 1), "hosts.txt", "192.0.2.30 hosted.example.com\n")
	s.SignalReload(t, strings.Replace(with, "STANZA", "failover {\nprimary www alias hosted.example.com.\n}", 1), false)
	harness.Eventually(t, harness.Soon, "the address of the alias", func() bool {
		return slices.Equal(harness.Answer(s.Ask(t, "www.example.org.", dns.TypeA)), []string{"A 192.0.2.30"})
	})
}
