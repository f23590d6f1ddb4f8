package test

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// small is a server with one small answer and one of 16 records and some 3,400 octets.
func small(t *testing.T, plugins ...string) *harness.Server {
	t.Helper()
	big := "static big TXT"
	for i := range 16 {
		big += fmt.Sprintf(" %q", fmt.Sprint(i)+strings.Repeat("x", 200))
	}
	return harness.Start(t, harness.Zone("static www 192.0.2.1 2001:db8::1\n"+big, plugins...))
}

// stillServes asks a normal question, which whatever came before must not have spoilt.
func stillServes(t *testing.T, s *harness.Server, after string) {
	t.Helper()
	if got := s.A(t, "www"); got != "192.0.2.1" {
		t.Errorf("After %s: expected 192.0.2.1, got %q", after, got)
	}
}

// opt returns an OPT record of a size, with options.
func opt(size uint16, options ...dns.EDNS0) *dns.OPT {
	o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: size}}
	o.Option = options
	return o
}

// TestD06_SizesFromNothingToEverything announces each kind of size, and asks over TCP where the answer was cut.
func TestD06_SizesFromNothingToEverything(t *testing.T) {
	t.Parallel()
	s := small(t)
	for _, tc := range []struct {
		announced int // -1: no EDNS
		limit     int
	}{
		{-1, 512}, {0, 512}, {1, 512}, {100, 512}, {511, 512}, {512, 512}, {513, 513}, {1220, 1220}, {1232, 1232},
		{1400, 1400}, {4096, 4096}, {65535, 65535},
	} {
		q := harness.Question("big.example.org.", dns.TypeTXT)
		if tc.announced >= 0 {
			q.Extra = []dns.RR{opt(uint16(tc.announced))}
		}
		wire := s.Wire(t, q)
		var m dns.Msg
		if err := m.Unpack(wire); err != nil {
			t.Fatalf("%d announced: %v", tc.announced, err)
		}
		whole := tc.limit >= 4096
		if len(wire) > tc.limit || m.Truncated == whole || (len(m.Answer) == 16) != whole || !m.Authoritative {
			t.Errorf("%d announced: got %d octets, TC %v, AA %v, %d records",
				tc.announced, len(wire), m.Truncated, m.Authoritative, len(m.Answer))
		}
		// Over TCP what is announced for UDP means nothing.
		if m := s.Exchange(t, "tcp", q); len(m.Answer) != 16 || m.Truncated {
			t.Errorf("%d announced: expected all over TCP, got %d records, TC %v", tc.announced, len(m.Answer), m.Truncated)
		}
		// What is small is not cut, however little is announced.
		q.Question[0] = dns.Question{Name: "www.example.org.", Qtype: dns.TypeA, Qclass: dns.ClassINET}
		if m := s.Exchange(t, "udp", q); len(m.Answer) != 1 || m.Truncated {
			t.Errorf("%d announced: expected a small answer whole, got: %v", tc.announced, m)
		}
	}
}

