package zone

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// outside is what a Set has besides, that stands for a name outside the record sets (statement A08): to aliases it is a
// target like any other, with one record, whose values are what was found last. No name leads to it, and it has no
// answers of its own.
type outside struct {
	config *corefile.Outside
	index  int // in Index.sets
	look   func() *lookup.Found
	// What follows is the evaluator's: what the plans are about.
	found  *lookup.Found
	values [policy.Families][]dns.RR // of found.Last
	shown  atomic.Pointer[Elsewhere]
}

// Elsewhere is what is known of a name outside the record sets, for those who follow a CNAME there. It is immutable.
type Elsewhere struct {
	// Nobody tells that no plugin of the server block knows the name.
	Nobody bool
	// NXDomain tells that the name does not exist.
	NXDomain bool
	// Records are the CNAMEs and addresses of the name, by family. They are shared and must not be changed.
	Records [policy.Families][]dns.RR
}

// unknown is known of a name that was never looked up.
var unknown = new(lookup.Found)

// placeOutside makes a Set for each name outside, before all others.
func (x *Index) placeOutside(config *corefile.Config) {
	x.outside = make(map[string]*Set, len(config.Outside))
	form := &shape{Set: policy.Set{Kind: policy.Static, Families: policy.Families, Records: make([]policy.Record, 1)}}
	for i, o := range config.Outside {
		x.sets = x.sets[:i+1]
		s := &x.sets[i]
		s.Config = &corefile.Set{
			Zone: &corefile.Zone{}, Name: o.Name, Kind: policy.Static, Records: []*corefile.Record{{ID: "lookup"}},
		}
		s.shape = form
		s.active.Store(-1)
		s.link().outside = &outside{config: o, index: i, found: unknown, look: func() *lookup.Found {
			if x.Look == nil {
				return unknown
			}
			return x.Look(o.Name)
		}}
		s.links.outside.shown.Store(new(Elsewhere))
		x.outside[o.Name] = s
	}
}

// Elsewhere is what is known of a name outside the record sets that a CNAME leads to, nil for one that is not looked up.
func (x *Index) Elsewhere(name string) *Elsewhere {
	s := x.outside[name]
	if s == nil {
		return nil
	}
	shown := s.links.outside.shown.Load()
	if x.Withhold && !shown.Nobody {
		return withheld
	}
	return shown
}

// withheld is what is known of a name that may not be for everybody.
var withheld = new(Elsewhere)

// AddressFamily is which family of Elsewhere.Records a type is.
func AddressFamily(rrtype uint16) (family int, ok bool) {
	switch rrtype {
	case dns.TypeA:
		return 0, true
	case dns.TypeAAAA:
		return 1, true
	}
	return 0, false
}

// Found has the next Update make anew what depends on a name outside, of which there is something new. It waits for
// nothing but others who call it.
func (x *Index) Found(name string) {
	x.news.Lock()
	defer x.news.Unlock()
	x.news.names = append(x.news.names, name)
}

// Outside tells what the set is looked up for and what was found, nil for a record set of the configuration.
func (s *Set) Outside() (*corefile.Outside, *lookup.Found) {
	if s.links == nil || s.links.outside == nil {
		return nil, nil
	}
	return s.links.outside.config, s.links.outside.found
}

// LeadsTo tells that what is answered for a name depends on what was found for a name outside, be it through aliases or
// CNAMEs. It looks at each name and each set once, however many ways lead there.
func (x *Index) LeadsTo(name, outside string) bool {
	target := x.outside[outside]
	if target == nil {
		return false
	}
	names, sets := map[string]bool{}, map[*Set]bool{}
	next := []string{name}
	for range MaxChain {
		var targets []string
		for _, n := range next {
			m := x.Match(n)
			if m.Node == nil || names[n] {
				continue
			}
			names[n] = true
			for s := m.Node.set; s != nil; s = s.sibling {
				if s.leadsTo(target, sets) {
					return true
				}
			}
			targets = append(targets, m.Node.cnameTargets()...)
		}
		if slices.Contains(targets, target.Config.Name) {
			return true
		}
		next = targets
	}
	return false
}

// leadsTo tells that the set is the target, or that an alias of it leads there. It leaves out those that were seen.
func (s *Set) leadsTo(target *Set, seen map[*Set]bool) bool {
	if s == target {
		return true
	}
	if seen[s] || s.links == nil {
		return false
	}
	seen[s] = true
	for _, families := range s.links.targets {
		for _, t := range families {
			if t != nil && t.leadsTo(target, seen) {
				return true
			}
		}
	}
	return false
}

// cnameTargets are the targets of the CNAMEs of a node, of all of which one may be answered.
func (n *Node) cnameTargets() []string {
	set := n.CNAME()
	if set == nil {
		return nil
	}
	var targets []string
	for _, r := range set.Config.Records {
		for _, rr := range r.Values(0) {
			targets = append(targets, rr.(*dns.CNAME).Target)
		}
	}
	return targets
}

