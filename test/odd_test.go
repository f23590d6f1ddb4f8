package test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// silence is what nothing comes back to. It is awaited for a moment only: a reply that comes later is found by the next
// case, which asks from another port, no more than by this one.
const silence = -1

// header returns the octets of a message's header.
func header(id, bits uint16, counts ...uint16) []byte {
	wire := binary.BigEndian.AppendUint16(nil, id)
	wire = binary.BigEndian.AppendUint16(wire, bits)
	for i := range 4 {
		n := uint16(0)
		if i < len(counts) {
			n = counts[i]
		}
		wire = binary.BigEndian.AppendUint16(wire, n)
	}
	return wire
}

// question returns the octets of a question, for a name as it is on the wire.
func question(name string, qtype, class uint16) []byte {
	wire := binary.BigEndian.AppendUint16([]byte(name), qtype)
	return binary.BigEndian.AppendUint16(wire, class)
}

// wireName is a name on the wire, of labels.
func wireName(labels ...string) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteByte(byte(len(l)))
		b.WriteString(l)
	}
	b.WriteByte(0)
	return b.String()
}

// TestD06_OddMessages sends messages that no client should, each over UDP and TCP. Whatever comes back comes once, and a
// normal question is answered right after.
func TestD06_OddMessages(t *testing.T) {
	t.Parallel()
	const in = dns.ClassINET
	www := wireName("www", "example", "org")
	normal := question(www, dns.TypeA, in)
	message := func(head []byte, rest ...[]byte) []byte { return slices.Concat(append([][]byte{head}, rest...)...) }
	s := harness.Start(t, harness.Zone("static www 192.0.2.1\nstatic *.wild 192.0.2.2"))
	for _, tc := range []struct {
		name string
		wire []byte
		want []int // response codes, or silence
	}{
		{"a reply", message(header(1, 0x8000, 1), normal), []int{silence}},
		{"a reply with an error", message(header(1, 0x8002, 1), normal), []int{silence}},
		{"a reply that is no query", message(header(1, 0xa800, 1), normal), []int{silence}},
		{"every flag but QR", message(header(1, 0x07f0, 1), normal), []int{dns.RcodeSuccess}},
		{"a response code in a query", message(header(1, 0x000f, 1), normal), []int{dns.RcodeSuccess}},
		{"id 0", message(header(0, 0, 1), normal), []int{dns.RcodeSuccess}},

		{"opcode IQUERY", message(header(1, 1<<11, 1), normal), []int{dns.RcodeNotImplemented}},
		{"opcode STATUS", message(header(1, 2<<11, 1), normal), []int{dns.RcodeNotImplemented}},
		{"opcode 3", message(header(1, 3<<11, 1), normal), []int{dns.RcodeNotImplemented}},
		{"opcode NOTIFY", message(header(1, 4<<11, 1), question(wireName("example", "org"), dns.TypeSOA, in)),
			[]int{dns.RcodeRefused}},
		{"opcode UPDATE", message(header(1, 5<<11, 1), question(wireName("example", "org"), dns.TypeSOA, in)),
			[]int{dns.RcodeNotImplemented}},
		{"opcode DSO", message(header(1, 6<<11)), []int{dns.RcodeNotImplemented}},
		{"opcode 15", message(header(1, 15<<11, 1), normal), []int{dns.RcodeNotImplemented}},

		{"class CH", message(header(1, 0, 1), question(www, dns.TypeA, dns.ClassCHAOS)), []int{dns.RcodeRefused}},
		{"class HS", message(header(1, 0, 1), question(www, dns.TypeA, dns.ClassHESIOD)), []int{dns.RcodeRefused}},
		{"class NONE", message(header(1, 0, 1), question(www, dns.TypeA, dns.ClassNONE)), []int{dns.RcodeRefused}},
		{"class ANY", message(header(1, 0, 1), question(www, dns.TypeA, dns.ClassANY)), []int{dns.RcodeRefused}},
		{"class 0", message(header(1, 0, 1), question(www, dns.TypeA, 0)), []int{dns.RcodeRefused}},
		{"class 65535", message(header(1, 0, 1), question(www, dns.TypeA, 65535)), []int{dns.RcodeRefused}},
		{"version.bind", message(header(1, 0, 1), question(wireName("version", "bind"), dns.TypeTXT, dns.ClassCHAOS)),
			[]int{dns.RcodeRefused}},

		{"type 0", message(header(1, 0, 1), question(www, 0, in)), []int{dns.RcodeSuccess}},
		{"type OPT", message(header(1, 0, 1), question(www, dns.TypeOPT, in)), []int{dns.RcodeSuccess}},
		{"type TSIG", message(header(1, 0, 1), question(www, dns.TypeTSIG, in)), []int{dns.RcodeSuccess}},
		{"type MAILB", message(header(1, 0, 1), question(www, dns.TypeMAILB, in)), []int{dns.RcodeSuccess}},
		{"type 65535", message(header(1, 0, 1), question(www, 65535, in)), []int{dns.RcodeSuccess}},
		{"type AXFR", message(header(1, 0, 1), question(wireName("example", "org"), dns.TypeAXFR, in)),
			[]int{dns.RcodeRefused}},
		{"type IXFR", message(header(1, 0, 1), question(wireName("example", "org"), dns.TypeIXFR, in)),
			[]int{dns.RcodeRefused}},

		{"no question", header(1, 0), []int{dns.RcodeFormatError}},
		{"a question that is not there", header(1, 0, 1), []int{dns.RcodeServerFailure}},
		{"two questions", message(header(1, 0, 2), normal, normal), []int{dns.RcodeFormatError}},
		{"65,535 questions", message(header(1, 0, 65535), normal), []int{dns.RcodeFormatError}},
		// To the library, type and class are then 0.
		{"a question without type", message(header(1, 0, 1), []byte(www)),
			[]int{dns.RcodeFormatError, dns.RcodeRefused}},
		{"a question without class", message(header(1, 0, 1), []byte(www), []byte{0, 1}),
			[]int{dns.RcodeFormatError, dns.RcodeRefused}},
		{"counts that lie", message(header(1, 0, 1, 1, 1, 2), normal), []int{dns.RcodeSuccess, dns.RcodeFormatError}},
		{"many answers", message(header(1, 0, 1, 65535), normal), []int{dns.RcodeFormatError}},
		{"many additional records", message(header(1, 0, 1, 0, 0, 65535), normal), []int{dns.RcodeFormatError}},
		{"an answer in the query", message(header(1, 0, 1, 1), normal, []byte(www),
			[]byte{0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 66}), []int{dns.RcodeSuccess}},

		{"nothing", nil, []int{silence}},
		{"one octet", []byte{1}, []int{silence}},
		{"half a header", header(1, 0, 1)[:6], []int{silence}},
		{"a header but for one octet", header(1, 0, 1)[:11], []int{silence}},
		{"trailing garbage", message(header(1, 0, 1), normal, bytes.Repeat([]byte{0xff}, 200)),
			[]int{dns.RcodeSuccess, dns.RcodeFormatError}},
		{"zeros", make([]byte, 512), []int{dns.RcodeFormatError}},
		{"ones", bytes.Repeat([]byte{0xff}, 512), []int{silence}},

		{"the root", message(header(1, 0, 1), question("\x00", dns.TypeNS, in)), []int{dns.RcodeRefused}},
		{"a label of 63", message(header(1, 0, 1), question(wireName(strings.Repeat("a", 63), "wild", "example", "org"),
			dns.TypeA, in)), []int{dns.RcodeSuccess}},
		{"a label of 64", message(header(1, 0, 1), []byte("\x40"+strings.Repeat("a", 64)+"\x00\x00\x01\x00\x01")),
			[]int{dns.RcodeFormatError}},
		{"a name of 255", message(header(1, 0, 1), question(longName(255, "a"), dns.TypeA, in)), []int{dns.RcodeSuccess}},
		{"a name of 256", message(header(1, 0, 1), question(longName(256, "a"), dns.TypeA, in)),
			[]int{dns.RcodeFormatError}},
		{"a name of 118 labels", message(header(1, 0, 1), question(
			strings.Repeat("\x01a", 118)+wireName("wild", "example", "org"), dns.TypeA, in)), []int{dns.RcodeSuccess}},
		{"any octet in labels", message(header(1, 0, 1), question(
			wireName("\x00\x01\xff\"\\.@ ", "a.b", "wild", "example", "org"), dns.TypeA, in)), []int{dns.RcodeSuccess}},
		{"255 octets that all have to be escaped", message(header(1, 0, 1), question(longName(255, "\xff"), dns.TypeA, in)),
			[]int{dns.RcodeSuccess}},
		{"a label that ends in a dot", message(header(1, 0, 1), question(wireName("www.example.org."), dns.TypeA, in)),
			[]int{dns.RcodeRefused}},
		{"the zone in one label", message(header(1, 0, 1), question(wireName("www", "example.org"), dns.TypeA, in)),
			[]int{dns.RcodeRefused}},
		{"no end of the name", message(header(1, 0, 1), []byte("\x03www")), []int{dns.RcodeFormatError}},

		{"a pointer to itself", message(header(1, 0, 1), []byte{0xc0, 12, 0, 1, 0, 1}), []int{dns.RcodeFormatError}},
		{"two pointers to each other", message(header(1, 0, 1), []byte{0xc0, 14, 0xc0, 12, 0, 1, 0, 1}),
			[]int{dns.RcodeFormatError}},
		{"a pointer ahead", message(header(1, 0, 1), []byte{0xc0, 200, 0, 1, 0, 1}), []int{dns.RcodeFormatError}},
		{"a pointer into the header", message(header(1, 0, 1), []byte{0xc0, 0, 0, 1, 0, 1}),
			[]int{dns.RcodeSuccess, dns.RcodeRefused, dns.RcodeFormatError}},
		{"a label before a pointer to it", message(header(1, 0, 1), []byte{1, 'a', 0xc0, 12, 0, 1, 0, 1}),
			[]int{dns.RcodeFormatError}},
		{"a chain of 150 pointers", message(header(1, 0, 1, 0, 0, 1), normal, pointers(150)),
			[]int{dns.RcodeFormatError, dns.RcodeSuccess}},
		{"a reserved kind of label", message(header(1, 0, 1), []byte{0x80, 'a', 0, 0, 1, 0, 1}),
			[]int{dns.RcodeFormatError}},
	} {
		for _, network := range []string{"udp", "tcp"} {
			if network == "udp" && len(tc.wire) == 0 {
				continue
			}
			within := harness.Patience
			if slices.Contains(tc.want, silence) {
				within = 50 * time.Millisecond
			}
			checkOdd(t, tc.name+", "+network, tc.wire, s.Raw(t, network, tc.wire, within), tc.want)
		}
		stillServes(t, s, tc.name)
	}
	if lines := s.Log.Lines("[ERROR]"); len(lines) > 0 {
		t.Errorf("Expected no client to get errors into the log, got %q", lines)
	}
}

