//go:build linux

package main

import "fmt"

// The servers, or plugins of CoreDNS.
const (
	failover    = "failover"
	empty       = "empty"
	lookup      = "lookup"
	whoami      = "whoami"
	hosts       = "hosts"
	file        = "file"
	template    = "template"
	loadbalance = "file+loadbalance"
	gdnsd       = "gdnsd"
	powerDNS    = "PowerDNS Lua"
)

// How many records a set has to choose from.
const (
	single   = "single"
	weighted = "weighted"
)

// contestant is one server with one configuration.
type contestant struct {
	who        string
	answers    string // single or weighted
	sets       int
	prometheus bool
}

func (c contestant) String() string {
	with := ""
	if c.prometheus {
		with = " with prometheus"
	}
	return fmt.Sprintf("%s%s, %s, %d sets", c.who, with, c.answers, c.sets)
}

// peers is what contestants share that are compared.
func (c contestant) peers(other contestant) bool {
	return c.answers == other.answers && c.sets == other.sets && c.prometheus == other.prometheus
}

// records is the number of records in a set.
func (c contestant) records() int {
	switch {
	case c.answers == weighted:
		return len(weights)
	case c.who == failover || c.who == gdnsd || c.who == powerDNS:
		return 2 // those that answer by health have somewhere to go
	default:
		return 1
	}
}

// weights of the records of a weighted set, in their order.
var weights = [...]int{10, 20, 20}

// field gives the contestants that run beside each other, the reference first, then what is to be compared with it most
// exactly. The plugins that answer by nothing that is stored, and the costs of their garbage with prometheus on, are the
// same whatever the number of sets, so those are in the main field only.
func field(sets int, main bool) []contestant {
	list := []contestant{
		{empty, single, sets, false},
		{failover, single, sets, false},
		{failover, weighted, sets, false},
		{empty, single, sets, true},
		{failover, single, sets, true},
		{failover, weighted, sets, true},
		{lookup, single, sets, false},
		{hosts, single, sets, false},
		{file, single, sets, false},
		{loadbalance, weighted, sets, false},
		{gdnsd, single, sets, false},
		{gdnsd, weighted, sets, false},
		{powerDNS, single, sets, false},
		{powerDNS, weighted, sets, false},
	}
	if main {
		list = append(
			list,
			contestant{whoami, single, sets, false},
			contestant{template, single, sets, false},
			contestant{whoami, single, sets, true},
			contestant{hosts, single, sets, true},
			contestant{file, single, sets, true},
			contestant{template, single, sets, true},
			contestant{loadbalance, weighted, sets, true},
		)
	}
	return list
}
