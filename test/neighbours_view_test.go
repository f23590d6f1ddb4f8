package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestViews has one zone in three server blocks: for one network, for another, and for all others. Each has its own
// record sets and its own cache, and what they check alike is one check.
func TestViews(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	block := func(view, stanza string) string {
		return `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		metadata
		` + view + `
		cache
		log . "SAID {name} view={/view/name} id={/failover/id}"
		prometheus 127.0.0.1:@METRICS@
		failover {
			` + fmt.Sprintf("check web %s %s\n", e.URL(), timing) + stanza + `
		}
	}
	`
	}
	in := func(name, network string) string {
		return "view " + name + " {\n expr incidr(client_ip(), '" + network + "')\n }"
	}
	s := harness.Start(t, block(in("office", "127.0.1.0/24"), `
			cacheable
			ttl 60s
			static    www 203.0.113.1
			static    inside 203.0.113.2`)+
		block(in("branch", "127.0.2.0/24"), `
			primary   www 203.0.113.3 check web id near
			secondary www 192.0.2.1 id far`)+
		block("", `
			primary   www 192.0.2.1 check web
			secondary www 198.51.100.1`))
	answer := func(source, name string) string {
		m := s.AskFrom(t, source, name, dns.TypeA)
		if len(m.Answer) == 0 {
			return dns.RcodeToString[m.Rcode]
		}
		return harness.Rdata(m.Answer[0])
	}
	type clients map[string]string
	check := func(want clients) {
		t.Helper()
		for source, address := range want {
			if got := answer(source, "www.example.org."); got != address {
				t.Errorf("%s: expected %s, got %s", source, address, got)
			}
		}
	}
	check(clients{"127.0.1.1": "203.0.113.1", "127.0.2.1": "203.0.113.3", "127.0.3.1": "192.0.2.1"})
	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	check(clients{"127.0.1.1": "203.0.113.1", "127.0.2.1": "192.0.2.1", "127.0.3.1": "198.51.100.1"})

	// The first block whose view takes the client has the last word: a name that it does not know is looked for in no
	// other.
	for source, want := range map[string]string{"127.0.1.1": "203.0.113.2", "127.0.2.1": "NXDOMAIN", "127.0.3.1": "NXDOMAIN"} {
		if got := answer(source, "inside.example.org."); got != want {
			t.Errorf("%s: expected %s, got %s", source, want, got)
		}
	}
	if got := s.Metric(t, "coredns_failover_checks"); got != 1 {
		t.Errorf("Expected one check for all views, got %v", got)
	}
	harness.Eventually(t, harness.Soon, "the view in the log, with what was chosen", func() bool {
		return len(s.Log.Lines("SAID www.example.org.", "view=branch", "id=far")) > 0
	})
}

// TestViewByType has a view that looks at the question.
func TestViewByType(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `example.org:@DNS@ {
		bind 127.0.0.1
		view mail {
			expr type() == 'MX'
		}
		failover {
			static @ MX "10 mx"
		}
	}
	example.org:@DNS@ {
		bind 127.0.0.1
		failover {
			static @ 192.0.2.1
		}
	}`)
	for qtype, want := range map[uint16]string{dns.TypeMX: "MX 10 mx.example.org.", dns.TypeA: "A 192.0.2.1"} {
		if got := harness.Answer(s.Ask(t, "example.org.", qtype)); len(got) != 1 || got[0] != want {
			t.Errorf("Expected %s, got %q", want, got)
		}
	}
}

// TestBlocksForOneZoneOnSeveralAddresses answers each address from its own block.
func TestBlocksForOneZoneOnSeveralAddresses(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `example.org:@DNS@ {
		bind 127.0.0.1
		failover {
			static www 192.0.2.1
		}
	}
	example.org:@DNS@ {
		bind 127.0.0.2
		failover {
			static www 192.0.2.2
		}
	}`)
	for _, host := range []string{"1", "2"} {
		twin := *s
		twin.Addr = fmt.Sprintf("127.0.0.%s:%d", host, s.Ports["@DNS@"])
		if got := twin.A(t, "www"); got != "192.0.2."+host {
			t.Errorf("127.0.0.%s: got %q", host, got)
		}
	}
}
