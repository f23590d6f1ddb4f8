package judge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// ednsProbes are those of RFC 8906, section 8, which ISC's compliance tester sends, and that tester's others, under its
// names. Each is a plain question for the SOA of the zone but for what it changes.
var ednsProbes = []struct {
	name   string
	change func(m *dns.Msg)
	tcp    bool
	want   ednsReply
}{
	{"dns", nil, false, soa()},
	{"type1000", qtype(1000), false, ednsReply{aa: true}},
	{"unknown class", func(m *dns.Msg) { m.Question[0].Qclass = 1000 }, false, ednsReply{rcode: dns.RcodeRefused}},
	{"rd", func(m *dns.Msg) { m.RecursionDesired = true }, false, soa().with("rd")},
	{"cd", func(m *dns.Msg) { m.CheckingDisabled = true }, false, soa().with("cd")},
	{"ad", func(m *dns.Msg) { m.AuthenticatedData = true }, false, soa()},
	{"zflag", func(m *dns.Msg) { m.Zero = true }, false, soa()},
	{"aa", func(m *dns.Msg) { m.Authoritative = true }, false, soa()},
	{"ra", func(m *dns.Msg) { m.RecursionAvailable = true }, false, soa()},
	{"opcode15", func(m *dns.Msg) { m.Opcode = 15 }, false, ednsReply{rcode: dns.RcodeNotImplemented}},
	{"opcode15 header only", func(m *dns.Msg) { m.Opcode, m.Question = 15, nil }, false,
		ednsReply{rcode: dns.RcodeNotImplemented}},
	{"tcp", nil, true, soa()},
	{"edns", edns(0), false, soa().with("opt")},
	{"ednstcp", edns(0), true, soa().with("opt")},
	{"edns1", edns(1), false, badvers()},
	{"edns100", edns(100), false, badvers()},
	{"ednsopt", edns(0, unknownOption), false, soa().with("opt")},
	{"edns1opt", edns(1, unknownOption), false, badvers()},
	{"ednsflags", edns(0, flags(0x40)), false, soa().with("opt")},
	{"edns1flags", edns(1, flags(0x40)), false, badvers()},
	{"do", edns(0, flags(0x8000)), false, soa().with("opt", "do", "rrsig")},
	{"ednsdo tcp", edns(0, flags(0x8000)), true, soa().with("opt", "do", "rrsig")},
	{"edns1do", edns(1, flags(0x8000)), false, badvers()},
	{"dnskey tcp", func(m *dns.Msg) { qtype(dns.TypeDNSKEY)(m); edns(0, flags(0x8000))(m) }, true,
		ednsReply{aa: true, opt: true, do: true, rrsig: true, answers: 2}},
	{"nsid", edns(0, option(&dns.EDNS0_NSID{Code: dns.EDNS0NSID})), false, soa().with("opt")},
	{"cookie", edns(0, cookie), false, soa().with("opt")},
	{"badcookie", edns(0, option(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102"})), false, soa().with("opt")},
	{"expire", edns(0, option(&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true})), false, soa().with("opt")},
	{"subnet", edns(0, subnet), false, soa().with("opt")},
	{"dau", edns(0, option(&dns.EDNS0_DAU{Code: dns.EDNS0DAU, AlgCode: []uint8{13}})), false, soa().with("opt")},
	{"keepalive udp", edns(0, option(&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})), false, soa().with("opt")},
	{"padding", edns(0, option(&dns.EDNS0_PADDING{Padding: make([]byte, 64)})), false, soa().with("opt")},
	{"optlist", edns(0, option(&dns.EDNS0_NSID{Code: dns.EDNS0NSID}), cookie, subnet,
		option(&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true})), false, soa().with("opt")},
	{"edns@512", func(m *dns.Msg) {
		m.Question[0].Name = "big.example.org."
		qtype(dns.TypeTXT)(m)
		edns(0, size(512))(m)
	},
		false, ednsReply{aa: true, opt: true, tc: true}},
	{"edns@0", func(m *dns.Msg) { m.Question[0].Name = "big.example.org."; qtype(dns.TypeTXT)(m); edns(0, size(0))(m) },
		false, ednsReply{aa: true, opt: true, tc: true}},
	{"nxdomain", func(m *dns.Msg) { m.Question[0].Name = "nope.example.org."; edns(0, unknownOption)(m) }, false,
		ednsReply{rcode: dns.RcodeNameError, aa: true, opt: true}},
}