// TestD06_EDNSCompliance is the checklist that ISC publishes for name servers (ednscomp.isc.org), by its names.
func TestD06_EDNSCompliance(t *testing.T) {
	t.Parallel()
	s := small(t)
	unknown := &dns.EDNS0_LOCAL{Code: 100, Data: []byte("any")}
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"}
	version := func(o *dns.OPT, v uint8) *dns.OPT { o.SetVersion(v); return o }
	do := func(o *dns.OPT) *dns.OPT { o.SetDo(); return o }
	// A flag that is not defined, the one that ISC takes. CoreDNS hands the higher ones back as they came.
	flags := func(o *dns.OPT) *dns.OPT { o.Hdr.Ttl |= 0x80; return o }
	for name, tc := range map[string]struct {
		opt     *dns.OPT
		network string
		badvers bool
		do      bool
	}{
		"edns":       {opt: opt(4096)},
		"edns1":      {opt: version(opt(4096), 1), badvers: true},
		"edns255":    {opt: version(opt(4096), 255), badvers: true},
		"ednsopt":    {opt: opt(4096, unknown)},
		"edns1opt":   {opt: version(opt(4096, unknown), 1), badvers: true},
		"do":         {opt: do(opt(4096)), do: true},
		"edns1do":    {opt: do(version(opt(4096), 1)), badvers: true},
		"ednsflags":  {opt: flags(opt(4096))},
		"edns1flags": {opt: flags(version(opt(4096), 1)), badvers: true},
		"docookie":   {opt: do(opt(4096, cookie)), do: true},
		"edns512tcp": {opt: opt(512), network: "tcp"},
		"edns@512":   {opt: opt(512)},
		"padded":     {opt: opt(4096, &dns.EDNS0_PADDING{Padding: make([]byte, 400)})},
		"bigtcp":     {opt: opt(4096, &dns.EDNS0_PADDING{Padding: make([]byte, 4000)}), network: "tcp"},
		"optlist": {opt: opt(4096, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, cookie,
			&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}, subnet(1, 24, 0, "192.0.2.0"))},
	} {
		q := harness.Question("www.example.org.", dns.TypeA)
		q.Extra = []dns.RR{tc.opt}
		m := s.Exchange(t, cmp.Or(tc.network, "udp"), q)
		got := m.IsEdns0()
		if got == nil {
			t.Errorf("%s: expected EDNS in the reply, got: %v", name, m)
			continue
		}
		// Of what it does not know, a server says nothing; a flag that is not defined it leaves out.
		if got.Version() != 0 || len(got.Option) != 0 || got.Z() != 0 || len(m.Extra) != 1 || got.Hdr.Name != "." {
			t.Errorf("%s: expected one bare OPT of version 0, got: %v", name, m)
		}
		wantRcode, wantAnswers := dns.RcodeSuccess, 1
		if tc.badvers {
			wantRcode, wantAnswers = dns.RcodeBadVers, 0
		}
		if m.Rcode != wantRcode || len(m.Answer) != wantAnswers || m.Authoritative == tc.badvers {
			t.Errorf("%s: expected %s and %d records, got: %v", name, dns.RcodeToString[wantRcode], wantAnswers, m)
		}
		if !tc.badvers && got.Do() != tc.do {
			t.Errorf("%s: expected DO as asked, %v", name, tc.do)
		}
	}
	// CoreDNS reads no more than 512 octets of a datagram, and finds the rest missing.
	q := harness.Question("www.example.org.", dns.TypeA)
	q.Extra = []dns.RR{opt(4096, &dns.EDNS0_PADDING{Padding: make([]byte, 1000)})}
	if m := s.Exchange(t, "udp", q); m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeFormatError {
		t.Errorf("Expected an answer to a long datagram or FORMERR, got: %v", m)
	}
	// Without EDNS in the query there is none in the reply.
	if m := s.Ask(t, "www.example.org.", dns.TypeA); len(m.Extra) != 0 {
		t.Errorf("Expected no EDNS where none was asked, got: %v", m)
	}
}

func subnet(family uint16, source, scope uint8, address string) *dns.EDNS0_SUBNET {
	return &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: source, SourceScope: scope, Address: net.ParseIP(address),
	}
}

// TestD07_ClientSubnet sends the option in every shape. No answer depends on the client, which is said by scope 0 or, as
// here, by no option (RFC 7871, section 7.3); a broken one is FORMERR or passed over, and breaks nothing.
func TestD07_ClientSubnet(t *testing.T) {
	t.Parallel()
	s := small(t)
	const answered, formerr = 1 << dns.RcodeSuccess, 1 << dns.RcodeFormatError
	for name, tc := range map[string]struct {
		data []byte // of the option: family, source, scope, address
		want int    // response codes, as bits
	}{
		"IPv4 /24":                    {[]byte{0, 1, 24, 0, 192, 0, 2}, answered},
		"IPv4 /32":                    {[]byte{0, 1, 32, 0, 192, 0, 2, 1}, answered},
		"IPv4 /0, private":            {[]byte{0, 1, 0, 0}, answered},
		"IPv6 /56":                    {[]byte{0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0}, answered},
		"no family, no address":       {[]byte{0, 0, 0, 0}, answered | formerr},
		"a scope in a query":          {[]byte{0, 1, 24, 24, 192, 0, 2}, answered | formerr},
		"bits beyond the prefix":      {[]byte{0, 1, 20, 0, 192, 0, 255}, answered | formerr},
		"an address too long":         {[]byte{0, 1, 8, 0, 192, 0, 2, 1}, answered | formerr},
		"an address too short":        {[]byte{0, 1, 24, 0, 192}, answered | formerr},
		"no address":                  {[]byte{0, 1, 24, 0}, answered | formerr},
		"IPv4 /33":                    {[]byte{0, 1, 33, 0, 192, 0, 2, 1, 0}, formerr},
		"IPv4, scope 33":              {[]byte{0, 1, 24, 33, 192, 0, 2}, formerr},
		"IPv6 /129":                   {append([]byte{0, 2, 129, 0}, make([]byte, 17)...), formerr},
		"more address than there are": {append([]byte{0, 1, 32, 0}, make([]byte, 40)...), answered | formerr},
		"a family that is not there":  {[]byte{0, 9, 24, 0, 192, 0, 2}, formerr},
		"no family but a prefix":      {[]byte{0, 0, 24, 0, 192, 0, 2}, formerr},
		"no octet":                    {nil, formerr},
		"half a family":               {[]byte{0}, formerr},
		"a family alone":              {[]byte{0, 1}, formerr},
	} {
		q := harness.Question("www.example.org.", dns.TypeA)
		q.Extra = []dns.RR{opt(1232, &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: tc.data})}
		m := s.Exchange(t, "udp", q)
		if 1<<m.Rcode&tc.want == 0 || (len(m.Answer) == 1) != (m.Rcode == dns.RcodeSuccess) {
			t.Errorf("%s: got: %v", name, m)
		}
		if o := m.IsEdns0(); o != nil {
			for _, option := range o.Option {
				if got, is := option.(*dns.EDNS0_SUBNET); !is || got.SourceScope != 0 {
					t.Errorf("%s: expected no option, or scope 0, got: %v", name, m)
				}
			}
		}
		stillServes(t, s, name)
	}
}

