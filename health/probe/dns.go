package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/miekg/dns"
)

const (
	// dnsBufferSize is the size of an answer that may come over UDP (DNS flag day 2020), in bytes.
	dnsBufferSize = 1232
	// maxDatagram is what is read of a datagram, in bytes: more than was asked for, since some servers do not care.
	maxDatagram = 4096
	// maxAnswer bounds an answer over TCP, in bytes. Unpacked it can be a hundred times as long, being full of pointers.
	maxAnswer = 16 << 10
	// maxRecords is how many records of an answer are looked at.
	maxRecords = 256
	// maxStray is how many messages that are no answer to the question are ignored in one attempt.
	maxStray = 1000
)

// dnsProber asks a name server one question, and judges the response code and, if there is something to expect, the
// records of the answer section. Over UDP a truncated answer is asked for again over TCP.
type dnsProber struct {
	endpoint endpoint
	inquiry  *inquiry
}

// inquiry is what is asked and what must be answered, the same for many name servers. It is immutable.
type inquiry struct {
	question dns.Question
	packed   []byte // the question's message, with two bytes in front for its length
	forceTCP bool
	rcodes   []string // that pass
	details  []string // of a pass, for each of them; every check's last result is kept, so they are made but once
	match    *matcher // nil: the records are not looked at
}

var inquiries shared[unique.Handle[Spec], inquiry]

var fieldsDNS = group{[]string{"Name", "Type", "Rcode", "Expect", "ForceTCP"}, Spec.checkDNS}

func (s Spec) checkDNS() error {
	if _, ok := dns.IsDomainName(s.Name); !ok || !dns.IsFqdn(s.Name) {
		return fmt.Errorf("name: %q is not a domain name with a dot at its end", s.Name)
	}
	if _, err := parseType(s.Type); err != nil {
		return fmt.Errorf("type: %w", err)
	}
	for code := range strings.SplitSeq(s.Rcode, ",") {
		if _, known := dns.StringToRcode[code]; !known {
			return fmt.Errorf("rcode: %q is not a response code such as NOERROR or NXDOMAIN", code)
		}
	}
	return s.checkExpect()
}

// parseType reads the name of a record type, or TYPE and its number (RFC 3597). It refuses the types that stand for no
// record of a zone: those of questions and transfers and those of the protocol itself (RFC 6895 section 3.1).
func parseType(name string) (uint16, error) {
	number, known := dns.StringToType[name]
	if digits, ok := strings.CutPrefix(name, "TYPE"); !known && ok {
		parsed, err := strconv.ParseUint(digits, 10, 16)
		number, known = uint16(parsed), err == nil
	}
	switch {
	case !known:
		return 0, fmt.Errorf("%q is not a record type such as A or TYPE65280", name)
	case number == dns.TypeNone, number == dns.TypeOPT, number >= 128 && number <= 255:
		return 0, fmt.Errorf("%s is not the type of a record that can be asked for", name)
	}
	return number, nil
}

func newDNSProber(s Spec, n *network) (Prober, error) {
	asked, err := inquiries.get(s.ID().rest, func() (*inquiry, error) { return newInquiry(s) })
	return &dnsProber{newEndpoint(s, n), asked}, err
}

func newInquiry(s Spec) (*inquiry, error) {
	q := &inquiry{forceTCP: s.ForceTCP, rcodes: strings.Split(s.Rcode, ",")}
	number, err := parseType(s.Type)
	if err != nil {
		return nil, fmt.Errorf("type: %w", err)
	}
	message := new(dns.Msg).SetQuestion(s.Name, number)
	message.SetEdns0(dnsBufferSize, false)
	packed, err := message.Pack()
	if err == nil {
		err = message.Unpack(packed) // read back, the name is escaped as in an answer
	}
	if err != nil {
		return nil, fmt.Errorf("name: %w", err)
	}
	q.question = message.Question[0]
	q.packed = append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(packed)), uint16(len(packed))), packed...)
	if q.match, err = newExpect(s); err != nil {
		return nil, err
	}
	for _, code := range q.rcodes {
		detail := "rcode " + code
		if q.match != nil {
			detail += ", a record matches"
		}
		q.details = append(q.details, detail)
	}
	return q, nil
}

