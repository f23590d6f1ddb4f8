package rehearsal

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Answer is what a name server says of a name now.
type Answer struct {
	Values []string // as zone files have them, in small letters, sorted
	TTL    uint32   // the lowest of them
	Rcode  int
}

// String is the answer in a few words.
func (a Answer) String() string {
	switch {
	case len(a.Values) > 0:
		return strings.Join(a.Values, " ")
	case a.Rcode != dns.RcodeSuccess:
		return dns.RcodeToString[a.Rcode]
	}
	return "nothing"
}

// Asker asks for the types of a name.
type Asker func(ctx context.Context, name string, types []uint16) (Answer, error)

// Ask gives an Asker of the name server at an address. It asks over UDP, and over TCP for what is cut off.
func Ask(server string) Asker {
	const patience = time.Second
	udp, tcp := &dns.Client{Timeout: patience}, &dns.Client{Net: "tcp", Timeout: patience}
	return func(ctx context.Context, name string, types []uint16) (Answer, error) {
		var all Answer
		for _, t := range types {
			m := new(dns.Msg)
			m.SetQuestion(name, t)
			m.SetEdns0(1232, false)
			r, _, err := udp.ExchangeContext(ctx, m, server)
			if err == nil && r.Truncated {
				r, _, err = tcp.ExchangeContext(ctx, m, server)
			}
			if err != nil {
				return Answer{}, fmt.Errorf("ask %s: %w", server, err)
			}
			all.add(r, t)
		}
		slices.Sort(all.Values)
		all.Values = slices.Compact(all.Values)
		return all, nil
	}
}

// add takes what a reply has of a type. A CNAME on the way says nothing by itself.
func (a *Answer) add(r *dns.Msg, rrtype uint16) {
	if r.Rcode != dns.RcodeSuccess {
		a.Rcode = r.Rcode
	}
	for _, rr := range r.Answer {
		header := rr.Header()
		if header.Rrtype != rrtype {
			continue
		}
		if len(a.Values) == 0 || header.Ttl < a.TTL {
			a.TTL = header.Ttl
		}
		a.Values = append(a.Values, data(rr))
	}
}

// Address is that of a name server, with the port if it has none.
func Address(address string) (string, error) {
	if _, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		return net.JoinHostPort(strings.Trim(address, "[]"), "53"), nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return "", fmt.Errorf("%q is not ADDRESS or ADDRESS:PORT", address)
	}
	return address, nil
}

// data is the value of a record as values are compared.
func data(rr dns.RR) string {
	return strings.ToLower(strings.TrimPrefix(rr.String(), rr.Header().String()))
}

// typesOf are the types to ask for: those of the set that it has values of.
func typesOf(set string, values []string) []uint16 {
	if t, ok := dns.StringToType[set]; ok {
		return []uint16{t}
	}
	var number uint16
	if n, err := fmt.Sscanf(set, "TYPE%d", &number); n == 1 && err == nil {
		return []uint16{number}
	}
	var types []uint16
	for _, value := range values {
		if t := family(value); t != 0 && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if len(types) == 0 {
		return []uint16{dns.TypeA, dns.TypeAAAA}
	}
	slices.Sort(types)
	return types
}

// family is the type of a record with the address, 0 for what is no address.
func family(value string) uint16 {
	addr, err := netip.ParseAddr(value)
	switch {
	case err != nil:
		return 0
	case addr.Is4():
		return dns.TypeA
	}
	return dns.TypeAAAA
}

// normal gives values the form in which they are compared.
func normal(values []string, set string) []string {
	forms := make([]string, 0, len(values))
	for _, value := range values {
		form := strings.ToLower(value)
		t := set
		if f := family(value); f != 0 {
			t = dns.TypeToString[f]
		}
		if rr, err := dns.NewRR(". 0 IN " + t + " " + value); err == nil && rr != nil {
			form = data(rr)
		}
		forms = append(forms, form)
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// sides are the values that only one side of a drill has.
type sides struct{ before, after []string }

func newSides(before, after []string) sides {
	without := func(values, others []string) []string {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(others, v) })
	}
	return sides{before: without(before, after), after: without(after, before)}
}

// holds tells which sides an answer has values of.
func (s sides) holds(a Answer) (before, after bool) {
	for _, v := range a.Values {
		before = before || slices.Contains(s.before, v)
		after = after || slices.Contains(s.after, v)
	}
	return before, after
}

// moved tells that an answer has left what was before, for what comes after where that has values.
func (s sides) moved(a Answer) bool {
	before, after := s.holds(a)
	return !before && (after || len(s.after) == 0)
}

// back tells that an answer is what it was before.
func (s sides) back(a Answer) bool {
	before, after := s.holds(a)
	return before && !after
}
