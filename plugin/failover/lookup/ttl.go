package lookup

import "time"

// leastTTL is, in seconds, how often a name is looked up: what lives shorter is not known to have changed before.
const leastTTL = 5

// lifetime is the TTL that addresses have: the highest that was seen lately. A cache on the way counts the TTL down and
// begins anew, which is no change, and must not raise a serial at every look-up (D05).
type lifetime struct {
	ttl    uint32    // the highest
	seen   time.Time // when it was
	lower  uint32    // the highest since then
	pinned bool      // there is one
}

// ttlSlack is, in seconds, by how much a TTL in a cache may be less than it was at first when it is seen: the time between
// two look-ups for an alias, and the timeout of one. What is looked up for CNAMEs alone is seen less often, but raises no
// serial.
const ttlSlack = 10

// see gives the TTL after one more look-up.
func (l *lifetime) see(ttl uint32, now time.Time) uint32 {
	ttl = max(ttl, leastTTL)
	if !l.pinned || ttl >= l.ttl {
		*l = lifetime{ttl: ttl, seen: now, pinned: true}
		return l.ttl
	}
	l.lower = max(l.lower, ttl)
	round := time.Duration(l.ttl)*time.Second + ttlSlack*time.Second
	if now.Sub(l.seen) > round {
		// A whole life in a cache has passed. A little less is what comes of when it was looked at.
		if l.lower+ttlSlack < l.ttl {
			l.ttl = l.lower
		}
		l.seen, l.lower = now, 0
	}
	return l.ttl
}
