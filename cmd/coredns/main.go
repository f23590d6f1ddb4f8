// Command coredns is stock CoreDNS with the failover plugin compiled in. It needs no fork of CoreDNS: the plugin's
// directive is put into the list of directives before the server starts.
package main

import (
	"errors"
	"log"
	"slices"

	_ "github.com/seed-a19ac2b6/failover/plugin/failover"

	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/core/plugin" // every plugin of stock CoreDNS
	"github.com/coredns/coredns/coremain"
)

func init() {
	directives, err := withFailover(dnsserver.Directives)
	if err == nil {
		err = dnsserver.SetDirectives(directives)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func main() { coremain.Run() }

// withFailover returns the directives with failover just before hosts. Everything that writes answers for itself
// (hosts, file, kubernetes, forward) must come after it, or names that failover owns would never reach it; everything
// that wraps answers (cache, dnssec, loadbalance, rewrite) must come before it.
func withFailover(directives []string) ([]string, error) {
	at := slices.Index(directives, "hosts")
	if at < 0 {
		return nil, errors.New("this CoreDNS has no directive \"hosts\": cannot place \"failover\" before it")
	}
	return slices.Insert(slices.Clone(directives), at, "failover"), nil
}
