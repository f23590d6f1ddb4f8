package judge

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// rule is an exception: where an answer of the file plugin is not what ours has to be. It changes the former into the
// latter, and tells whether it had to.
type rule struct {
	name string
	// why is the statement that asks for it.
	why   string
	apply func(c *comparison, q, m *dns.Msg) bool
	// resizes says that it changes how long the answer is, beside what minimal takes away.
	resizes bool
}

// rules apply in this order.
var rules = []rule{
	{"any", "D06, RFC 8482: ANY is answered with HINFO, or with the CNAME alone", anyRule, true},
	{"loop", "D03: more than eight names, or a loop of them, fail", loopRule, true},
	{"empty", "D02, RFC 4592: a name with nothing but names below it exists, so no wildcard covers it", emptyRule, true},
	{"end", "D02, RFC 2308: behind a CNAME the SOA is that of the zone where the chain ends", endRule, true},
	{"outside", "D03: where what is not ours fails, the CNAME stands alone", outsideRule, true},
	{"minimal", "D01: nothing is added to a positive answer, as behind the minimal plugin", minimalRule, false},
	{"letters", "D01: records have the letters of the question, and not those of the zone", lettersRule, true},
	{"serial", "D05: the serial is our own", serialRule, false},
}

// expected applies all rules to what file said, except where that refuses a transfer as we do, and tells whether the
// answer has the length that it had.
func (c *comparison) expected(q, file *dns.Msg) (want *dns.Msg, sameSize bool) {
	m := file.Copy()
	sameSize = true
	if qtype := q.Question[0].Qtype; qtype == dns.TypeAXFR || qtype == dns.TypeIXFR {
		return m, sameSize
	}
	for _, rule := range rules {
		if rule.apply(c, q, m) {
			c.used[rule.name]++
			sameSize = sameSize && !rule.resizes
		}
	}
	return m, sameSize
}

// model is the zone of a name, or nil.
func (c *comparison) model(name string) *model {
	for _, m := range c.models {
		if dns.IsSubDomain(m.origin, strings.ToLower(name)) {
			return m
		}
	}
	return nil
}

func anyRule(c *comparison, q, m *dns.Msg) bool {
	name := q.Question[0].Name
	z := c.model(name)
	if q.Question[0].Qtype != dns.TypeANY || z == nil {
		return false
	}
	kind, types := z.find(name)
	if kind != owner {
		return false
	}
	m.Rcode, m.Authoritative, m.Ns = dns.RcodeSuccess, true, nil
	onlyOPT(m)
	header := dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: 60}
	m.Answer = []dns.RR{&dns.HINFO{Hdr: header, Cpu: "RFC8482"}}
	if len(types) == 1 && types[0] == "CNAME" {
		header.Rrtype = dns.TypeCNAME
		m.Answer = []dns.RR{&dns.CNAME{Hdr: header, Target: z.target(name)}}
	}
	return true
}

// chain is what the CNAMEs behind a question lead to.
type chain struct {
	names int    // that exist in our zones
	end   string // the last name
	zone  *model // of it, nil for a name that is not ours
	kind  kind
	has   bool // it has the type asked for
}

// follow walks from the name of the question as long as there are CNAMEs in the way of the answer.
func (c *comparison) follow(q *dns.Msg) chain {
	qtype := q.Question[0].Qtype
	at := chain{end: q.Question[0].Name}
	for at.names < 20 {
		at.zone = c.model(at.end)
		if at.zone == nil {
			return at
		}
		var types []string
		at.kind, types = at.zone.find(at.end)
		if at.kind == absent {
			return at
		}
		at.names++
		target := at.zone.target(at.end)
		if target == "" || qtype == dns.TypeCNAME || qtype == dns.TypeANY {
			at.has = slices.Contains(types, dns.Type(qtype).String())
			return at
		}
		at.end = target
	}
	return at
}