// ednsFailures are probes that CoreDNS itself fails, whatever plugin answers, and how. One that passes has been mended
// there, and belongs into ednsProbes.
var ednsFailures = []struct {
	name   string
	change func(m *dns.Msg)
	want   ednsReply
	got    string
}{
	// Only the lower of the two octets of flags is cleared (request.SizeAndDo).
	{"ednsflags, the upper ones", edns(0, flags(0x7fff)), soa().with("opt"), "got 7f00"},
	{"do and all flags", edns(0, flags(0xffff)), soa().with("opt", "do", "rrsig"), "got 7f00"},
}

// ednsReply is what a probe must bring. Flags that must be zero, options that were not asked for and other versions
// than 0 are never right; nor is a reply over UDP longer than was announced.
type ednsReply struct {
	rcode, answers          int
	aa, rd, cd, tc, opt, do bool
	rrsig                   bool
	soa                     bool
}

// soa is the good answer.
func soa() ednsReply { return ednsReply{aa: true, soa: true} }

func badvers() ednsReply { return ednsReply{rcode: dns.RcodeBadVers, opt: true} }

func (r ednsReply) with(flags ...string) ednsReply {
	for _, flag := range flags {
		switch flag {
		case "rd":
			r.rd = true
		case "cd":
			r.cd = true
		case "opt":
			r.opt = true
		case "do":
			r.do = true
		case "rrsig":
			r.rrsig = true
		}
	}
	return r
}

func qtype(t uint16) func(*dns.Msg) { return func(m *dns.Msg) { m.Question[0].Qtype = t } }

func edns(version uint8, changes ...func(*dns.OPT)) func(*dns.Msg) {
	return func(m *dns.Msg) {
		opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 4096}}
		opt.SetVersion(version)
		for _, change := range changes {
			change(opt)
		}
		m.Extra = append(m.Extra, opt)
	}
}

func option(o dns.EDNS0) func(*dns.OPT) {
	return func(opt *dns.OPT) { opt.Option = append(opt.Option, o) }
}

func flags(bits uint32) func(*dns.OPT) { return func(opt *dns.OPT) { opt.Hdr.Ttl |= bits } }

func size(n uint16) func(*dns.OPT) { return func(opt *dns.OPT) { opt.SetUDPSize(n) } }

var (
	unknownOption = option(&dns.EDNS0_LOCAL{Code: 100, Data: []byte("data")})
	cookie        = option(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})
	subnet        = option(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IPv4zero})
)

// TestD06_EDNSCompliance sends them to the server, and to file in the same server: what CoreDNS itself gets wrong would
// show there too.
func TestD06_EDNSCompliance(t *testing.T) {
	t.Parallel()
	good := 0
	deliver(t, "RFC 8906, ISC", "EDNS, flags and opcodes", func() string {
		return fmt.Sprintf("%d probes get the right reply; %d do not, by CoreDNS's own fault: unknown flags come back", good,
			len(ednsFailures))
	})
	var big [16]string
	for i := range big {
		big[i] = strconv.Quote(strconv.Itoa(i) + strings.Repeat("x", 200))
	}
	key := newZoneKey(t, "Kexample.org", 257, dns.ECDSAP256SHA256, 256)
	block := "example.org:%s {\n bind 127.0.0.1\n errors\n dnssec {\n key file Kexample.org\n }\n %s\n}\n"
	s := harness.Start(t,
		fmt.Sprintf(block, "@DNS@", "failover {\n static www 192.0.2.1\n static big TXT "+strings.Join(big[:], " ")+"\n }")+
			fmt.Sprintf(block, "@FILE@", "minimal\n file zone"),
		append(key.files, "zone", "@ 60 SOA ns.dns hostmaster 1 7200 1800 86400 60\n@ 60 NS ns.dns\nwww 60 A 192.0.2.1\n"+
			"big 60 TXT "+strings.Join(big[:], "\nbig 60 TXT ")+"\n")...)
	at := func(port string) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Ports[port])) }
	for _, probe := range ednsProbes {
		for _, port := range []string{"@DNS@", "@FILE@"} {
			if err := sendProbe(at(port), probe.change, probe.tcp, probe.want); err != nil {
				t.Errorf("%s, at %s: %v", probe.name, port, err)
			}
		}
		good++
	}
	for _, probe := range ednsFailures {
		for _, port := range []string{"@DNS@", "@FILE@"} {
			err := sendProbe(at(port), probe.change, false, probe.want)
			if err == nil || !strings.Contains(err.Error(), probe.got) {
				t.Errorf("%s, at %s: expected to fail with %q, got %v", probe.name, port, probe.got, err)
			}
		}
	}
}

