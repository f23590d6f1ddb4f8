package lookup

import (
	"context"

	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// toTheEnd asks for the name that CNAMEs lead to, where an answer neither has addresses of it nor says that there are
// none. That is what a plugin writes which looks such names up for itself, as kubernetes does for a Service that is a
// name elsewhere: the same, whether the name has no address, does not exist, or could not be looked up. The last is no
// answer.
func (c *Chain) toTheEnd(ctx context.Context, r reply, name string, qtype uint16) reply {
	found := read(r.msg.Answer, name, qtype)
	if r.msg.Rcode != dns.RcodeSuccess || len(found.Addrs) > 0 || len(found.CNAMEs) == 0 || denies(r.msg) {
		return r
	}
	end := found.CNAMEs[len(found.CNAMEs)-1]
	if cnameOf(r.msg.Answer, end) != nil || ctx.Err() != nil {
		return r // a loop
	}
	return c.guarded(func() reply {
		m, err := upstream.New().Lookup(ctx, request.Request{W: &writer{}, Req: question(end, qtype)}, end, qtype)
		switch {
		case err != nil || m == nil:
			return reply{fault: plain(end) + ": no plugin answered"}
		case !answers(m.Rcode):
			return reply{fault: plain(end) + ": " + rcodeText(m.Rcode)}
		}
		all := r.msg.Copy()
		all.Answer = append(all.Answer, m.Answer...)
		if m.Truncated && len(read(all.Answer, name, qtype).Addrs) == 0 {
			return reply{fault: plain(end) + ": the answer was cut short"}
		}
		return reply{msg: all}
	})
}

// denies tells that an answer says that there is nothing of the type (RFC 2308).
func denies(m *dns.Msg) bool {
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}
