package lookup

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

// Chain is the plugins that a name is looked up through.
type Chain struct {
	// Next is the plugin that comes after this one, nil for none.
	Next plugin.Handler
	// Context is that of a query of the server, for plugins that look further for themselves; nil for one without.
	Context func(context.Context) context.Context
	// Panicked is told what a plugin panicked with, and the stack.
	Panicked func(value any, stack []byte)
}

// reply is what came of one question.
type reply struct {
	msg *dns.Msg // nil: nothing was written
	// nobody tells that no plugin was there to answer.
	nobody bool
	// fault says why there is no answer.
	fault string
}

// askedKey is the context key for what Asked gives.
type askedKey struct{}

// Asked is the name that a look-up is for which has led to a query, empty for a query of somebody else.
func Asked(ctx context.Context) string {
	name, _ := ctx.Value(askedKey{}).(string)
	return name
}

// ask puts one question to the chain. It survives a panic, and does not return before the plugins do.
func (c *Chain) ask(ctx context.Context, name string, qtype uint16) reply {
	ctx = context.WithValue(ctx, askedKey{}, name)
	if c.Context != nil {
		ctx = c.Context(ctx)
	}
	r := c.whole(ctx, name, qtype)
	if r.fault == "" && c.Context != nil {
		return c.toTheEnd(ctx, r, name, qtype)
	}
	return r
}

// whole asks over TCP where the answer was cut short.
func (c *Chain) whole(ctx context.Context, name string, qtype uint16) reply {
	r := c.once(ctx, name, qtype, false)
	if r.msg == nil || !r.msg.Truncated {
		return r
	}
	if ctx.Err() == nil {
		if again := c.once(ctx, name, qtype, true); again.msg != nil && !again.msg.Truncated {
			return again
		}
	}
	if r.fault == "" && len(read(r.msg.Answer, name, qtype).Addrs) == 0 {
		return reply{fault: "the answer was cut short"} // which does not say that there is no address
	}
	return r
}

// noNext is what CoreDNS says when the last plugin of a chain hands a query on.
const noNext = "no next plugin found"

func question(name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(name, qtype)
	q.SetEdns0(4096, false)
	return q
}

// guarded survives a panic of what asks plugins.
func (c *Chain) guarded(ask func() reply) (r reply) {
	defer func() {
		if value := recover(); value != nil {
			r = reply{fault: "a plugin panicked"}
			if c.Panicked != nil {
				c.Panicked(value, debug.Stack())
			}
		}
	}()
	return ask()
}

func (c *Chain) once(ctx context.Context, name string, qtype uint16, tcp bool) reply {
	if c.Next == nil {
		return reply{nobody: true, fault: "no plugin comes after this one"}
	}
	return c.guarded(func() reply {
		w := &writer{tcp: tcp}
		rcode, err := c.Next.ServeDNS(ctx, w, question(name, qtype))
		return outcome(w, rcode, err)
	})
}

// outcome is what came of a question, by what was written and returned.
func outcome(w *writer, rcode int, err error) reply {
	switch {
	case w.msg != nil && w.msg.Rcode == dns.RcodeRefused:
		return reply{msg: w.msg, nobody: true, fault: "REFUSED"}
	case w.msg != nil && answers(w.msg.Rcode):
		return reply{msg: w.msg}
	case w.msg != nil:
		return reply{msg: w.msg, fault: rcodeText(w.msg.Rcode)}
	case err != nil && strings.Contains(err.Error(), noNext):
		return reply{nobody: true, fault: "no plugin knows the name"}
	case rcode == dns.RcodeRefused:
		return reply{nobody: true, fault: "REFUSED"}
	case plugin.ClientWrite(rcode):
		return reply{fault: "no plugin answered"} // one drops queries, as acl does
	case err != nil:
		return reply{fault: rcodeText(rcode) + ": " + plain(err.Error())}
	}
	return reply{fault: rcodeText(rcode)}
}

// plain is as much of what a plugin says as is fit for a log: parts of it may come from others.
func plain(text string) string {
	const most = 200
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), most)]
}

func answers(rcode int) bool { return rcode == dns.RcodeSuccess || rcode == dns.RcodeNameError }

func rcodeText(rcode int) string {
	if text := dns.RcodeToString[rcode]; text != "" {
		return text
	}
	return fmt.Sprintf("RCODE%d", rcode)
}

// writer keeps what a plugin writes. It is a client on this machine; by TCP, answers are as long as they like.
type writer struct {
	msg *dns.Msg
	tcp bool
}

var _ dns.ResponseWriter = (*writer)(nil)

func (w *writer) LocalAddr() net.Addr { return w.addr() }

func (w *writer) RemoteAddr() net.Addr { return w.addr() }

func (w *writer) addr() net.Addr {
	if w.tcp {
		return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53}
	}
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53}
}

func (w *writer) WriteMsg(m *dns.Msg) error {
	w.msg = m
	return nil
}

func (w *writer) Write(packed []byte) (int, error) {
	m := new(dns.Msg)
	if err := m.Unpack(packed); err != nil {
		return 0, err
	}
	w.msg = m
	return len(packed), nil
}

func (w *writer) Close() error        { return nil }
func (w *writer) TsigStatus() error   { return nil }
func (w *writer) TsigTimersOnly(bool) {}
func (w *writer) Hijack()             {}