func (p *dnsProber) Probe(ctx context.Context) (result Result) {
	a := p.attempt()
	defer func() { result.Phases = a.phases }()
	var answer *dns.Msg
	// An address whose answer does not pass ends the attempt: the next one is tried only if there is no answer.
	err := p.endpoint.each(ctx, &a.phases, "dns", func(ctx context.Context, target netip.AddrPort) (err error) {
		answer, err = a.exchange(ctx, target)
		return err
	})
	if err != nil {
		return classify(ctx, "dns", err, ReasonInternal).result()
	}
	return p.inquiry.judge(answer)
}

func (p *dnsProber) attempt() *dnsAttempt {
	return &dnsAttempt{dnsProber: p, packed: slices.Clone(p.inquiry.packed)}
}

// judge looks at an answer to the question.
func (q *inquiry) judge(answer *dns.Msg) Result {
	code := rcodeName(answer.Rcode)
	found := slices.Index(q.rcodes, code)
	if found < 0 {
		return failure(ReasonRcode, "rcode "+code).result()
	}
	if q.match == nil {
		return Result{Outcome: Pass, Reason: ReasonOK, Detail: q.details[found]}
	}
	for _, record := range answer.Answer[:min(len(answer.Answer), maxRecords)] {
		if q.match.match([]byte(presentation(record))) {
			return Result{Outcome: Pass, Reason: ReasonOK, Detail: q.details[found]}
		}
	}
	detail := fmt.Sprintf("rcode %s, no match in the %d records of the answer", code, len(answer.Answer))
	return failure(ReasonBody, detail).result()
}

// presentation is a record as it is matched: owner in lower case, type and data, with single spaces between them:
// "www.example.org. A 192.0.2.1". The TTL is left out, since it changes from answer to answer, and so is the class.
func presentation(record dns.RR) string {
	header := record.Header()
	data := ""
	if parts := strings.SplitN(record.String(), "\t", 5); len(parts) == 5 { // owner, TTL, class, type, data
		data = parts[4]
	}
	return dns.CanonicalName(header.Name) + " " + dns.Type(header.Rrtype).String() + " " + data
}

// rcodeName gives 16 the name that it has without TSIG.
func rcodeName(code int) string {
	if name, known := dns.RcodeToString[code]; known && code != dns.RcodeBadVers {
		return name
	} else if known {
		return "BADVERS"
	}
	return strconv.Itoa(code)
}

// dnsAttempt is one attempt of a prober.
type dnsAttempt struct {
	*dnsProber
	packed []byte // a copy of the inquiry's, with an ID of its own
	phases Phases
}

// renew gives the question another ID, so that an answer to an earlier connection is not one to this.
func (a *dnsAttempt) renew() { binary.BigEndian.PutUint16(a.packed[2:], dns.Id()) }

// exchange gives the answer of one address.
func (a *dnsAttempt) exchange(ctx context.Context, target netip.AddrPort) (*dns.Msg, error) {
	if !a.inquiry.forceTCP {
		answer, err := a.overUDP(ctx, target)
		if err != nil || !answer.Truncated {
			return answer, err
		}
	}
	return a.overTCP(ctx, target)
}

func (a *dnsAttempt) overUDP(ctx context.Context, target netip.AddrPort) (*dns.Msg, error) {
	conn, err := a.endpoint.network().dialUDP(ctx, a.endpoint.source(), target)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer guard(ctx, conn)()
	a.renew()
	if _, err := conn.Write(a.packed[2:]); err != nil {
		return nil, err
	}
	sent := time.Now()
	var strays strays
	buffer := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, strays.explain(ctx, err)
		}
		answer, err := a.parse(buffer[:n])
		if err == nil {
			a.phases.took(&a.phases.FirstByte, sent)
			return answer, nil
		}
		// It may be late, or not from the server at all.
		if strays.add(err); strays.total() == maxStray {
			return nil, strays.explain(ctx, nil)
		}
	}
}

