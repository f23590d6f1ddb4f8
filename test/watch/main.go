// Command watch asks a DNS server for a name again and again and prints a line whenever the answer changes, so that one
// can watch an answer move without having dig at hand.
//
//	watch [-server ADDRESS:PORT] [-every DURATION] NAME [TYPE]
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

func main() {
	server := flag.String("server", "127.0.0.1:1053", "DNS server to ask")
	every := flag.Duration("every", 200*time.Millisecond, "time between two questions")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: watch [-server ADDRESS:PORT] [-every DURATION] NAME [TYPE]")
		flag.PrintDefaults()
	}
	flag.Parse()

	qtype, known := dns.TypeA, true
	if flag.NArg() == 2 {
		qtype, known = dns.StringToType[strings.ToUpper(flag.Arg(1))]
	}
	if flag.NArg() < 1 || flag.NArg() > 2 || !known || *every <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	watch(*server, dns.Fqdn(flag.Arg(0)), qtype, *every)
}

func watch(server, name string, qtype uint16, every time.Duration) {
	client := dns.Client{Timeout: time.Second}
	last := ""
	for ; ; time.Sleep(every) {
		m := new(dns.Msg)
		m.SetQuestion(name, qtype)
		reply, _, err := client.Exchange(m, server)
		now := describe(reply, err)
		if now != last {
			fmt.Printf("%s  %s %s  %s\n", time.Now().Format("15:04:05.0"), name, dns.TypeToString[qtype], now)
			last = now
		}
	}
}

// describe renders what matters of a reply on one line, the records in an order of their own: servers shuffle them.
func describe(reply *dns.Msg, err error) string {
	switch {
	case err != nil:
		return "no answer: " + err.Error()
	case reply.Rcode != dns.RcodeSuccess:
		return dns.RcodeToString[reply.Rcode]
	case len(reply.Answer) == 0:
		return "no records"
	}
	records := make([]string, 0, len(reply.Answer))
	for _, rr := range reply.Answer {
		data := strings.TrimPrefix(rr.String(), rr.Header().String())
		records = append(records, fmt.Sprintf("%s (TTL %ds)", data, rr.Header().Ttl))
	}
	slices.Sort(records)
	return strings.Join(records, ", ")
}
