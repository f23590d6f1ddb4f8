package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

func init() { plugin.Register("lookup", setupLookup) }

// setupLookup reads the file in the form of /etc/hosts that the directive names: an address and a name on each line.
func setupLookup(c *caddy.Controller) error {
	if !c.Next() || !c.NextArg() {
		return plugin.Error("lookup", c.ArgErr())
	}
	file, err := os.Open(c.Val())
	if err != nil {
		return plugin.Error("lookup", err)
	}
	defer file.Close()
	answers := make(lookup)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var address, owner string
		if _, err := fmt.Sscan(lines.Text(), &address, &owner); err != nil {
			return plugin.Error("lookup", err)
		}
		header := dns.RR_Header{Name: dns.Fqdn(owner), Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}
		answers[header.Name] = []dns.RR{&dns.A{Hdr: header, A: net.ParseIP(address)}}
	}
	dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return answers })
	return nil
}

// lookup answers with the record that it has stored for the name: the least that a plugin does which has many names.
type lookup map[string][]dns.RR

// Name implements plugin.Handler.
func (lookup) Name() string { return "lookup" }

// ServeDNS implements plugin.Handler.
func (l lookup) ServeDNS(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	m := &dns.Msg{Question: r.Question, Answer: l[r.Question[0].Name]}
	m.Id, m.Response, m.Authoritative, m.RecursionDesired = r.Id, true, true, r.RecursionDesired
	_ = w.WriteMsg(m) // the client is gone
	return dns.RcodeSuccess, nil
}
