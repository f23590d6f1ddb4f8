package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/acl"
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/dns64"
	_ "github.com/coredns/coredns/plugin/header"
	_ "github.com/coredns/coredns/plugin/hosts"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	_ "github.com/coredns/coredns/plugin/template"
	_ "github.com/coredns/coredns/plugin/view"
	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// held is a server in this process, so that the race detector sees it, whose answers go through a cache that prefetches
// and refreshes in the background, and through what else changes queries and answers.
const held = `(rest) {
	metadata
	errors
	log . "{name} {/failover/id} {/view/name}"
	bufsize 1232
	dns64 {
		allow_ipv4
	}
	loadbalance
	rewrite continue edns0 local set 0xffee 0x61626364
	rewrite continue ttl suffix .example.org 0-1
	rewrite stop name suffix .shop.example.org .example.org answer auto
	cache {
		success 9984 3600 0
		denial 9984 1800 0
		prefetch 1 1m 90%%
		serve_stale 1h
	}
	header {
		response set ra
	}
	minimal
	template IN A example.org {
		match ^made\.example\.org\.$
		answer "{{ .Name }} 1 IN A 203.0.113.1"
		fallthrough
	}
	failover {
		cacheable
		fallthrough
		ttl 1s
		check * interval 100ms timeout 100ms fast 20ms fall 2 rise 1
		check web %[1]s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1
		answer    mul 192.0.2.21 check web
		answer    mul 192.0.2.22
		answer    mul 192.0.2.23
		set       mul max 2
		static    *.wild 192.0.2.41 192.0.2.42
		static    own CNAME www
		static    out CNAME made
		static    far CNAME hosted
		primary   @ MX "10 mx1.example.org." check web
		secondary @ MX "20 mx2.example.org."
	}
	hosts {
		ttl 1
		203.0.113.2 hosted.example.org
		fallthrough
	}
}
example.org:%[2]d {
	bind 127.0.0.1
	view some {
		expr type() != 'MX'
	}
	import rest
}
example.org:%[2]d {
	bind 127.0.0.1
	acl { # with it, the targets of CNAMEs get nothing from hosts
		allow
	}
	import rest
}
`

// heldAnswers are the records that each question may be answered with, and how many at once.
var heldAnswers = []struct {
	name  string
	qtype uint16
	from  []string
	count int
}{
	{"www.example.org.", dns.TypeA, []string{"A 192.0.2.1", "A 198.51.100.1"}, 1},
	{"www.shop.example.org.", dns.TypeA, []string{"A 192.0.2.1", "A 198.51.100.1"}, 1},
	{"www.example.org.", dns.TypeAAAA, []string{"AAAA 64:ff9b::c000:201", "AAAA 64:ff9b::c633:6401"}, 1},
	{"mul.example.org.", dns.TypeA, []string{"A 192.0.2.21", "A 192.0.2.22", "A 192.0.2.23"}, 2},
	{"x.wild.example.org.", dns.TypeA, []string{"A 192.0.2.41", "A 192.0.2.42"}, 2},
	{"own.example.org.", dns.TypeA, []string{"A 192.0.2.1", "A 198.51.100.1", "CNAME www.example.org."}, 2},
	{"out.example.org.", dns.TypeA, []string{"A 203.0.113.1", "CNAME made.example.org."}, 2},
	{"far.example.org.", dns.TypeA, []string{"A 203.0.113.2", "CNAME hosted.example.org."}, 2},
	{"example.org.", dns.TypeMX, []string{"MX 10 mx1.example.org.", "MX 20 mx2.example.org."}, 1},
	{"mul.example.org.", dns.TypeTXT, nil, 0},
}

// TestHeldAnswersAreNotChanged asks through all of them at once while health goes up and down. What a plugin did to the
// records that all answers share would be seen in the next answer, or by the race detector.
func TestHeldAnswersAreNotChanged(t *testing.T) {
	e := harness.Serve(t)
	addr := startHeld(t, e)
	var changes, clients sync.WaitGroup
	ended := make(chan struct{})
	changes.Go(func() { flap(e, ended) })
	errs := make(chan error, 8)
	for i := range cap(errs) {
		clients.Go(func() { errs <- heldClient(addr, rand.New(rand.NewPCG(2, uint64(i))), 500) })
	}
	clients.Wait()
	close(ended)
	changes.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}

func startHeld(t *testing.T, e *harness.Endpoint) string {
	t.Helper()
	clog.Discard()
	caddy.Quiet, dnsserver.Quiet = true, true
	if directives := dnsserver.Directives; !slices.Contains(directives, "failover") {
		at := slices.Index(directives, "hosts")
		if err := dnsserver.SetDirectives(slices.Insert(slices.Clone(directives), at, "failover")); err != nil {
			t.Fatal(err)
		}
	}
	instance, err := caddy.Start(caddy.CaddyfileInput{
		Filepath:       "Corefile",
		Contents:       fmt.Appendf(nil, held, e.URL(), harness.FreePort(t)),
		ServerTypeName: "dns",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(append(instance.ShutdownCallbacks(), instance.Stop())...); err != nil {
			t.Error(err)
		}
		instance.Wait()
	})
	addr := instance.Servers()[0].Addr().String()
	// What hosts has is found in the background.
	harness.Eventually(t, harness.Soon, "the target of far", func() bool {
		reply, err := dns.Exchange(harness.Question("far.example.org.", dns.TypeA), addr)
		return err == nil && len(reply.Answer) == 2
	})
	return addr
}

// heldClient asks n times, with and without EDNS, and judges the answers.
func heldClient(addr string, random *rand.Rand, n int) error {
	client := dns.Client{Timeout: harness.Patience, UDPSize: dns.MaxMsgSize}
	for range n {
		q := heldAnswers[random.IntN(len(heldAnswers))]
		m := harness.Question(q.name, q.qtype)
		if random.IntN(2) == 0 {
			m.SetEdns0(4096, false)
		}
		reply, _, err := client.Exchange(m, addr)
		if err != nil {
			return fmt.Errorf("%s %s: %w", q.name, dns.TypeToString[q.qtype], err)
		}
		if err := judgeChain(reply, q.name, q.from, q.count); err != nil {
			return err
		}
		for _, rr := range reply.Answer {
			if h := rr.Header(); h.Ttl > 1 || h.Class != dns.ClassINET || !strings.HasSuffix(h.Name, "example.org.") {
				return fmt.Errorf("expected the record as configured, got: %v", reply)
			}
		}
	}
	return nil
}