// TestD06_OddOPT sends OPT records that no client should.
func TestD06_OddOPT(t *testing.T) {
	t.Parallel()
	s := small(t)
	query := func(extra ...dns.RR) *dns.Msg {
		q := harness.Question("www.example.org.", dns.TypeA)
		q.Extra = extra
		return q
	}
	elsewhere := query()
	elsewhere.Answer = []dns.RR{opt(1232)}
	named := opt(1232)
	named.Hdr.Name = "example.org."
	for name, tc := range map[string]struct {
		query *dns.Msg
		want  []int
	}{
		"two OPT (RFC 6891: FORMERR)": {query(opt(1232), opt(4096)), []int{dns.RcodeSuccess, dns.RcodeFormatError}},
		"three OPT":                   {query(opt(1232), opt(4096), opt(512)), []int{dns.RcodeFormatError}},
		"an OPT with a name":          {query(named), []int{dns.RcodeSuccess, dns.RcodeFormatError}},
		"an OPT in the answer":        {elsewhere, []int{dns.RcodeSuccess, dns.RcodeFormatError}},
	} {
		m := s.Exchange(t, "udp", tc.query)
		if !slices.Contains(tc.want, m.Rcode) || (len(m.Answer) == 1) != (m.Rcode == dns.RcodeSuccess) {
			t.Errorf("%s: got: %v", name, m)
		}
		opts := slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT })
		if len(opts) > 1 || len(opts) == 1 && opts[0].Header().Name != "." {
			t.Errorf("%s: expected one OPT at most, at the root, got: %v", name, m)
		}
		stillServes(t, s, name)
	}

	// Options whose lengths lie.
	for name, rdata := range map[string][]byte{
		"an option longer than the record":   {0, 3, 0, 9, 'x'},
		"half an option":                     {0, 3, 0},
		"a cookie of one octet":              {0, 10, 0, 1, 'x'},
		"the same option a hundred times":    []byte(strings.Repeat("\x00\x03\x00\x00", 100)),
		"options of which the second is cut": {0, 3, 0, 0, 0, 8, 0, 200, 0, 1},
	} {
		q := harness.Question("www.example.org.", dns.TypeA)
		wire, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		wire[11] = 1 // one additional record
		wire = append(wire, 0, 0, 41, 4, 208, 0, 0, 0, 0, byte(len(rdata)>>8), byte(len(rdata)))
		wire = append(wire, rdata...)
		for _, network := range []string{"udp", "tcp"} {
			reply := s.Raw(t, network, wire, harness.Patience)
			var m dns.Msg
			if err := m.Unpack(reply); err != nil {
				t.Errorf("%s, %s: expected a reply, got %x, %v", name, network, reply, err)
				continue
			}
			if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeFormatError || m.Id != q.Id {
				t.Errorf("%s, %s: expected an answer or FORMERR, got: %v", name, network, &m)
			}
			stillServes(t, s, name)
		}
	}
}
