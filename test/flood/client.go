package flood

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

const (
	// sockets is how many clients a flood is, and depth how many questions each has open. One more is asked when one is
	// answered, so the server has its hands full and its queues stay short.
	sockets = 4
	depth   = 16
	// Patience is how long an answer is waited for, far longer than one takes: what runs into it was lost.
	Patience = 3 * time.Second
)

// client is one socket with its open questions.
type client struct {
	field  *Field
	window time.Duration
	conn   *net.UDPConn
	packet *ipv4.PacketConn

	sets   []int // to ask for, in this order
	once   bool  // each of them, and not over and over
	next   int
	slots  [depth]slot
	send   []ipv4.Message
	got    []ipv4.Message
	result Result
}

// slot is one open question.
type slot struct {
	set    int
	serial uint16 // tells it from an earlier one in the slot
	asked  time.Time
	query  []byte
}

// digitsAt is where the digits of the label are in a query: behind the header, the label's length and its "s".
const digitsAt = 12 + 2

func (c *client) open(addr string) error {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	c.conn = conn.(*net.UDPConn)
	c.packet = ipv4.NewPacketConn(c.conn)
	question := new(dns.Msg)
	question.SetQuestion(label(0)+".example.org.", dns.TypeA)
	query, err := question.Pack()
	if err != nil {
		return err
	}
	for i := range c.slots {
		c.slots[i].query = append([]byte(nil), query...)
	}
	c.got = make([]ipv4.Message, depth)
	for i := range c.got {
		c.got[i].Buffers = [][]byte{make([]byte, dns.MinMsgSize)}
	}
	c.send = make([]ipv4.Message, 0, depth)
	return nil
}

// run asks until ctx ends and what is open has been answered.
func (c *client) run(ctx context.Context) error {
	open := 0
	for ; open < depth && c.more(ctx); open++ {
		c.ask(open)
	}
	for open > 0 {
		if err := c.flush(); err != nil {
			return err
		}
		if err := c.conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
			return err
		}
		n, err := c.packet.ReadBatch(c.got, 0)
		came := time.Now()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.result.Lost += open
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading answers: %w", err)
		}
		for i := range c.got[:n] {
			at, ok := c.take(c.got[i].Buffers[0][:c.got[i].N], came)
			switch {
			case !ok:
			case c.more(ctx):
				c.ask(at)
			default:
				open--
			}
		}
	}
	return nil
}

func (c *client) more(ctx context.Context) bool {
	return ctx.Err() == nil && (!c.once || c.next < len(c.sets))
}

// ask puts the next question into a slot.
func (c *client) ask(at int) {
	s := &c.slots[at]
	s.set = c.sets[c.next%len(c.sets)]
	c.next++
	s.serial++
	binary.BigEndian.PutUint16(s.query, s.id(at))
	for i, n := digitsAt+6, s.set; i >= digitsAt; i, n = i-1, n/10 {
		s.query[i] = byte('0' + n%10)
	}
	c.send = append(c.send, ipv4.Message{Buffers: [][]byte{s.query}})
	s.asked = time.Now()
}

// id carries the slot, and the serial as far as there is room.
func (s *slot) id(at int) uint16 { return s.serial*depth + uint16(at) }

func (c *client) flush() error {
	for len(c.send) > 0 {
		n, err := c.packet.WriteBatch(c.send, 0)
		if err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		c.send = c.send[n:]
	}
	c.send = c.send[:0]
	return nil
}

// take judges an answer and gives its slot; it is not ok if nobody has asked for it.
func (c *client) take(m []byte, came time.Time) (at int, ok bool) {
	if len(m) < 12 {
		c.wrong(fmt.Errorf("an answer of %d bytes", len(m)))
		return 0, false
	}
	id := binary.BigEndian.Uint16(m)
	at = int(id % depth)
	s := &c.slots[at]
	if s.asked.IsZero() || s.id(at) != id {
		c.wrong(fmt.Errorf("an answer that nobody waits for: %x", m))
		return 0, false
	}
	c.result.Answered++
	c.result.took(came.Sub(s.asked))
	a, err := parse(m, s.query)
	if err != nil {
		c.wrong(fmt.Errorf("%s: %w", label(s.set), err))
		s.asked = time.Time{}
		return at, true
	}
	lag, right := c.field.timelines[s.set].behind(right(s.set, a), s.asked, came)
	switch {
	case !right:
		c.wrong(fmt.Errorf("%s was answered %s with TTL %d, which was never right until then", label(s.set), a.addr, a.ttl))
	case lag > c.window:
		c.wrong(fmt.Errorf("%s was answered %s with TTL %d, which was last right %v before", label(s.set), a.addr, a.ttl, lag))
	}
	c.result.Behind = max(c.result.Behind, lag)
	s.asked = time.Time{}
	return at, true
}

func (c *client) wrong(err error) {
	c.result.Wrong++
	if c.result.First == nil {
		c.result.First = err
	}
}