// isOutside tells that the set stands for a name outside the record sets.
func (s *Set) isOutside() bool { return s.links != nil && s.links.outside != nil }

// The plans of a set for a name outside. An answer says nothing of which addresses: whoever keeps it, as all_down last
// does, gets those that are known when it is made.
var (
	found    = &policy.Plan{Status: policy.Alive, Take: 1, Choices: make([]policy.Choice, 1)}
	lastSeen = &policy.Plan{Status: policy.Dead, AllDown: true, Take: 1, Choices: make([]policy.Choice, 1)}
	// Of the family there is nothing, and of the other one there is.
	otherOnly = &policy.Plan{Outcome: policy.AnswerNoData, Status: policy.Absent}
	none      = &policy.Plan{Outcome: policy.AnswerNoData, Status: policy.Dead, AllDown: true, Empty: true, Void: true}
	// To say that there are no addresses would be a guess.
	notKnown = &policy.Plan{Outcome: policy.AnswerServFail, Status: policy.Dead, AllDown: true, Empty: true}
)

// evaluateOutside does what evaluate does. The health of a name outside (A08, R18):
//
//	looked up        addresses known         plans
//	never answered                           not usable: the next tier, and SERVFAIL where there is none
//	healthy          of the family           Alive, with those
//	healthy          of the other only       Absent
//	any              none, of a family       Dead, Empty and Void
//	                 that it had last, or
//	                 where it never had any
//	any              none, of the other      Absent: or an IPv4-only name that goes would make AAAA fail, and raise an
//	                 family                  alarm, where a name beside it has nothing but IPv4 addresses either
//	unhealthy        of the family           Dead; where all is down, those are served
//
// "Healthy" is the check, which fails when there is no answer, and so by fall and rise. What an answer says counts at
// once.
func (s *Set) evaluateOutside(status func(leaf int) health.Status) (changed, parentsToo bool) {
	o := s.links.outside
	verdict := unchecked
	if check := o.config.Check(); check != nil {
		verdict = check.Evaluate(status)
	}
	now := o.look()
	fresh := o.found != now
	if fresh {
		o.take(now)
	}
	var plans [policy.Families]*policy.Plan
	var guess [policy.Families]bool
	s.ttl = ^uint32(0)
	for f := range plans {
		known := len(now.Now[f].Addrs) > 0
		switch {
		case !now.Answered:
			plans[f] = notKnown
		case !now.Any() && len(now.Last[f].Addrs) == 0 && len(now.Last[1-f].Addrs) > 0:
			plans[f] = otherOnly
		case !now.Any():
			plans[f] = none
		case !known:
			plans[f] = otherOnly
		case verdict.Healthy:
			plans[f] = found
		default:
			plans[f] = lastSeen
		}
		guess[f] = plans[f] != found || !verdict.Known
		if known {
			s.ttl = min(s.ttl, now.Now[f].TTL)
		}
	}
	settled := verdict.Settled && now.Any()
	pending := verdict.Healthy && !now.Answered
	sameFlags := settled == s.settled && guess == s.guess && pending == s.links.pending
	changed = fresh || plans != s.plans
	s.plans, s.settled, s.guess, s.links.pending = plans, settled, guess, pending
	if changed {
		s.links.version++
	}
	return changed, changed || !sameFlags
}

// take makes records of what was found.
func (o *outside) take(now *lookup.Found) {
	o.found = now
	shown := &Elsewhere{Nobody: now.Nobody, NXDomain: now.NXDomain}
	for f := range o.values {
		last := &now.Last[f]
		owner := o.config.Name
		var chain []dns.RR
		for _, target := range last.CNAMEs {
			chain = append(chain, &dns.CNAME{Hdr: header(owner, dns.TypeCNAME, last.TTL), Target: target})
			owner = target
		}
		o.values[f] = make([]dns.RR, len(last.Addrs))
		for i, addr := range last.Addrs {
			o.values[f][i] = addressRecord(owner, addr, last.TTL)
		}
		if len(now.Now[f].Addrs) > 0 { // CNAMEs to nothing say no more than the first one does, and have no TTL
			shown.Records[f] = append(chain, o.values[f]...)[: len(chain)+len(last.Addrs) : len(chain)+len(last.Addrs)]
		}
	}
	o.shown.Store(shown)
}

func header(owner string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

func addressRecord(owner string, addr netip.Addr, ttl uint32) dns.RR {
	if addr.Is4() {
		return &dns.A{Hdr: header(owner, dns.TypeA, ttl), A: addr.AsSlice()}
	}
	return &dns.AAAA{Hdr: header(owner, dns.TypeAAAA, ttl), AAAA: addr.AsSlice()}
}

// copied is what is known now, for a copy of the set.
func (o *outside) copied() *outside {
	own := &outside{config: o.config, found: o.found, values: o.values}
	own.look = func() *lookup.Found { return own.found }
	own.shown.Store(o.shown.Load())
	return own
}
