// Command stock is CoreDNS without the failover plugin and with all others, in their order: what answers are compared
// with.
package main

import (
	_ "github.com/coredns/coredns/core/plugin" // every plugin of stock CoreDNS
	"github.com/coredns/coredns/coremain"
)

func main() { coremain.Run() }
