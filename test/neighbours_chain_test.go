package test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// behind is a zone of which some names are ours and others are in hosts, in a zone file and at another server, in this
// order, and one is of the template plugin, which comes before.
const behind = `.:@DNS@ {
	bind 127.0.0.1
	errors
	template IN A example.org {
		match ^made\.example\.org\.$
		answer "{{ .Name }} 60 IN A 203.0.113.1"
		fallthrough
	}
	failover example.org {
		fallthrough
		static made 192.0.2.66
		static www 192.0.2.1
		static four 192.0.2.4
		static a.deep 192.0.2.5
		static *.wild 192.0.2.6
		static out CNAME up.example.org.
		primary broken 192.0.2.7 check never
		set     broken all_down next
		primary dead 192.0.2.8 check never
		set     dead all_down nodata
		check   never manual invert
	}
	hosts {
		203.0.113.2 www.example.org hosted.example.org broken.example.org dead.example.org
		2001:db8::66 four.example.org
		fallthrough
	}
	file db.org example.org {
		fallthrough up.example.org
	}
	forward . 127.0.0.1:@UP@
}
.:@UP@ {
	bind 127.0.0.1
	failover example.org example.com {
		static up 203.0.113.4
	}
}
`

const behindZone = `$ORIGIN example.org.
@      600 IN SOA ns hostmaster 7 7200 1800 86400 60
@      600 IN NS  filed
@      600 IN MX  10 filed
www    600 IN A   203.0.113.3
www    600 IN TXT "filed"
filed  600 IN A   203.0.113.3
below.www 600 IN A 203.0.113.3
x.wild 600 IN A   203.0.113.3
x.deep 600 IN A   203.0.113.3
`

// TestFallthroughChain asks for names of each of them.
func TestFallthroughChain(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, behind, "db.org", behindZone)
	for name, want := range map[string]string{
		"made.example.org.":   "203.0.113.1", // before us
		"www.example.org.":    "192.0.2.1",
		"hosted.example.org.": "203.0.113.2",
		"filed.example.org.":  "203.0.113.3",
		"up.example.org.":     "203.0.113.4",
		"up.example.com.":     "203.0.113.4",
		"broken.example.org.": "203.0.113.2", // with all down, the next
		// Names below ours are not ours, whether there is one between or not.
		"below.www.example.org.": "203.0.113.3",
		"x.deep.example.org.":    "203.0.113.3",
		// But all below a wildcard are.
		"x.wild.example.org.": "192.0.2.6",
		"out.example.org.":    "203.0.113.4",
	} {
		if got := s.Addresses(t, name, dns.TypeA); got != want {
			t.Errorf("%s: expected %q, got %q", name, want, got)
		}
	}
	// A name of ours is ours with all its types, in every state of health, and so is the apex.
	for name, qtype := range map[string]uint16{
		"www.example.org.": dns.TypeTXT, "four.example.org.": dns.TypeAAAA, "example.org.": dns.TypeMX,
		"deep.example.org.": dns.TypeA, "dead.example.org.": dns.TypeA, "x.wild.example.org.": dns.TypeTXT,
	} {
		if err := harness.CheckNegative(s.Ask(t, name, qtype), dns.RcodeSuccess, "example.org."); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The SOA is ours; what denies a name that falls through is the last one's.
	if soa, is := first(s.Ask(t, "example.org.", dns.TypeSOA)).(*dns.SOA); !is || soa.Serial == 7 {
		t.Errorf("Expected the SOA of failover, got: %v", soa)
	}
	m := s.Ask(t, "nope.example.org.", dns.TypeA)
	if m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 || m.Ns[0].(*dns.SOA).Serial != 7 {
		t.Errorf("Expected NXDOMAIN with the SOA of the file, got: %v", m)
	}
}

// TestOneNameOfAZone overrides one name of a zone file and nothing else, by a zone of its own.
func TestOneNameOfAZone(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, `example.org:@DNS@ {
		bind 127.0.0.1
		errors
		failover www.example.org {
			static @ 192.0.2.1
		}
		file db.org
	}`, "db.org", behindZone)
	if got := s.A(t, "www"); got != "192.0.2.1" {
		t.Errorf("Expected the address of failover, got %q", got)
	}
	if got := s.A(t, "filed"); got != "203.0.113.3" {
		t.Errorf("Expected the rest from the file, got %q", got)
	}
	if got := harness.Answer(s.Ask(t, "example.org.", dns.TypeMX)); len(got) != 1 {
		t.Errorf("Expected the apex of the file, got %q", got)
	}
	// The zone has its own apex, and what is below it is denied by it.
	if err := harness.CheckNegative(s.Ask(t, "below.www.example.org.", dns.TypeA), dns.RcodeNameError,
		"www.example.org."); err != nil {
		t.Error(err)
	}
}

// TestFallthroughToNobody refuses, and leaves the log alone.
func TestFallthroughToNobody(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Zone("fallthrough\n static www 192.0.2.1"))
	if m := s.Ask(t, "nope.example.org.", dns.TypeA); m.Rcode != dns.RcodeRefused || m.Authoritative {
		t.Errorf("Expected REFUSED, got: %v", m)
	}
	if lines := s.Log.Lines("[ERROR]"); len(lines) > 0 {
		t.Errorf("Expected no error in the log, got %q", lines)
	}
}