func loopRule(c *comparison, q, m *dns.Msg) bool {
	if c.follow(q).names <= 8 {
		return false
	}
	m.Rcode, m.Authoritative, m.Answer, m.Ns = dns.RcodeServerFailure, false, nil, nil
	onlyOPT(m)
	return true
}

// onlyOPT empties the additional section.
func onlyOPT(m *dns.Msg) {
	opt := m.IsEdns0()
	m.Extra = nil
	if opt != nil {
		m.Extra = []dns.RR{opt}
	}
}

// emptyRule takes away what a wildcard has put where the question, or a CNAME, ends at an empty non-terminal.
func emptyRule(c *comparison, q, m *dns.Msg) bool {
	at := c.follow(q)
	cnames := at.names - 1
	if at.zone == nil || at.kind != nonTerminal || at.names > 8 || len(m.Answer) == cnames && m.Rcode == dns.RcodeSuccess {
		return false
	}
	m.Rcode, m.Answer = dns.RcodeSuccess, m.Answer[:cnames]
	m.Ns = []dns.RR{ourSOA(at.zone.origin)}
	onlyOPT(m)
	return true
}

// ourSOA is that of one of our zones.
func ourSOA(origin string) *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "ns.dns." + origin, Mbox: "hostmaster." + origin, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: 60,
	}
}

// endRule puts the right SOA where file has none, or that of the zone where the chain begins.
func endRule(c *comparison, q, m *dns.Msg) bool {
	at := c.follow(q)
	if at.names == 0 || at.names > 8 || strings.EqualFold(at.end, q.Question[0].Name) {
		return false
	}
	var soa *dns.SOA
	switch {
	case at.zone != nil && !at.has:
		soa = ourSOA(at.zone.origin)
	case at.end == "nowhere.example.net.", at.end == "host.example.net." && q.Question[0].Qtype != dns.TypeA:
		soa = ourSOA("example.net.")
		soa.Ns, soa.Serial = "ns.example.net.", 1
	default:
		return false
	}
	before := m.Ns
	m.Ns = []dns.RR{soa}
	return len(before) != 1 || before[0].Header().Rrtype != dns.TypeSOA || before[0].Header().Name != soa.Hdr.Name
}

func outsideRule(c *comparison, q, m *dns.Msg) bool {
	at := c.follow(q)
	if at.names == 0 || at.names > 8 || at.end != "broken.example.net." || m.Rcode != dns.RcodeServerFailure {
		return false
	}
	m.Rcode = dns.RcodeSuccess
	return true
}

// minimalRule takes away what file adds, the zone's name servers and addresses of what the answer names, and that only.
func minimalRule(c *comparison, q, m *dns.Msg) bool {
	z := c.model(q.Question[0].Name)
	if z == nil || len(m.Answer) == 0 {
		return false
	}
	changed := false
	if len(m.Ns) == 1 {
		if ns, is := m.Ns[0].(*dns.NS); is && ns.Hdr.Name == z.origin && ns.Ns == "ns.dns."+z.origin {
			m.Ns, changed = nil, true
		}
	}
	extra := m.Extra
	m.Extra = slices.DeleteFunc(slices.Clone(extra), func(rr dns.RR) bool {
		rrtype := rr.Header().Rrtype
		return rrtype == dns.TypeA || rrtype == dns.TypeAAAA
	})
	return changed || len(m.Extra) != len(extra)
}

// lettersRule does what file does not: it keeps stored letters, which are small.
func lettersRule(_ *comparison, _, m *dns.Msg) bool {
	// As it came back: what is escaped in a name can be written in several ways.
	asked, changed := m.Question[0].Name, false
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Name != asked && strings.EqualFold(h.Name, asked) {
			h.Name, changed = asked, true
		}
	}
	return changed
}

func serialRule(c *comparison, _, m *dns.Msg) bool {
	changed := false
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			if soa, is := rr.(*dns.SOA); is && c.serials[strings.ToLower(soa.Hdr.Name)] != 0 {
				soa.Serial, changed = c.serials[strings.ToLower(soa.Hdr.Name)], true
			}
		}
	}
	return changed
}
