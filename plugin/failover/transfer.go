package failover

import (
	"time"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"
)

var _ transfer.Transferer = (*Failover)(nil)

// Transfer implements transfer.Transferer: the zone as it would be answered now (D09). There is no history of a zone, so
// what asks for the changes since a serial gets the whole, or the SOA alone when it has missed nothing.
func (f *Failover) Transfer(zone string, serial uint32) (<-chan []dns.RR, error) {
	contents, ok := f.index.Contents(zone, time.Now())
	if !ok {
		return nil, transfer.ErrNotAuthoritative
	}
	// All at once, so that nobody has to wait for a client which is slow to read, or is gone.
	ch := make(chan []dns.RR, 1)
	defer close(ch)
	if serial != 0 && int32(serial-contents.Serial()) >= 0 { // serial arithmetic (RFC 1982)
		ch <- contents.SOA()
		return ch, nil
	}
	ch <- contents.Records()
	return ch, nil
}
