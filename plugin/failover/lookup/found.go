package lookup

import (
	"net/netip"
	"slices"
	"time"
)

// Found is what is known of a name. It is immutable.
type Found struct {
	// Answered tells that a look-up has been answered, be it with nothing: a name that does not exist was answered too.
	Answered bool
	// Now has what the last look-up with an answer found, by family: IPv4, then IPv6.
	Now [2]Family
	// Last is Now of when there last was an address.
	Last [2]Family
	// NXDomain tells that by the last look-up with an answer the name does not exist.
	NXDomain bool
	// Nobody tells that by the last look-up no plugin knows the name.
	Nobody bool
	// Since is when what Now says was found first.
	Since time.Time
}

// Family is the addresses of one family.
type Family struct {
	Addrs []netip.Addr // sorted and distinct, so that a server which shuffles them changes nothing
	// CNAMEs are the names that lead to the addresses: the targets of the CNAMEs, one after the other.
	CNAMEs []string
	TTL    uint32 // in seconds
}

// nothing is known of a name that was never looked up.
var nothing = new(Found)

// Any tells that there is an address.
func (f *Found) Any() bool { return len(f.Now[0].Addrs) > 0 || len(f.Now[1].Addrs) > 0 }

// same tells that there is nothing new but perhaps the time.
func (f *Found) same(g *Found) bool {
	return f.Answered == g.Answered && f.NXDomain == g.NXDomain && f.Nobody == g.Nobody &&
		f.Now[0].equal(&g.Now[0]) && f.Now[1].equal(&g.Now[1])
}

// says tells that what was found is the same, but perhaps for how long it may be held and who is asked.
func (f *Found) says(g *Found) bool {
	return f.Answered && g.Answered && f.NXDomain == g.NXDomain &&
		slices.Equal(f.Now[0].Addrs, g.Now[0].Addrs) && slices.Equal(f.Now[1].Addrs, g.Now[1].Addrs)
}

func (f *Family) equal(g *Family) bool {
	return f.TTL == g.TTL && slices.Equal(f.Addrs, g.Addrs) && slices.Equal(f.CNAMEs, g.CNAMEs)
}
