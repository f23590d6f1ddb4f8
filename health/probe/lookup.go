package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// maxNameServers is how many servers the word resolver may name.
	maxNameServers = 8
	// maxStrayAnswers is how many datagrams of one server are ignored because they answer nothing that was asked. Who
	// guesses at answers does not get to guess often.
	maxStrayAnswers = 64
	// maxLookup is how long a look-up takes that has no deadline.
	maxLookup = 5 * time.Second
	// maxLag is for how long one address family is waited for when the other one is there.
	maxLag = time.Second
)

// lookUp resolves the host, by the check's own name servers if it has any.
func (e *endpoint) lookUp(ctx context.Context) ([]netip.Addr, error) {
	way := e.reach.Value()
	if way.resolver == "" {
		return way.network.resolve(ctx, e.family(), e.host)
	}
	servers, err := parseResolver(way.resolver)
	if err != nil {
		return nil, err
	}
	l := lookup{network: way.network, host: e.host, family: e.family()}
	return l.run(ctx, servers)
}

// parseResolver reads name servers, "192.0.2.53:53 [2001:db8::53]:53".
func parseResolver(text string) ([]netip.AddrPort, error) {
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > maxNameServers {
		return nil, fmt.Errorf("it has %d name servers, not 1 to %d", len(words), maxNameServers)
	}
	servers := make([]netip.AddrPort, 0, len(words))
	for _, word := range words {
		server, err := netip.ParseAddrPort(word)
		if err != nil || server.Port() == 0 || !isHostAddr(server.Addr()) {
			return nil, fmt.Errorf("%q is not an address with a port", word)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func (s Spec) checkResolver() error {
	if s.Resolver == "" {
		return nil
	}
	if _, err := parseResolver(s.Resolver); err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	return nil
}

// lookup finds the addresses of one host by asking name servers that recurse. It reads nothing of the system's: no
// search list, no hosts file. It always asks from the system's choice of a local address: the word source is about
// the way to the target.
//
// A server that does not answer, or not with the answer, is followed by the next one, each having its share of the
// time. A host that does not exist is no reason to ask another server.
type lookup struct {
	network *network
	host    string
	family  string // "ip", "ip4" or "ip6"
}

// run gives at least one address, or a *net.DNSError like that of the system's resolver.
func (l *lookup) run(ctx context.Context, servers []netip.AddrPort) ([]netip.Addr, error) {
	if _, ok := dns.IsDomainName(l.host); !ok {
		return nil, l.notFound()
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxLookup)
		defer cancel()
	}
	var last error
	for i, server := range servers {
		questions, err := l.ask(ctx, server, len(servers)-i)
		v4, v6, state := sumUp(questions)
		switch state {
		case answerFound:
			return l.order(v4, v6), nil
		case answerNone:
			return nil, l.notFound()
		case answerFailed:
			last = fmt.Errorf("%s: %s", server, why(questions, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &net.DNSError{Name: l.host, Err: last.Error(), IsTemporary: true}
}

func (l *lookup) notFound() error {
	return &net.DNSError{Name: l.host, Err: "no such host", IsNotFound: true}
}

// order is in the spirit of RFC 6724 and RFC 8305: the families take turns, so that both are among the first addresses,
// beginning with IPv6 unless there is no route for it. Within a family the server's order stays: it may mean something.
func (l *lookup) order(v4, v6 []netip.Addr) []netip.Addr {
	first, second := v6, v4
	if len(v4) > 0 && len(v6) > 0 && !l.network.routes.lookup(v6[0]) {
		first, second = v4, v6
	}
	all := make([]netip.Addr, 0, len(v4)+len(v6))
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			all = append(all, first[i])
		}
		if i < len(second) {
			all = append(all, second[i])
		}
	}
	return all
}

// ask asks one server for all families at once, over one socket, in 1/shares of the time that is left. What has no
// answer at half of that is sent once more. The error is nil or explains what is without an answer.
func (l *lookup) ask(ctx context.Context, server netip.AddrPort, shares int) ([]question, error) {
	questions, err := newQuestions(l.host, l.family)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
	defer cancel()
	conn, err := l.network.dialUDP(ctx, netip.Addr{}, server)
	if err != nil {
		return questions, err
	}
	defer conn.Close()
	defer guard(ctx, conn)()

	g := gathering{lookup: l, server: server, conn: conn, questions: questions, strays: maxStrayAnswers}
	end, _ := ctx.Deadline()
	for _, until := range []time.Time{time.Now().Add(time.Until(end) / 2), end} {
		if err = g.send(); err != nil {
			return questions, err
		}
		if err = g.gather(ctx, until); !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	if err == nil && pending(questions) {
		// One family is there, and the other gets a little longer. A server that never answers for it must leave time
		// for the rest of the attempt.
		_ = g.gather(ctx, time.Now().Add(min(time.Until(end)/4, maxLag)))
	}
	return questions, err
}

// gathering is the answers of one server.
type gathering struct {
	*lookup
	server    netip.AddrPort
	conn      net.Conn
	questions []question
	strays    int // how many more datagrams are ignored
	buffer    [maxDatagram]byte
}

// send sends the questions that have no answer yet.
func (g *gathering) send() error {
	for i := range g.questions {
		if g.questions[i].state != answerPending {
			continue
		}
		if _, err := g.conn.Write(g.questions[i].packed); err != nil {
			return err
		}
	}
	return nil
}

// errStrays is the end of patience with a server.
var errStrays = errors.New("nothing but answers to something else")

// gather takes answers until one has an address or all are there. At the given time it ends with
// os.ErrDeadlineExceeded.
func (g *gathering) gather(ctx context.Context, until time.Time) error {
	for pending(g.questions) {
		_ = g.conn.SetReadDeadline(until) // fails only on a closed socket, which Read reports
		if ctx.Err() != nil {
			return ctx.Err() // guard may have set its deadline before that one
		}
		n, err := g.conn.Read(g.buffer[:])
		if err != nil {
			return err
		}
		q, reply := match(g.questions, g.buffer[:n])
		if q == nil {
			if g.strays--; g.strays == 0 {
				return errStrays
			}
			continue
		}
		if reply.Truncated {
			reply = g.askOverTCP(ctx, g.server, q)
		}
		if q.take(reply); q.state == answerFound {
			break
		}
	}
	return nil
}

// askOverTCP gives the whole of an answer that was cut, or nil, in half of the time that is left.
func (l *lookup) askOverTCP(ctx context.Context, server netip.AddrPort, q *question) *dns.Msg {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
	defer cancel()
	conn, err := l.network.dial(ctx, netip.Addr{}, server)
	if err != nil {
		return nil
	}
	defer abort(conn)
	defer guard(ctx, conn)()
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(q.packed))), q.packed...)
	if _, err := conn.Write(framed); err != nil {
		return nil
	}
	message, err := readFramed(conn)
	if err != nil {
		return nil
	}
	reply, ok := q.reply(message)
	if !ok || reply.Truncated {
		return nil
	}
	return reply
}

// why says in words why a server gave no answer that helps.
func why(questions []question, err error) string {
	for _, q := range questions {
		if q.state == answerFailed {
			return q.trouble
		}
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if errors.Is(err, errStrays) {
		return errStrays.Error()
	}
	return classify(context.Background(), "udp", err, ReasonResolver).detail
}
