package lookup

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"github.com/miekg/dns"
)

// timeout is the fault of a question that was not answered in time.
const timeout = "timeout"

// types are the questions that a look-up asks, by family.
var types = [2]uint16{dns.TypeA, dns.TypeAAAA}

// prober looks a name up. An answer passes, be it that the name does not exist; what is answered is for whoever uses the
// name to judge.
type prober struct {
	table *Table
	key   Key

	// busy are the chains of which a plugin is still at a question, though its time may be over. It is not asked a second
	// one; other plugins, those of a reload, are not to be blamed for it.
	mu   sync.Mutex
	busy [2]*Chain
}

var (
	_ probe.Prober  = (*prober)(nil)
	_ probe.Watcher = (*prober)(nil)
)

// NewProber makes the Prober of a look-up.
func (t *Table) NewProber(s probe.Spec) (probe.Prober, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &prober{table: t, key: Key{Via: s.Via, Name: s.Name}}, nil
}

// Watch implements probe.Watcher: there is something new to ask when there are other plugins.
func (p *prober) Watch(changed func()) (stop func(), err error) {
	t, w := p.table, &watch{changed: changed}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watches[p.key.Via] == nil {
		t.watches[p.key.Via] = map[*watch]bool{}
	}
	t.watches[p.key.Via][w] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watches[p.key.Via], w)
		if len(t.watches[p.key.Via]) == 0 {
			delete(t.watches, p.key.Via)
		}
	}, nil
}

// Probe implements probe.Prober.
func (p *prober) Probe(ctx context.Context) probe.Result {
	chain := p.table.chain(p.key.Via)
	if chain == nil {
		return probe.Result{Reason: probe.ReasonCanceled, Detail: "the server block does not serve yet, or no more"}
	}
	replies, ok := p.both(ctx, chain)
	if p.table.chain(p.key.Via) != chain {
		// What plugins say that are being shut down is no statement.
		return probe.Result{Reason: probe.ReasonCanceled, Detail: "the server block was loaded anew meanwhile"}
	}
	if !ok {
		return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout, Detail: "the other plugins did not answer in time"}
	}
	return p.judge(replies)
}

// both asks for both families at a time. It does not wait for longer than the context says, whatever the plugins do;
// the one family may do without the other.
func (p *prober) both(ctx context.Context, chain *Chain) (replies [2]reply, ok bool) {
	type answer struct {
		family int
		reply  reply
	}
	answers := make(chan answer, len(types))
	waiting := 0
	for family, qtype := range types {
		if !p.begin(family, chain) {
			replies[family].fault = "a plugin has been at it since an earlier look-up"
			continue
		}
		waiting++
		go func() {
			r := chain.ask(ctx, p.key.Name, qtype)
			p.end(family, chain)
			answers <- answer{family, r}
		}()
	}
	for ; waiting > 0; waiting-- {
		select {
		case a := <-answers:
			replies[a.family], ok = a.reply, true
		case <-ctx.Done():
			for family := range replies {
				if replies[family] == (reply{}) {
					replies[family].fault = timeout
				}
			}
			return replies, ok
		}
	}
	return replies, ok
}

// begin tells that a question may be asked, and end that it was answered.
func (p *prober) begin(family int, chain *Chain) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := p.busy[family] != chain
	p.busy[family] = chain
	return free
}

func (p *prober) end(family int, chain *Chain) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[family] == chain {
		p.busy[family] = nil
	}
}

// judge keeps what was found, and says what it makes of the look-up.
//
//	the one family            the other              result
//	addresses                 addresses, or none     passes
//	addresses                 a failure              passes; what was known of the other family stays
//	none                      none                   passes: there is nothing
//	none, or a failure        a failure              fails; all that was known stays
//
// A name that does not exist has none. That one family says so is no word on the other: servers that know nothing of
// IPv6, and rules that keep it away, deny the name for AAAA (RFC 4074, section 4.2), and clients take its IPv4 addresses.
func (p *prober) judge(replies [2]reply) probe.Result {
	old := p.table.known(p.key)
	found := Found{Answered: true}
	var failed *reply
	addrs := 0
	for f := range replies {
		r := &replies[f]
		if r.fault != "" {
			failed = r
			found.Now[f] = old.Now[f]
			continue
		}
		found.NXDomain = found.NXDomain || r.msg.Rcode == dns.RcodeNameError
		if r.msg.Rcode != dns.RcodeNameError {
			found.Now[f] = read(r.msg.Answer, p.key.Name, types[f])
		}
		addrs += len(found.Now[f].Addrs)
	}
	found.NXDomain = found.NXDomain && addrs == 0
	if failed != nil && addrs == 0 {
		nobody := *old
		nobody.Nobody = failed.nobody
		p.table.learn(p.key, nobody, time.Now())
		return failure(failed)
	}
	p.table.learn(p.key, found, time.Now())
	detail := fmt.Sprintf("found %d IPv4 and %d IPv6 addresses", len(found.Now[0].Addrs), len(found.Now[1].Addrs))
	switch {
	case found.NXDomain:
		detail = "the name does not exist"
	case addrs == 0:
		detail = "the name has no address"
	}
	return probe.Result{Outcome: probe.Pass, Reason: probe.ReasonOK, Detail: detail}
}

func failure(r *reply) probe.Result {
	if r.fault == timeout {
		return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonTimeout, Detail: r.fault}
	}
	return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonRcode, Detail: r.fault}
}
