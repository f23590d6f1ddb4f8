package corefile

import (
	"strings"

	"github.com/seed-a19ac2b6/failover/health"

	"github.com/miekg/dns"
)

// slab hands out pieces of arrays. A configuration lives and dies as a whole, and the garbage collector, which runs
// while probes are due, has less to do for a few arrays than for an object for each of a hundred thousand records.
type slab[T any] struct {
	free []T
	size int // of the last array
}

// mostInSlab bounds what the last array can waste.
const mostInSlab = 512

// take gives room for n values, with no capacity beyond.
func (s *slab[T]) take(n int) []T {
	if n > len(s.free) {
		s.size = min(2*s.size+4, mostInSlab)
		s.free = make([]T, max(n, s.size))
	}
	taken := s.free[:n:n]
	s.free = s.free[n:]
	return taken
}

// keep gives a copy of the values, nil for none.
func (s *slab[T]) keep(values []T) []T {
	if len(values) == 0 {
		return nil
	}
	kept := s.take(len(values))
	copy(kept, values)
	return kept
}

// one gives room for a single value.
func (s *slab[T]) one() *T { return &s.take(1)[0] }

// arena holds what a Config has many of.
type arena struct {
	sets        slab[Set]
	records     slab[Record]
	recordLists slab[*Record]
	rrs         slab[dns.RR]
	checks      slab[*health.Expression]
	expressions slab[health.Expression]
	a           slab[dns.A]
	aaaa        slab[dns.AAAA]
	octets      slab[byte]
	names       text
}

// text hands out pieces of strings, as slab does of arrays.
type text struct{ strings.Builder }

// mostInText bounds what the last string can waste.
const mostInText = 8192

// keep gives a copy of a string.
func (t *text) keep(s string) string {
	begin := t.Len()
	if begin+len(s) > t.Cap() {
		size := min(2*t.Cap()+64, mostInText)
		t.Reset()
		t.Grow(max(len(s), size))
		begin = 0
	}
	t.WriteString(s)
	return t.String()[begin:]
}
