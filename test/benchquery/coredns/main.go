// Command coredns is the server of make bench-query: stock CoreDNS with failover and, beside it, a plugin that does
// nothing but write a constant, and one that looks a name up first. What all plugins are measured in is one build, so what differs is the plugin.
package main

import (
	"errors"
	"log"
	"slices"

	_ "github.com/seed-a19ac2b6/failover/plugin/failover"

	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/core/plugin" // those that are measured beside it
	"github.com/coredns/coredns/coremain"
)

func init() {
	if err := place("failover", "empty", "lookup"); err != nil {
		log.Fatal(err)
	}
}

func main() { coremain.Run() }

// place puts directives before hosts, where the product has its own.
func place(names ...string) error {
	at := slices.Index(dnsserver.Directives, "hosts")
	if at < 0 {
		return errors.New("this CoreDNS has no directive \"hosts\"")
	}
	return dnsserver.SetDirectives(slices.Insert(slices.Clone(dnsserver.Directives), at, names...))
}