// overTCP connects by itself, and closes with a reset: name servers keep a connection open for further questions, so an
// orderly end would leave every attempt's connection in TIME_WAIT on our side.
func (a *dnsAttempt) overTCP(ctx context.Context, target netip.AddrPort) (*dns.Msg, error) {
	phase := "dns over tcp " + target.String()
	began := time.Now()
	conn, err := a.endpoint.network().dial(ctx, a.endpoint.source(), target)
	began = a.phases.took(&a.phases.Connect, began)
	if err != nil {
		return nil, classify(ctx, phase, err, ReasonInternal)
	}
	defer abort(conn)
	defer guard(ctx, conn)()
	a.renew()
	if _, err := conn.Write(a.packed); err != nil {
		return nil, classify(ctx, phase, err, ReasonInternal)
	}
	message, err := readFramed(conn)
	if err != nil {
		return nil, classify(ctx, phase, err, ReasonInternal)
	}
	a.phases.took(&a.phases.FirstByte, began)
	answer, err := a.parse(message)
	switch {
	case err != nil:
		return nil, failure(ReasonProtocol, phase+": "+err.Error())
	case answer.Truncated:
		return nil, failure(ReasonProtocol, phase+": the answer is truncated")
	}
	return answer, nil
}

// readFramed reads one message from a stream (RFC 1035 section 4.2.2). It sets memory aside as the message comes, not
// as its length promises.
func readFramed(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	want := int64(binary.BigEndian.Uint16(length[:]))
	if want > maxAnswer {
		return nil, failure(ReasonProtocol, fmt.Sprintf("dns over tcp: the answer is longer than %d bytes", maxAnswer))
	}
	message, err := io.ReadAll(io.LimitReader(r, want))
	if err == nil && int64(len(message)) < want {
		err = io.ErrUnexpectedEOF
	}
	return message, err
}

// What a message can be instead of an answer.
var (
	errOtherAnswer = errors.New("what came is not an answer to the question")
	errGarbage     = errors.New("what came is not a DNS message")
)

// parse gives the answer, unless the message is none. The ID is looked at first, so that a flood costs little.
func (a *dnsAttempt) parse(message []byte) (*dns.Msg, error) {
	if len(message) < 12 {
		return nil, errGarbage
	}
	const response = 0x80
	if message[0] != a.packed[2] || message[1] != a.packed[3] || message[2]&response == 0 {
		return nil, errOtherAnswer
	}
	answer := new(dns.Msg)
	err := answer.Unpack(message)
	switch {
	case len(answer.Question) > 1, len(answer.Question) == 1 && !a.asked(answer.Question[0]),
		answer.Opcode != dns.OpcodeQuery:
		return nil, errOtherAnswer
	case len(answer.Question) == 1 && answer.Truncated:
		return answer, nil // some servers cut in the middle of a record
	case err != nil:
		return nil, errGarbage
	case len(answer.Question) == 0 && (answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError):
		return nil, errOtherAnswer // only a refusal may come without the question
	}
	return answer, nil
}

// asked tells whether q is our question. Letters may come back in the other case.
func (a *dnsAttempt) asked(q dns.Question) bool {
	own := a.inquiry.question
	return q.Qtype == own.Qtype && q.Qclass == own.Qclass && strings.EqualFold(q.Name, own.Name)
}

// strays counts what was ignored.
type strays struct{ garbage, others int }

func (s *strays) total() int { return s.garbage + s.others }

func (s *strays) add(err error) {
	if errors.Is(err, errGarbage) {
		s.garbage++
	} else {
		s.others++
	}
}

// explain makes of the end of waiting what it should be if something came meanwhile. An end that is not the lack of an
// answer stays as it is.
func (s *strays) explain(ctx context.Context, err error) error {
	var timeout net.Error
	ofOther := err != nil && !errors.As(err, &timeout) || timeout != nil && !timeout.Timeout()
	if ofOther || s.total() == 0 || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	return failure(ReasonProtocol, fmt.Sprintf(
		"dns: no answer, but %d messages that are not DNS and %d that answer something else", s.garbage, s.others))
}