// checkOdd wants one of the response codes, in a message that is a reply to that one.
func checkOdd(t *testing.T, name string, sent, got []byte, want []int) {
	t.Helper()
	if got == nil {
		if !slices.Contains(want, silence) {
			t.Errorf("%s: got no reply", name)
		}
		return
	}
	var m dns.Msg
	if err := m.Unpack(got); err != nil {
		t.Errorf("%s: got %x, which is no message: %v", name, got, err)
		return
	}
	if !slices.Contains(want, m.Rcode) {
		t.Errorf("%s: got %s:\n%v", name, dns.RcodeToString[m.Rcode], &m)
		return
	}
	if m.Id != binary.BigEndian.Uint16(sent) || !m.Response {
		t.Errorf("%s: not a reply to it: %v", name, &m)
	}
	if m.Zero || m.AuthenticatedData || m.RecursionAvailable || m.Truncated {
		t.Errorf("%s: expected no flags that are not ours to set: %v", name, &m)
	}
	// The question comes back as it was, octet for octet; nothing of the answer may be made up from the query.
	if m.Rcode == dns.RcodeSuccess {
		if end := 12 + bytes.IndexByte(sent[12:], 0) + 5; sent[12] < 0xc0 && !bytes.Equal(got[12:end], sent[12:end]) {
			t.Errorf("%s: expected the question as sent, %x, got %x", name, sent[12:end], got[12:end])
		}
		if bytes.Contains(got, []byte{192, 0, 2, 66}) || !m.Authoritative {
			t.Errorf("%s: expected an answer of ours, got: %v", name, &m)
		}
	}
}

// longName is a name of n octets under the wildcard, on the wire, whose labels are made of one octet.
func longName(n int, octet string) string {
	tail := wireName("wild", "example", "org")
	n -= len(tail)
	var b strings.Builder
	for n > 0 {
		l := min(n-1, 63)
		if n-1-l == 1 { // one octet is no label
			l--
		}
		b.WriteByte(byte(l))
		b.WriteString(strings.Repeat(octet, l))
		n -= l + 1
	}
	return b.String() + tail
}

// pointers is an additional record whose data is pointers, each to the one before, and whose name points to the last.
func pointers(n int) []byte {
	const question = 12 + 17 + 4
	data := make([]byte, 0, 2*n)
	at := question + 12
	for i := range n {
		to := 12
		if i > 0 {
			to = at - 2
		}
		data = append(data, 0xc0|byte(to>>8), byte(to))
		at += 2
	}
	record := []byte{0xc0 | byte((at-2)>>8), byte(at - 2), 0, 16, 0, 1, 0, 0, 0, 0}
	record = binary.BigEndian.AppendUint16(record, uint16(len(data)))
	return append(record, data...)
}
