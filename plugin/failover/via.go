package failover

import (
	"fmt"
	"strings"
)

// tellApart has each server block look names up as its own. Those with the same keys are told apart by their order where
// they are parsed; but then a reload that takes one away, or moves it, hands what was found for one view to the clients
// of another, who may not be meant to see it. What they have views or addresses for is known only now.
func tellApart(blocks []block) {
	names := make([]string, len(blocks))
	alike, told := make(map[string]int), make(map[string]int)
	for i, b := range blocks {
		names[i] = b.key
		if b.audience != nil {
			if view, _ := b.audience(); view != "" {
				names[i] += ", view " + view
			}
		}
		alike[names[i]]++
	}
	for i, b := range blocks {
		via := names[i]
		if b.audience != nil && alike[via] > 1 {
			if _, hosts := b.audience(); strings.Join(hosts, "") != "" {
				via += ", bind " + strings.Join(hosts, " ")
			}
		}
		if told[via]++; told[via] > 1 {
			via = fmt.Sprintf("%s (%d)", via, told[via])
		}
		b.handler.config.LookUpVia(via)
	}
}
