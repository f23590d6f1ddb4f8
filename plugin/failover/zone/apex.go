package zone

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/miekg/dns"
)

// The timers of the SOA, in seconds; those of CoreDNS's other made-up zones. They matter to secondaries only.
const (
	soaRefresh = 7200
	soaRetry   = 1800
	soaExpire  = 86400
)

// apex is the part of a zone that changes with its serial. It is immutable.
type apex struct {
	soa      []dns.RR   // as the answer to a question for it
	ns       []dns.RR   //
	negative [][]dns.RR // as the authority of a negative answer, by TTL class
}

type apexPointer = atomic.Pointer[apex]

// SOA returns the answer to a question for the zone's SOA.
func (z *Zone) SOA() []dns.RR { return z.apex.Load().soa }

// NS returns the answer to a question for the zone's name servers.
func (z *Zone) NS() []dns.RR { return z.apex.Load().ns }

// Negative returns the SOA for the authority section of a name error, or of a name that has no record of the type.
func (z *Zone) Negative() []dns.RR { return z.apex.Load().negative[0] }

// ttlClasses lists the TTLs that the negative answers of a zone can have. The first is that of answers which no health
// can change. An alias brings in the TTLs of its target (A06), which may lie in another zone.
func ttlClasses(config *corefile.Config, z *corefile.Zone) []uint32 {
	classes := []uint32{z.TTL.Settled}
	seen := map[uint32]bool{z.TTL.Settled: true}
	add := func(sets []*corefile.Set) {
		for _, s := range sets {
			for _, ttl := range [...]uint32{s.TTL.Settled, s.TTL.Unsettled} {
				if !seen[ttl] {
					seen[ttl] = true
					classes = append(classes, ttl)
				}
			}
		}
	}
	add(z.Sets)
	if slices.ContainsFunc(z.Sets, func(s *corefile.Set) bool {
		return slices.ContainsFunc(s.Records, func(r *corefile.Record) bool { return r.Alias != nil })
	}) {
		for _, other := range config.Zones {
			add(other.Sets)
		}
		if len(config.Outside) > 0 && !seen[outsideTTL] {
			classes = append(classes, outsideTTL)
		}
	}
	return classes
}

// outsideTTL is a TTL, in seconds, for negative answers that depend on a name outside. Any TTL can be found there.
const outsideTTL = 5

// class is the index of the TTL class for a ceiling: the highest that is not over it, else the lowest.
func (z *Zone) class(ceiling uint32) uint32 {
	best := 0
	for i, ttl := range z.classes {
		switch is := z.classes[best]; {
		case ttl == ceiling:
			return uint32(i)
		case is > ceiling && ttl < is, ttl <= ceiling && ttl > is:
			best = i
		}
	}
	return uint32(best)
}

// serialPause is how long a change of answers waits for a serial at the most.
const serialPause = time.Second

// raise gives a zone a new serial.
func (x *Index) raise(z *Zone, now time.Time) {
	delete(x.late, z)
	z.raised = now
	z.publishApex(now)
	if x.Changed != nil {
		x.Changed(z.Config.Name)
	}
}

// raiseLate gives the zones in which answers have changed new serials: at once, or, where a zone has used up what it may
// be ahead of the clock, a second after the last. It returns when to call it again, zero for never.
func (x *Index) raiseLate(now time.Time) (wake time.Time) {
	for z := range x.late {
		since := now.Sub(z.raised) // below zero after the clock was set back
		if serials.early(z.Config.Name, now) && since >= 0 && since < serialPause {
			wake = earlier(wake, z.raised.Add(serialPause))
			continue
		}
		x.raise(z, now)
	}
	return wake
}

// earlier is the earlier of two times, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Serials are the highest serials of zones.
type Serials map[string]uint32

// Note adds those of an index.
func (s Serials) Note(x *Index) {
	for name, z := range x.zones {
		a := z.apex.Load()
		if last, ok := s[name]; a != nil && (!ok || int32(a.serial()-last) > 0) {
			s[name] = a.serial()
		}
	}
}

// Overtake raises the serials of the zones that are not ahead of what was answered before. While a reload is under way
// both the old and the new index change, and the old one may have done so last.
func (x *Index) Overtake(before Serials, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, z := range x.zones {
		a := z.apex.Load()
		if last, ok := before[name]; ok && a != nil && int32(a.serial()-last) <= 0 {
			x.raise(z, now)
		}
	}
}

// publishApex raises the serial. Negative answers live as long as the lower of the SOA's TTL and its last field (RFC
// 2308, section 5), so that lowering the TTL alone is enough for those that may soon change.
func (z *Zone) publishApex(now time.Time) {
	c := z.Config
	soa := dns.SOA{
		Hdr: dns.RR_Header{Name: c.Name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: c.TTL.Settled},
		Ns:  c.MName, Mbox: c.RName, Serial: serials.next(c.Name, now),
		Refresh: soaRefresh, Retry: soaRetry, Expire: soaExpire, Minttl: c.TTL.Settled,
	}
	withTTL := func(ttl uint32) []dns.RR {
		rr := soa
		rr.Hdr.Ttl = min(ttl, soa.Minttl)
		return []dns.RR{&rr}
	}
	a := &apex{soa: withTTL(c.TTL.Settled)}
	for _, ttl := range z.classes {
		a.negative = append(a.negative, withTTL(ttl))
	}
	if old := z.apex.Load(); old != nil {
		a.ns = old.ns
	} else {
		for _, name := range c.NS {
			a.ns = append(a.ns, &dns.NS{
				Hdr: dns.RR_Header{Name: c.Name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: c.TTL.Settled}, Ns: name,
			})
		}
		a.ns = slices.Clip(a.ns)
	}
	z.apex.Store(a)
}

// serials are those of all zones of the process, so that none falls on a reload (D05). They begin at the time, in
// seconds, and are never much ahead of it: so a new process begins beyond what the one before it gave out, unless the
// clock was set back.
var serials = serialTable{last: make(map[string]uint32)}

// maxAhead is how many seconds a serial may be ahead of the clock before changes have to share one.
const maxAhead = 10

type serialTable struct {
	mu   sync.Mutex
	last map[string]uint32
}

func (t *serialTable) next(zone string, now time.Time) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	serial := uint32(now.Unix()) // wraps in 2106, which serial arithmetic (RFC 1982) allows
	if last, ok := t.last[zone]; ok && int32(serial-last) <= 0 {
		serial = last + 1
	}
	t.last[zone] = serial
	return serial
}

// SavedSerials gives the serials of all zones that this process has answered for, to be kept over a restart.
func SavedSerials() map[string]uint32 {
	serials.mu.Lock()
	defer serials.mu.Unlock()
	return maps.Clone(serials.last)
}

// RestoreSerials has zones go on beyond the serials that they had before a restart. With lost, changes of the last
// moments may have had serials that were not kept; there is room for as many as can come at once.
func RestoreSerials(saved map[string]uint32, lost bool) { serials.restore(saved, lost) }

func (t *serialTable) restore(saved map[string]uint32, lost bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for zone, serial := range saved {
		if lost {
			serial += maxAhead
		}
		if last, ok := t.last[zone]; !ok || int32(serial-last) > 0 {
			t.last[zone] = serial
		}
	}
}

// early tells that the next serial of a zone should wait for the clock.
func (t *serialTable) early(zone string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, ok := t.last[zone]
	return ok && int32(last-uint32(now.Unix())) >= maxAhead
}