// sendProbe sends one and says what is wrong with the reply.
func sendProbe(addr string, change func(*dns.Msg), tcp bool, want ednsReply) error {
	q := harness.Question("example.org.", dns.TypeSOA)
	if change != nil {
		change(q)
	}
	reply, err := exchangeWire(addr, q, tcp)
	if err != nil {
		return err
	}
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		return fmt.Errorf("a reply that cannot be read: %w", err)
	}
	limit := dns.MaxMsgSize
	if opt := q.IsEdns0(); !tcp && opt != nil {
		limit = max(dns.MinMsgSize, int(opt.UDPSize()))
	} else if !tcp {
		limit = dns.MinMsgSize
	}
	if len(reply) > limit {
		return fmt.Errorf("a reply of %d octets where %d were announced", len(reply), limit)
	}
	return want.judge(q, m)
}

// judge says what is wrong with a reply.
func (r ednsReply) judge(q, m *dns.Msg) error {
	has := func(rrtype uint16) bool {
		return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == rrtype })
	}
	got := ednsReply{
		rcode: m.Rcode, aa: m.Authoritative, rd: m.RecursionDesired, cd: m.CheckingDisabled, tc: m.Truncated,
		soa: has(dns.TypeSOA), rrsig: has(dns.TypeRRSIG), answers: r.answers,
	}
	if r.answers > 0 {
		got.answers = len(m.Answer)
	}
	opt := m.IsEdns0()
	if opt != nil {
		got.opt, got.do = true, opt.Do()
		switch {
		case opt.Version() != 0:
			return fmt.Errorf("expected EDNS version 0, got: %v", m)
		case opt.Hdr.Ttl&0x7fff != 0:
			return fmt.Errorf("expected no flags but DO in the reply, got %x", opt.Hdr.Ttl&0x7fff)
		case slices.ContainsFunc(opt.Option, func(o dns.EDNS0) bool { return o.Option() == 100 }):
			return fmt.Errorf("expected an unknown option not to come back, got: %v", m)
		}
	}
	switch {
	case m.Id != q.Id || !m.Response || m.Opcode != q.Opcode:
		return fmt.Errorf("expected a reply to this query, got: %v", m)
	case m.Zero || m.AuthenticatedData:
		return fmt.Errorf("expected neither Z nor AD, got: %v", m)
	case got != r:
		return fmt.Errorf("expected %+v, got %+v: %v", r, got, m)
	}
	return nil
}

// exchangeWire sends a message as it is and returns the reply as it came.
func exchangeWire(addr string, m *dns.Msg, tcp bool) ([]byte, error) {
	packed, err := m.Pack()
	if err != nil {
		return nil, err
	}
	network := "udp"
	if tcp {
		network = "tcp"
		packed = append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(packed); err != nil {
		return nil, err
	}
	reply := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(reply)
	if err != nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	if !tcp {
		return reply[:n], nil
	}
	if n < 2 {
		return nil, errors.New("less than a length")
	}
	length := int(binary.BigEndian.Uint16(reply))
	if _, err := io.ReadFull(conn, reply[n:max(n, 2+length)]); err != nil {
		return nil, fmt.Errorf("a part of a reply: %w", err)
	}
	return reply[2 : 2+length], nil
}
